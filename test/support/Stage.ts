/**
 * A durable actor that does what a test has written for it, and the lives of a host in which it does so: storage and
 * network go on from one life to the next.
 *
 * @since 0.1.0
 */
import { Context, type DateTime, Deferred, Effect, Exit, Fiber, Latch, Layer, Schema, Scope, Stream } from "effect"
import { Headers } from "effect/http"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorStorage from "../../src/ActorStorage.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import * as Delivery from "../../src/Delivery.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import * as CrashingStorage from "../simulation/durable/CrashingStorage.ts"
import * as Hosts from "./Hosts.ts"
import { settle } from "./settle.ts"

const scene = { payload: { scene: Schema.String }, success: Schema.Finite }

/**
 * The actor. Each of its RPCs plays a scene by name; they differ in how they run.
 *
 * @category models
 * @since 0.1.0
 */
export class Stage extends Actor.make("Stage", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String, calls: Schema.Finite },
  state: { entries: Schema.Array(Schema.String) },
  rejection: Schema.String,
  events: { said: { text: Schema.String }, whispered: { text: Schema.String } },
  rpcs: [
    Rpc.make("play", scene),
    Rpc.make("again", scene).annotate(Delivery.Delivery, "idempotent"),
    Rpc.make("beside", scene),
    Rpc.make("besideAgain", scene).annotate(Delivery.Delivery, "idempotent"),
    Rpc.make("stream", { payload: { scene: Schema.String }, success: Schema.Finite, stream: true }),
    Rpc.make("add", { payload: { entry: Schema.String }, success: Schema.Finite }),
    Rpc.make("all", { success: Schema.Array(Schema.String) })
  ],
  internal: [
    Rpc.make("cue", scene),
    Rpc.make("ring", { payload: { text: Schema.String } }),
    Rpc.make("deposit", { payload: { entry: Schema.String }, success: Schema.Finite }),
    Rpc.make("entries", { success: Schema.Array(Schema.String) })
  ]
}) {}

type Inside = Actor.Id.Inside<"Stage">

/**
 * What a call does.
 *
 * @category models
 * @since 0.1.0
 */
export type Scene = Effect.Effect<unknown, never, Inside | Actor.Id.CurrentConnection<"Stage"> | Scope.Scope>

type Hooks = typeof Stage.Hooks.Service

/**
 * What a test writes and reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Script {
  /** What ran, oldest first, in all lives. */
  readonly log: Array<string>
  readonly scenes: Map<string, Scene>
  readonly streams: Map<string, Stream.Stream<number, never, Inside>>
  /** What an alarm does beside writing down that it rang. */
  onRing: (text: string) => Effect.Effect<void, never, Inside>
  /** Runs when an instance is built, in its scope. */
  onStart: Effect.Effect<void, never, Inside | Scope.Scope>
  hooks: Partial<Hooks>
  /** A gate of this name, closed at first. */
  readonly gate: (name: string) => Latch.Latch
}

const makeScript = (): Script => {
  const gates = new Map<string, Latch.Latch>()
  return {
    log: [],
    scenes: new Map(),
    streams: new Map(),
    onRing: () => Effect.void,
    onStart: Effect.void,
    hooks: {},
    gate: (name) => {
      const gate = gates.get(name) ?? Latch.makeUnsafe(false)
      gates.set(name, gate)
      return gate
    }
  }
}

/**
 * Adds an entry to the state and tells everybody; its place is the result.
 *
 * @category combinators
 * @since 0.1.0
 */
export const put = Effect.fnUntraced(function*(entry: string) {
  const state = yield* Stage.State
  const place = yield* state.modify(({ entries }) => [entries.length, { entries: [...entries, entry] }])
  yield* Stage.Connections.use(({ broadcast }) => broadcast("said", { text: entry }))
  return place
})

