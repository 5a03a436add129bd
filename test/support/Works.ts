/**
 * An actor that server code and other actors call, in every way that there is.
 *
 * @since 0.1.0
 */
import { Context, Deferred, Effect, Latch, Layer, Schema, Stream } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import { ActorHost } from "../../src/ActorHost.ts"

/**
 * The failure of `add`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { limit: Schema.Finite }) {}

/**
 * The actor.
 *
 * @category models
 * @since 0.1.0
 */
export class Works extends Actor.make("Works", {
  state: Schema.Finite,
  internal: [
    Rpc.make("add", { payload: { amount: Schema.Finite }, success: Schema.Finite, error: TooMuch }),
    Rpc.make("when", { payload: { at: Schema.Date }, success: Schema.Date }),
    Rpc.make("die", { payload: { secret: Schema.String } }),
    Rpc.make("big", { payload: { text: Schema.String, length: Schema.Finite }, success: Schema.String }),
    Rpc.make("wait", { payload: { gate: Schema.String }, success: Schema.String }),
    Rpc.make("count", { payload: { to: Schema.Finite }, success: Schema.Finite, stream: true }),
    Rpc.make("listen", { payload: { gate: Schema.String }, success: Schema.String, stream: true }),
    /** Goes from one to the next along `keys`; `@name` waits at the gate of that name. */
    Rpc.make("visit", { payload: { keys: Schema.Array(Schema.String) }, success: Schema.String }),
    /** As `visit`, but answers at once; `Floor` tells the outcome. */
    Rpc.make("send", { payload: { keys: Schema.Array(Schema.String) } })
  ]
}) {}

/**
 * What a test sees of the works of one node.
 *
 * @category services
 * @since 0.1.0
 */
export class Floor extends Context.Service<Floor, {
  readonly entries: Array<string>
  /** How far the last `count` has come. */
  counted: number
  readonly gate: (name: string) => Latch.Latch
  /** Done when somebody waits at a gate. */
  readonly waits: (name: string) => Deferred.Deferred<void>
  /** What became of the first `send`. */
  readonly sent: Deferred.Deferred<string>
}>()("effect-tether/test/Works/Floor") {
  static readonly layer = Layer.sync(Floor, () => {
    const gates = new Map<string, Latch.Latch>()
    const waiting = new Map<string, Deferred.Deferred<void>>()
    return {
      entries: [],
      counted: 0,
      sent: Deferred.makeUnsafe<string>(),
      gate: (name) => {
        const gate = gates.get(name) ?? Latch.makeUnsafe(false)
        gates.set(name, gate)
        return gate
      },
      waits: (name) => {
        const known = waiting.get(name) ?? Deferred.makeUnsafe<void>()
        waiting.set(name, known)
        return known
      }
    }
  })
}

const stand = ({ entries, gate, waits }: Floor["Service"], name: string) =>
  Effect.sync(() => entries.push(`wait ${name}`)).pipe(
    Effect.andThen(Deferred.succeed(waits(name), undefined)),
    Effect.andThen(gate(name).await),
    Effect.tap(() => Effect.sync(() => entries.push(`passed ${name}`))),
    Effect.onInterrupt(() => Effect.sync(() => entries.push(`interrupted ${name}`))),
    Effect.as(name)
  )

const visit = (
  floor: Floor["Service"],
  keys: ReadonlyArray<string>
): Effect.Effect<string, never, ActorHost> => {
  const [key, ...others] = keys
  if (key === undefined) return Effect.succeed("arrived")
  if (key.startsWith("@")) return Effect.andThen(stand(floor, key.slice(1)), visit(floor, others))
  return Works.client(key).pipe(
    Effect.flatMap((works) => works.visit({ keys: others })),
    Effect.catchTag(
      "CallError",
      ({ reason }) =>
        Effect.succeed(reason._tag === "CallCycle" ? `CallCycle ${reason.chain.join(" > ")}` : reason._tag)
    )
  )
}

const makeHandlers = Effect.gen(function*() {
  const floor = yield* Floor
  const state = yield* Works.State
  const key = yield* Works.CurrentKey
  const scope = yield* Effect.scope
  const host = yield* ActorHost
  yield* Effect.acquireRelease(
    Effect.sync(() => floor.entries.push(`start ${key}`)),
    () => Effect.sync(() => floor.entries.push(`stop ${key}`))
  )
  return Works.of({
    add: ({ amount }) =>
      amount > 100
        ? Effect.fail(new TooMuch({ limit: 100 }))
        : Effect.andThen(
          Effect.sync(() => floor.entries.push(`add ${amount}`)),
          state.modify((sum) => [sum + amount, sum + amount])
        ),
    when: ({ at }) => Effect.succeed(at),
    die: ({ secret }) => Effect.die(new Error(secret)),
    big: ({ length }) => Effect.succeed("x".repeat(length)),
    wait: ({ gate }) => Rpc.fork(stand(floor, gate)),
    count: ({ to }) =>
      Stream.range(1, to).pipe(
        Stream.rechunk(1),
        Stream.tap((n) => Effect.sync(() => floor.counted = n))
      ),
    listen: ({ gate }) => Stream.concat(Stream.succeed("listening"), Stream.fromEffect(stand(floor, gate))),
    visit: ({ keys }) => visit(floor, keys).pipe(Effect.provideService(ActorHost, host)),
    send: ({ keys }) =>
      visit(floor, keys).pipe(
        Effect.flatMap((outcome) => Deferred.succeed(floor.sent, outcome)),
        Effect.provideService(ActorHost, host),
        // At once: the call leaves while its handler still has the turn.
        Effect.forkIn(scope, { startImmediately: true }),
        Effect.asVoid
      )
  })
})

/**
 * The works of one node, with their `Floor`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Works.toLayer(makeHandlers, { initialState: Effect.succeed(0) }).pipe(
  Layer.provide(Works.layerAdmitAll),
  Layer.provideMerge(Floor.layer)
)
