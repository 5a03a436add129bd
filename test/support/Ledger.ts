/**
 * A durable actor that adds up what its clients bring, and remembers each of them.
 *
 * @since 0.1.0
 */
import { DateTime, Effect, Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"

/**
 * The actor: `put` writes a name down and returns how many there are.
 *
 * @category models
 * @since 0.1.0
 */
export class Ledger extends Actor.make("Ledger", {
  connectionState: { visits: Schema.Finite },
  state: Schema.Array(Schema.String),
  events: { written: { name: Schema.String } },
  rpcs: [
    Rpc.make("put", { payload: { name: Schema.String }, success: Schema.Finite }),
    Rpc.make("names", { success: Schema.Array(Schema.String) }),
    Rpc.make("visit", { success: Schema.Finite }),
    Rpc.make("putLater", { payload: { name: Schema.String, seconds: Schema.Finite } })
  ],
  internal: [
    Rpc.make("count", { success: Schema.Finite }),
    Rpc.make("remind", { payload: { name: Schema.String } }),
    Rpc.make("reminders", { success: Schema.Array(Schema.String) }),
    /** How many connections the actor sees. */
    Rpc.make("listed", { success: Schema.Finite })
  ]
}) {}

const makeHandlers = Effect.gen(function*() {
  const state = yield* Ledger.State
  const connections = yield* Ledger.Connections
  const alarms = yield* Ledger.Alarms
  const write = (name: string) =>
    Effect.andThen(
      state.modify((names) => [names.length + 1, [...names, name]]),
      (count) => Effect.as(connections.broadcast("written", { name }), count)
    )
  return Ledger.of({
    put: ({ name }) => write(name),
    names: () => state.get,
    visit: () =>
      Effect.flatMap(
        Ledger.CurrentConnection,
        (me) => Effect.map(me.updateState(({ visits }) => ({ visits: visits + 1 })), ({ visits }) => visits)
      ),
    putLater: ({ name, seconds }) =>
      Effect.flatMap(DateTime.now, (now) => alarms.set(name, DateTime.add(now, { seconds }), "remind", { name })),
    count: () => Effect.map(state.get, (names) => names.length),
    remind: ({ name }) => Effect.asVoid(write(name)),
    reminders: () => state.get,
    listed: () => Effect.map(connections.all, ({ size }) => size)
  })
})

/**
 * The ledgers, kept in the `ActorStorage`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Ledger.toLayer(makeHandlers, { initialState: Effect.succeed([]), durability: "commit" }).pipe(
  Layer.provide(Ledger.layerHooks(Effect.succeed({ onBeforeConnect: () => Effect.succeed({ visits: 0 }) })))
)