/** The hooks of the script, read when they run. */
const layerHooks = (script: Script) => {
  const note = (what: string) => Effect.sync(() => void script.log.push(what))
  const written: Hooks = {
    onBeforeConnect: ({ params: { name } }) => Effect.succeed({ name, calls: 0 }),
    onConnect: ({ state }) => Effect.andThen(note(`onConnect ${state.name}`), put(`+${state.name}`)),
    onSuspend: ({ state }) => note(`onSuspend ${state.name}`),
    onResume: ({ state }) => note(`onResume ${state.name}`),
    onDisconnect: ({ state }, { _tag }) =>
      Effect.andThen(note(`onDisconnect ${state.name} ${_tag}`), put(`-${state.name}`))
  }
  const current = () => ({ ...written, ...script.hooks }) as Required<Hooks>
  return Stage.layerHooks({
    onBeforeConnect: (request) => current().onBeforeConnect(request),
    onConnect: (connection) => current().onConnect(connection),
    onSuspend: (connection) => current().onSuspend(connection),
    onResume: (connection, request) => current().onResume(connection, request),
    onDisconnect: (connection, reason) => current().onDisconnect(connection, reason)
  })
}

const handlers = (script: Script) =>
  Effect.gen(function*() {
    const key = yield* Stage.CurrentKey
    const services = yield* Effect.context<Inside | Scope.Scope>()
    yield* Effect.acquireRelease(
      Effect.sync(() => script.log.push(`start ${key}`)),
      () => Effect.sync(() => script.log.push(`stop ${key}`))
    )
    yield* Effect.suspend(() => script.onStart)
    const play = (name: string): Effect.Effect<any, never, any> =>
      Effect.suspend(() => {
        script.log.push(name)
        return script.scenes.get(name) ?? Effect.die(new Error(`no scene ${name}`))
      }).pipe(
        Effect.map((result) => typeof result === "number" || Deferred.isDeferred(result) ? result : 0),
        // The connection of the call on top of what the instance has.
        Effect.updateContext((own: Context.Context<any>) => Context.merge(services, own) as Context.Context<any>)
      )
    const add = (entry: string) => Effect.provideContext(put(entry), services)
    return Stage.of({
      play: ({ scene }) => play(scene),
      again: ({ scene }) => play(scene),
      beside: ({ scene }) => Rpc.fork(play(scene)),
      besideAgain: ({ scene }) => Rpc.fork(play(scene)),
      stream: ({ scene }) =>
        Stream.unwrap(Effect.sync(() => {
          script.log.push(scene)
          return Stream.provideContext(script.streams.get(scene) ?? Stream.empty, services)
        })),
      add: ({ entry }) => Effect.andThen(Effect.sync(() => script.log.push(`add ${entry}`)), add(entry)),
      all: () => Effect.provideContext(Stage.State.use(({ get }) => Effect.map(get, (s) => s.entries)), services),
      cue: ({ scene }) => play(scene),
      ring: ({ text }) =>
        Effect.sync(() => script.log.push(`ring ${text}`)).pipe(
          Effect.andThen(add(`ring ${text}`)),
          Effect.andThen(Effect.suspend(() => Effect.provideContext(script.onRing(text), services)))
        ),
      deposit: ({ entry }) => Effect.andThen(Effect.sync(() => script.log.push(`add ${entry}`)), add(entry)),
      entries: () => Effect.provideContext(Stage.State.use(({ get }) => Effect.map(get, (s) => s.entries)), services)
    })
  })

/**
 * Sets an alarm from within the actor.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remind = (id: string, at: DateTime.DateTime) =>
  Stage.Alarms.use((alarms) => alarms.set(id, at, "ring", { text: id }))

/**
 * Options of the lives of a test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Actor.LayerOptions {
  /** Default: "commit"; `undefined` for an actor in memory. */
  readonly durability?: Actor.Durability | undefined
  readonly version?: number
  readonly migrate?: (encoded: unknown, from: number) => Effect.Effect<unknown, unknown>
  readonly host?: ActorHost.HostOptions
}

/**
 * One host of one process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Life {
  readonly context: Context.Context<ActorHost.ActorHost>
  /** The process is gone: memory and sockets are, nothing more is stored. */
  readonly crash: Effect.Effect<void>
  /** The host closes in order. */
  readonly stop: Effect.Effect<void>
}

