/**
 * An actor to attack: payloads of every shape, hooks that hang, and a count of what runs.
 *
 * @since 0.1.0
 */
import { Context, Effect, Latch, Layer, Logger, Schema, Stream } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import type * as ActorHost from "../../src/ActorHost.ts"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { Fragile, Tree } from "./Hostile.ts"
import * as Hosts from "./Hosts.ts"

/**
 * The actor.
 *
 * @category models
 * @since 0.1.0
 */
export class Fortress extends Actor.make("Fortress", {
  params: Schema.Struct({ name: Schema.optionalKey(Schema.String), tree: Schema.optionalKey(Tree) }),
  connectionState: { name: Schema.String },
  events: { noise: Schema.String },
  rpcs: [
    Rpc.make("echo", { payload: { text: Schema.String }, success: Schema.String }),
    Rpc.make("plant", { payload: Tree, success: Schema.Int }),
    Rpc.make("keep", { payload: Schema.Record(Schema.String, Schema.Unknown), success: Schema.Unknown }),
    Rpc.make("fragile", { payload: Fragile, success: Schema.String }),
    Rpc.make("big", { payload: { length: Schema.Int }, success: Schema.String }),
    Rpc.make("whoami", { success: Schema.String }),
    Rpc.make("hang"),
    Rpc.make("shout", { payload: { text: Schema.String } }),
    Rpc.make("count", { success: Schema.Int, stream: true })
  ],
  internal: [Rpc.make("open")]
}) {}

/**
 * What happens in the fortress.
 *
 * @category services
 * @since 0.1.0
 */
export class Keep extends Context.Service<Keep, {
  /** The calls that ran, oldest first. */
  readonly ran: Array<string>
  /** Whether clients of the name "slow" get through the gate. */
  readonly gate: Latch.Latch
  /** Lines of the log from level `Error` on. */
  readonly errors: Array<string>
}>()("effect-tether/test/Keep") {}

const HooksLayer = Fortress.layerHooks(Effect.gen(function*() {
  const { gate } = yield* Keep
  return Fortress.Hooks.of({
    onBeforeConnect: ({ params }) => {
      const state = { name: params.name ?? "nobody" }
      return state.name === "slow" ? Effect.as(gate.await, state) : Effect.succeed(state)
    }
  })
}))

const depthOf = ({ children }: Tree): number => 1 + Math.max(0, ...children.map(depthOf))

const handlers = Effect.gen(function*() {
  const { ran } = yield* Keep
  const connections = yield* Fortress.Connections
  const note = <A>(line: string, value: A) => Effect.sync(() => (ran.push(line), value))
  return Fortress.of({
    echo: ({ text }) => note("echo", text),
    plant: (tree) => note("plant", depthOf(tree)),
    keep: (record) => note("keep", record),
    fragile: (text) => note("fragile", text),
    big: ({ length }) => note("big", "x".repeat(length)),
    whoami: () => Effect.map(Fortress.CurrentConnection, ({ state }) => (ran.push(`whoami ${state.name}`), state.name)),
    hang: () => Rpc.fork(Effect.never),
    shout: ({ text }) => connections.broadcast("noise", text),
    count: () => Stream.rechunk(Stream.range(1, 1_000_000), 1),
    open: () => note("open", undefined)
  })
})

/**
 * The actor, on whatever host there is.
 *
 * @category layers
 * @since 0.1.0
 */
export const ActorLayer = Fortress.toLayer(handlers).pipe(Layer.provide(HooksLayer))

const DurableLayer = Fortress.toLayer(handlers, { durability: "commit" }).pipe(
  Layer.provide(HooksLayer),
  Layer.provide(ActorStorage.layerMemory)
)

/**
 * What happens, and what of it is logged.
 *
 * @category layers
 * @since 0.1.0
 */
export const KeepLayer = Layer.unwrap(Effect.sync(() => {
  const errors: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Error" || logLevel === "Fatal") errors.push(String(message))
  })
  return Layer.merge(
    Layer.succeed(Keep, { ran: [], gate: Latch.makeUnsafe(false), errors }),
    Logger.layer([logger])
  )
}))

/**
 * The actor on a host, with a memory that outlives its instances.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDurable = (options?: ActorHost.HostOptions) =>
  DurableLayer.pipe(Layer.provideMerge(Hosts.layerHost(options)), Layer.provideMerge(KeepLayer))

/**
 * The actor on a host.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: ActorHost.HostOptions) =>
  ActorLayer.pipe(Layer.provideMerge(Hosts.layerHost(options)), Layer.provideMerge(KeepLayer))
