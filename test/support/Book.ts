/**
 * A durable actor that keeps what it was told, with the hooks and alarms that tests ask about.
 *
 * @since 0.1.0
 */
import { Context, DateTime, Duration, Effect, Latch, Layer, Schema, Stream } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import type * as DisconnectReason from "../../src/DisconnectReason.ts"

/**
 * The actor.
 *
 * @category models
 * @since 0.1.0
 */
export class Ledger extends Actor.make("Ledger", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String, calls: Schema.Finite },
  state: { entries: Schema.Array(Schema.String) },
  rejection: Schema.String,
  events: { added: { entry: Schema.String }, noted: { text: Schema.String } },
  rpcs: [
    Rpc.make("add", { payload: { entry: Schema.String }, success: Schema.Finite }),
    Rpc.make("addAndFail", { payload: { entry: Schema.String }, error: Schema.String }),
    Rpc.make("addBeside", { payload: { entry: Schema.String }, success: Schema.Finite }),
    Rpc.make("waitAndAdd", { payload: { entry: Schema.String, gate: Schema.String }, success: Schema.Finite }),
    Rpc.make("all", { success: Schema.Array(Schema.String) }),
    Rpc.make("watch", { success: Schema.Finite, stream: true }),
    Rpc.make("count", { success: Schema.Finite }),
    Rpc.make("kick", { payload: { name: Schema.String } }),
    Rpc.make("remind", { payload: { millis: Schema.Finite, text: Schema.String } }),
    Rpc.make("forget", { payload: { text: Schema.String }, success: Schema.Boolean }),
    Rpc.make("forward", { payload: { key: Schema.String, entry: Schema.String }, success: Schema.Finite })
  ],
  internal: [
    Rpc.make("deposit", { payload: { entry: Schema.String }, success: Schema.Finite }),
    Rpc.make("entries", { success: Schema.Array(Schema.String) }),
    Rpc.make("ring", { payload: { text: Schema.String } })
  ]
}) {}

/**
 * What a test sees and sets of all ledgers.
 *
 * @category services
 * @since 0.1.0
 */
export class Watch extends Context.Service<Watch, {
  /** What ran, oldest first: `start key`, `onConnect name`, `add entry` ... */
  readonly log: Array<string>
  /** A gate of this name, closed at first. */
  readonly gate: (name: string) => Latch.Latch
}>()("effect-tether/test/Book/Watch") {
  static readonly layer = Layer.sync(Watch, () => {
    const gates = new Map<string, Latch.Latch>()
    return {
      log: [],
      gate: (name) => {
        const gate = gates.get(name) ?? Latch.makeUnsafe(false)
        gates.set(name, gate)
        return gate
      }
    }
  })
}

const hooks = Effect.map(Watch, ({ log }): typeof Ledger.Hooks.Service => ({
  onBeforeConnect: ({ params: { name } }) =>
    name === "mallory" ? Effect.fail("not you") : Effect.succeed({ name, calls: 0 }),
  onConnect: ({ state }) =>
    Ledger.State.use(({ update }) => update(({ entries }) => ({ entries: [...entries, `+${state.name}`] }))).pipe(
      Effect.andThen(Effect.sync(() => log.push(`onConnect ${state.name}`)))
    ),
  onDisconnect: ({ state }, reason: DisconnectReason.DisconnectReason) =>
    Ledger.State.use(({ update }) => update(({ entries }) => ({ entries: [...entries, `-${state.name}`] }))).pipe(
      Effect.andThen(Effect.sync(() => log.push(`onDisconnect ${state.name} ${reason._tag}`)))
    )
}))

const handlers = Effect.gen(function*() {
  const { gate, log } = yield* Watch
  const state = yield* Ledger.State
  const connections = yield* Ledger.Connections
  const alarms = yield* Ledger.Alarms
  const key = yield* Ledger.CurrentKey
  yield* Effect.acquireRelease(
    Effect.sync(() => log.push(`start ${key}`)),
    () => Effect.sync(() => log.push(`stop ${key}`))
  )
  const put = Effect.fnUntraced(function*(entry: string) {
    log.push(`add ${entry}`)
    const size = yield* state.modify(({ entries }) => [entries.length + 1, { entries: [...entries, entry] }])
    yield* connections.broadcast("added", { entry })
    return size
  })
  return Ledger.of({
    add: ({ entry }) => put(entry),
    addAndFail: ({ entry }) => Effect.andThen(put(entry), Effect.fail("failed all the same")),
    addBeside: ({ entry }) => Rpc.fork(put(entry)),
    waitAndAdd: ({ entry, gate: name }) =>
      Effect.andThen(Effect.sync(() => log.push(`wait ${entry}`)), Effect.andThen(gate(name).await, put(entry))),
    all: () => Effect.map(state.get, ({ entries }) => entries),
    watch: () => Stream.map(state.changes, ({ entries }) => entries.length),
    count: () =>
      Ledger.CurrentConnection.use((connection) =>
        Effect.map(connection.updateState((s) => ({ ...s, calls: s.calls + 1 })), ({ calls }) => calls)
      ),
    kick: Effect.fnUntraced(function*({ name }) {
      log.push(`kick ${name}`)
      for (const connection of (yield* connections.all).values()) {
        if (connection.state.name === name) yield* connection.disconnect("kicked")
      }
    }),
    remind: ({ millis, text }) =>
      Effect.flatMap(
        DateTime.now,
        (now) => alarms.set(text, DateTime.addDuration(now, Duration.millis(millis)), "ring", { text })
      ),
    forget: ({ text }) => alarms.cancel(text),
    forward: ({ entry, key }) =>
      Ledger.client(key).pipe(
        Effect.flatMap((other) => other.deposit({ entry })),
        Effect.orDie
      ),
    deposit: ({ entry }) => put(entry),
    entries: () => Effect.map(state.get, ({ entries }) => entries),
    ring: ({ text }) => Effect.asVoid(put(`ring ${text}`))
  })
})

/**
 * The ledgers, on whatever storage there is.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Ledger.toLayer(handlers, { durability: "commit", initialState: { entries: [] } }).pipe(
  Layer.provide(Ledger.layerHooks(hooks))
)