/**
 * Starts a host on the storage and the network of the test.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function*({ host, ...options }: Options = {}) {
  const network = yield* Network
  const inner = yield* ActorStorage.ActorStorage
  const script = yield* Play
  const parent = yield* Effect.scope
  const scope = yield* Scope.fork(parent)
  const accepting = yield* Scope.fork(parent)
  const { kill, storage } = CrashingStorage.makeLife(inner, CrashingStorage.makeFaults())
  const actors = Stage.toLayer(handlers(script), { durability: "commit", ...options, initialState: { entries: [] } })
  const context = yield* actors.pipe(
    Layer.provide(layerHooks(script)),
    Layer.provideMerge(Hosts.layerHost(host)),
    Layer.provide(Layer.succeed(ActorStorage.ActorStorage, storage)),
    Layer.fresh,
    Layer.buildWithScope(scope)
  )
  const accept = Context.get(context, ActorHost.ActorHost).accept
  yield* network.accept((socket) => accept(socket, { headers: Headers.empty })).pipe(Scope.provide(accepting))
  const close = Effect.andThen(Scope.close(accepting, Exit.void), Scope.close(scope, Exit.void))
  const life: Life = {
    context,
    crash: Effect.sync(kill).pipe(
      Effect.andThen(network.cut),
      Effect.andThen(Effect.forkIn(close, parent)),
      Effect.asVoid
    ),
    stop: close
  }
  return life
})

/**
 * The network of a test, which outlives its hosts.
 *
 * @category services
 * @since 0.1.0
 */
export class Network
  extends Context.Service<Network, MemoryNetwork.MemoryNetwork>()("effect-tether/test/Stage/Network")
{
  static readonly layer = Layer.effect(Network, MemoryNetwork.make())
}

/**
 * The script of a test.
 *
 * @category services
 * @since 0.1.0
 */
export class Play extends Context.Service<Play, Script>()("effect-tether/test/Stage/Play") {
  static readonly layer = Layer.sync(Play, makeScript)
}

/**
 * What the lives of a test share.
 *
 * @category layers
 * @since 0.1.0
 */
const layer = Layer.mergeAll(TestStorage.layerMemory, Network.layer, Play.layer)

/**
 * A client of an actor, whichever life it is in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function*(name: string, key = "main") {
  const network = yield* Network
  return yield* Stage.connect(key, { params: { name }, subscribe: ["said"] }).pipe(
    Effect.provideService(ActorClient.ActorClient, SocketClient.make(network.dial))
  )
})

/**
 * Asks the actor from the server.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onServer = <A, E>(
  life: Life,
  use: (stage: Effect.Success<ReturnType<typeof Stage.client>>) => Effect.Effect<A, E>,
  key = "main"
): Effect.Effect<A, E> => Effect.flatMap(Effect.provideContext(Stage.client(key), life.context), use)

/**
 * Steps time finely, so that reconnects happen, until the effect is done: at most a minute.
 *
 * @category combinators
 * @since 0.1.0
 */
export const drive = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let i = 0; i < 1_200; i++) {
    yield* settle
    if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
    yield* TestClock.adjust(50)
  }
  return yield* Effect.die(new Error("what the test waits for did not come within a simulated minute"))
})

/**
 * Lets time pass, a little at a time where much happens.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pass = Effect.fnUntraced(function*(millis: number, step = millis) {
  for (let left = millis; left > 0; left -= step) {
    yield* settle
    yield* TestClock.adjust(Math.min(step, left))
  }
  yield* settle
})

/**
 * Runs a test on what its lives share. They end while time goes on, so that a handler which waits for ever ends as well.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <A, E>(
  body: Effect.Effect<A, E, Scope.Scope | Play | Network | TestStorage | ActorStorage.ActorStorage>
): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    return yield* Effect.onExit(
      Scope.provide(body, scope),
      (exit) => Effect.andThen(TestStorage.use(({ letGo }) => letGo), drive(Scope.close(scope, exit)))
    )
  }).pipe(Effect.provide(layer))
