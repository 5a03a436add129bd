/**
 * An actor that tells where it lives, for tests with real nodes.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import { ActorHost } from "../../src/ActorHost.ts"
import { Ledger } from "./Ledger.ts"

/** Where an instance lives: the name of the node, and a number that rises with each start on it. */
const Home = Schema.Struct({ node: Schema.String, start: Schema.Finite })

const line = { from: Schema.String, text: Schema.String }

/**
 * The actor.
 *
 * @category models
 * @since 0.1.0
 */
export class Place extends Actor.make("Place", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String },
  state: Schema.Finite,
  events: { said: line, whispered: line },
  rpcs: [
    Rpc.make("where", { success: Home }),
    Rpc.make("add", { success: Schema.Finite }),
    /** Says when it begins. */
    Rpc.make("slow", { payload: { millis: Schema.Finite }, success: Home }),
    Rpc.make("say", { payload: { text: Schema.String } }),
    Rpc.make("whisper", { payload: { to: Schema.String, text: Schema.String }, success: Schema.Boolean }),
    /** Asks another place where it is. */
    Rpc.make("ask", { payload: { key: Schema.String }, success: Schema.Union([Home, Schema.String]) }),
    /** Writes a name into a ledger, beside other calls; says what has come of it. */
    Rpc.make("write", { payload: { key: Schema.String, name: Schema.String }, success: Schema.String })
  ],
  internal: [Rpc.make("whereabouts", { success: Home })]
}) {}

/**
 * The name of the node that the process is.
 *
 * @category services
 * @since 0.1.0
 */
export class NodeName extends Context.Service<NodeName, string>()("effect-tether/test/Places/NodeName") {}

const hooks = Place.layerHooks(Effect.succeed({
  onBeforeConnect: ({ params }) => Effect.succeed({ name: params.name })
}))

let starts = 0

const makeHandlers = Effect.gen(function*() {
  const node = yield* NodeName
  const host = yield* ActorHost
  const state = yield* Place.State
  const connections = yield* Place.Connections
  const home = { node, start: ++starts }
  const me = Effect.map(Place.CurrentConnection, ({ state }) => state.name)
  return Place.of({
    where: () => Effect.succeed(home),
    add: () => state.modify((sum) => [sum + 1, sum + 1]),
    slow: ({ millis }) =>
      Effect.flatMap(me, (from) => connections.broadcast("said", { from, text: "slow" })).pipe(
        Effect.andThen(Effect.sleep(millis)),
        Effect.as(home)
      ),
    say: ({ text }) => Effect.flatMap(me, (from) => connections.broadcast("said", { from, text })),
    whisper: Effect.fnUntraced(function*({ text, to }) {
      const from = yield* me
      for (const connection of (yield* connections.all).values()) {
        if (connection.state.name !== to) continue
        yield* connection.send("whispered", { from, text })
        return true
      }
      return false
    }),
    ask: ({ key }) =>
      Place.client(key).pipe(
        Effect.flatMap((place) => place.whereabouts()),
        Effect.catchTag("CallError", ({ reason }) => Effect.succeed(reason._tag)),
        Effect.provideService(ActorHost, host)
      ),
    write: ({ key, name }) =>
      Rpc.fork(
        Ledger.client(key).pipe(
          Effect.flatMap((ledger) => ledger.remind({ name })),
          Effect.as("written"),
          Effect.catchTag("CallError", ({ reason }) => Effect.succeed(reason._tag)),
          Effect.provideService(ActorHost, host)
        )
      ),
    whereabouts: () => Effect.succeed(home)
  })
})

/**
 * The places of a node, in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Place.toLayer(makeHandlers, { initialState: 0 }).pipe(Layer.provide(hooks))
