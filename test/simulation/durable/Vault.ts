/**
 * The durable actor of the simulation: it writes down in its state what it did.
 */
import { DateTime, Duration, Effect, Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, type ActorStorage } from "../../../src/index.ts"
import type { Schedule } from "./DurableSchedule.ts"

const call = { op: Schema.Int, millis: Schema.Int }

export class Failed extends Schema.TaggedError<Failed>("Simulation/Vault/Failed")("Failed", { place: Schema.Int }) {}

export class Vault extends Actor.make("Vault", {
  params: { client: Schema.Int },
  connectionState: { client: Schema.Int, visits: Schema.Int },
  state: Schema.Array(Schema.String),
  events: { written: { entry: Schema.String } },
  rpcs: [
    Rpc.make("append", { payload: call, success: Schema.Int }),
    Rpc.make("slowly", { payload: call, success: Schema.Int }),
    Rpc.make("fail", { payload: call, error: Failed }),
    Rpc.make("visit", { payload: call, success: Schema.Int }),
    Rpc.make("beside", { payload: call, success: Schema.Int }),
    Rpc.make("remind", { payload: call, success: Schema.Int }),
    Rpc.make("forward", { payload: call, success: Schema.Int }),
    Rpc.make("read", { payload: call, success: Schema.Int })
  ],
  internal: [
    Rpc.make("deposit", { payload: { entry: Schema.String }, success: Schema.Int }),
    Rpc.make("ring", { payload: call }),
    Rpc.make("all", { success: Schema.Array(Schema.String) }),
    Rpc.make("visits", { success: Schema.Array(Schema.Tuple([Schema.Int, Schema.Int])) })
  ]
}) {}

const write = (entry: string) =>
  Effect.gen(function*() {
    const state = yield* Vault.State
    const place = yield* state.modify((entries) => [entries.length, [...entries, entry]])
    yield* Vault.Connections.use((connections) => connections.broadcast("written", { entry }))
    return place
    // What is in the state was told of, also where a hook is cut short.
  }).pipe(Effect.uninterruptible)

const hooks = ({ hookMillis }: Schedule, note: (what: string) => void) =>
  Vault.layerHooks({
    onBeforeConnect: ({ params }) => Effect.as(Effect.sleep(hookMillis), { client: params.client, visits: 0 }),
    onConnect: ({ id, state }) => Effect.andThen(Effect.sleep(hookMillis), write(`+${state.client} ${id}`)),
    onResume: () => Effect.sleep(hookMillis),
    onSuspend: ({ state }) => Effect.sync(() => note(`client ${state.client} is suspended`)),
    onDisconnect: ({ id, state }) => Effect.andThen(Effect.sleep(hookMillis), write(`-${state.client} ${id}`))
  })

const handlers = (note: (what: string) => void) =>
  Effect.gen(function*() {
    const key = yield* Vault.CurrentKey
    const alarms = yield* Vault.Alarms
    const services = yield* Effect.context<Actor.Id.State<"Vault"> | Actor.Id.Connections<"Vault">>()
    yield* Effect.acquireRelease(
      Effect.sync(() => note(`actor ${key} starts`)),
      () => Effect.sync(() => note(`actor ${key} stops`))
    )
    const put = (entry: string) =>
      Effect.andThen(Effect.sync(() => note(`${key} writes ${entry}`)), Effect.provideContext(write(entry), services))
    return Vault.of({
      append: ({ op }) => put(`${op}`),
      slowly: ({ millis, op }) =>
        Effect.flatMap(put(`${op}`), (place) =>
          Effect.andThen(Effect.sleep(millis), Effect.as(put(`${op} later`), place))),
      fail: ({ op }) =>
        Effect.flatMap(put(`${op}`), (place) => Effect.fail(new Failed({ place }))),
      visit: ({ op }) =>
        Effect.gen(function*() {
          const connection = yield* Vault.CurrentConnection
          yield* put(`${op}`)
          return (yield* connection.updateState((s) => ({ ...s, visits: s.visits + 1 }))).visits
        }),
      beside: ({ millis, op }) => Rpc.fork(Effect.andThen(Effect.sleep(millis), put(`${op}`))),
      remind: ({ millis, op }) =>
        Effect.gen(function*() {
          const now = yield* DateTime.now
          yield* alarms.set(`${op}`, DateTime.addDuration(now, Duration.millis(millis)), "ring", { op, millis })
          return yield* put(`${op}`)
        }),
      forward: ({ op }) =>
        Effect.gen(function*() {
          const place = yield* put(`${op}`)
          const other = yield* Vault.client(`${key}+`)
          // The other actor may be told twice, and this one does not care.
          yield* Effect.ignoreCause(other.deposit({ entry: `told ${op}` }))
          return place
        }),
      read: () =>
        Effect.provideContext(Effect.flatMap(Vault.State, ({ get }) => Effect.map(get, (all) => all.length)), services),
      deposit: ({ entry }) => put(entry),
      ring: ({ millis, op }) =>
        Effect.asVoid(
          Effect.andThen(put(`${op} rings`), Effect.andThen(Effect.sleep(millis), put(`${op} has rung`)))
        ),
      all: () => Effect.provideContext(Effect.flatMap(Vault.State, ({ get }) => get), services),
      visits: () =>
        Effect.map(
          Vault.Connections.use((connections) => connections.all),
          (all) => Array.from(all.values(), ({ state }) => [state.client, state.visits] as const)
        )
    })
  })

export const layer = (
  schedule: Schedule,
  note: (what: string) => void
): Layer.Layer<never, never, Actor.ActorHost | ActorStorage.ActorStorage> =>
  Vault.toLayer(handlers(note), {
    durability: "commit",
    initialState: [],
    maxIdleTime: schedule.maxIdleTime
  }).pipe(Layer.provide(hooks(schedule, note)))
