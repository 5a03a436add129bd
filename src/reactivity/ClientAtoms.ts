/**
 * The atoms of one client, with their types erased.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import * as Atom from "effect/reactivity/Atom"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { type Gap, Status } from "../ConnectionStatus.ts"
import type { ActorClient } from "../internal/actorClient.ts"
import type { AnyActor, AnyClient } from "../internal/definition.ts"
import * as Commands from "./Commands.ts"
import * as Fold from "./Fold.ts"

interface AnyContract extends Pick<AnyActor, "protocol" | "Client"> {
  readonly layerClient: (key: string, options: object) => Layer.Layer<never, never, ActorClient>
}

interface AnyOptions {
  readonly layer: Layer.Layer<ActorClient>
  readonly connect?: object | ((get: Atom.AtomContext) => object) | undefined
  readonly idleTimeToLive?: Duration.Input | undefined
}

type AnyMethod = (payload: unknown) => Effect.Effect<unknown, unknown> & Stream.Stream<unknown, unknown>

/** What is made for one key of `query`. */
interface Question {
  readonly tag: string
  readonly payload: unknown
}

/**
 * The atoms of one client. Whoever holds one of them holds all, so that those of a family stay the same while they are
 * used.
 *
 * @category models
 * @since 0.1.0
 */
export class ClientAtoms {
  private readonly actor: AnyContract
  private readonly runtime: Atom.AtomRuntime<never>
  /** Never changes, and keeps the client while it is used. */
  private readonly alive: Atom.Atom<boolean>
  private readonly commands = Atom.make(Commands.make)
  private readonly calls = new Map<string, unknown>()

  readonly client: Atom.Atom<AsyncResult.AsyncResult<AnyClient>>
  readonly status: Atom.Atom<Status<unknown>>
  readonly gap: Atom.Atom<Option.Option<Gap>>
  readonly queued: Atom.Atom<number>
  readonly pending: Atom.Atom<ReadonlyArray<Commands.Command>>
  readonly disconnect: Atom.AtomResultFn<string | void, void>

  constructor(actor: unknown, key: string, options: unknown, dialling: Atom.Atom<boolean>) {
    this.actor = actor as AnyContract
    const { Client } = this.actor
    this.runtime = this.makeRuntime(key, options as AnyOptions, dialling)
    this.alive = Atom.readable((get) => get(this.runtime) !== undefined)
    const client = Atom.readable(
      (get) => AsyncResult.map(get(this.runtime), (context) => Context.get(context, Client)),
      (refresh) => refresh(this.runtime)
    )
    this.client = withServerValue(client, AsyncResult.initial(true))
    this.status = this.follow(
      Status.Connecting({ attempt: 0 }),
      Effect.map(Client, ({ status }) => SubscriptionRef.changes(status))
    )
    this.gap = this.follow(
      Option.none<Gap>(),
      Effect.map(Client, ({ gaps }) => Stream.map(gaps, Option.some))
    )
    this.queued = this.follow(0, Effect.map(Client, ({ queuedChanges }) => queuedChanges))
    this.pending = newest(
      [],
      Atom.make((get) =>
        Stream.unwrap(Effect.map(get.result(this.commands), ({ pending }) => SubscriptionRef.changes(pending)))
      )
    )
    this.disconnect = this.onWrite((reason: string | void) =>
      Client.use((client) => client.disconnect(reason ?? undefined))
    )
  }

  readonly fold = (options: Fold.AnyFold): Atom.Atom<AsyncResult.AsyncResult<unknown, unknown>> => {
    const start: AsyncResult.AsyncResult<unknown, unknown> = options.load === undefined
      ? AsyncResult.success(options.initial, { waiting: true })
      : AsyncResult.initial(true)
    const states = Effect.map(this.actor.Client, (client) => Fold.states(client, options))
    const atom = Atom.map(
      this.runtime.atom(Stream.unwrap(states)),
      (result) => result._tag === "Initial" ? start : result
    )
    return withServerValue<Atom.Atom<AsyncResult.AsyncResult<unknown, unknown>>>(atom, start)
  }

  readonly call = (tag: string): unknown => {
    if (this.calls.has(tag)) return this.calls.get(tag)
    const call = this.onWrite((payload: unknown) => this.ask(tag, payload), tag)
    this.calls.set(tag, call)
    return this.calls.get(tag)
  }

  readonly query = (tag: string, payload?: unknown): unknown => this.queries({ tag, payload })

  private readonly queries = Atom.family(({ payload, tag }: Question) => {
    const read = this.ask(tag, payload)
    const atom: Atom.Atom<AsyncResult.AsyncResult<unknown, unknown>> = this.isStream(tag)
      ? this.runtime.pull((get) => {
        get(this.gap)
        return Stream.unwrap(
          Effect.map(this.method(tag), (method) => method(payload) as Stream.Stream<unknown, unknown>)
        )
      })
      : this.runtime.atom((get) => {
        get(this.gap)
        return Fold.again(read)
      })
    return withServerValue(atom, AsyncResult.initial(true))
  })

  private makeRuntime(key: string, options: AnyOptions, dialling: Atom.Atom<boolean>): Atom.AtomRuntime<never> {
    const { connect, idleTimeToLive, layer } = options
    const runtime = Atom.runtime((get): Layer.Layer<never> => {
      if (!get(dialling)) return Layer.effectContext(Effect.never)
      const connectOptions = typeof connect === "function" ? connect(get) : connect ?? {}
      return Layer.provideMerge(this.actor.layerClient(key, connectOptions), layer)
    })
    return idleTimeToLive === undefined ? runtime : Atom.setIdleTTL(runtime, idleTimeToLive)
  }

  /** The newest value of a stream that the client gives. */
  private follow<A>(initial: A, stream: Effect.Effect<Stream.Stream<A>>): Atom.Atom<A> {
    return newest(initial, this.runtime.atom(Stream.unwrap(stream)))
  }

  /**
   * Runs what is written, once: an atom that is made from the runtime by `fn` runs the last of it again whenever there is
   * a new client.
   */
  private onWrite<Arg, A, E>(run: (arg: Arg) => Effect.Effect<A, E>, tag?: string): Atom.AtomResultFn<Arg, A, E> {
    const inner: Atom.AtomResultFn<Arg, A, E> = Atom.fn<Arg>()((arg: Arg, get) => {
      const held = Effect.acquireUseRelease(
        Effect.sync(() => [get.registry.mount(this.runtime), get.registry.mount(this.commands)]),
        () => Effect.flatMap(get.result(this.runtime), (context) => Effect.provideContext(run(arg), context)),
        (releases) => Effect.sync(() => releases.forEach((release) => release()))
      )
      if (tag === undefined) return held
      return Effect.flatMap(get.result(this.commands), (commands) => commands.run({ tag, payload: arg }, held))
    })
    const outer = Atom.writable(
      (get) => {
        get(this.alive)
        return get(inner)
      },
      (context, arg: Arg | Atom.Reset | Atom.Interrupt) => context.set(inner, arg)
    )
    return withServerValue(outer, AsyncResult.initial())
  }

  private method(tag: string): Effect.Effect<AnyMethod> {
    return Effect.map(this.actor.Client, ({ rpc }) => (rpc as Record<string, AnyMethod>)[tag]!)
  }

  private ask(tag: string, payload: unknown): Effect.Effect<unknown, unknown> {
    return Effect.flatMap(this.method(tag), (method) => method(payload) as Effect.Effect<unknown, unknown>)
  }

  private isStream(tag: string): boolean {
    return RpcSchema.isStreamSchema(this.actor.protocol.requests.get(tag)!.successSchema)
  }
}

/** The newest value of a stream. */
const newest = <A, E>(initial: A, atom: Atom.Atom<AsyncResult.AsyncResult<A, E>>): Atom.Atom<A> =>
  withServerValue<Atom.Atom<A>>(Atom.map(atom, AsyncResult.getOrElse(() => initial)), initial)

/** What the atom is on a server, where nothing is read that could connect. */
const withServerValue = <T extends Atom.Atom<any>>(atom: T, value: Atom.Type<T>): T =>
  Atom.withServerValue(atom, () => value)
