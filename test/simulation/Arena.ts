/**
 * The actor of the simulation: it does what it is told and writes down what it did.
 */
import { Effect, Layer, Schema, Semaphore, Stream } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, Delivery } from "../../src/index.ts"
import type { ConnectionRecord, Journal } from "./Journal.ts"
import { type Config, endless } from "./Schedule.ts"

class Refused extends Schema.TaggedError<Refused>("Simulation/Refused")("Refused", {}) {}
class Failed extends Schema.TaggedError<Failed>("Simulation/Failed")("Failed", { op: Schema.Int }) {}

const Mood = Schema.Literals(["calm", "slow", "refuse", "die", "connectDies"])
const work = { op: Schema.Int, millis: Schema.Int }
const Listed = Schema.Struct({
  id: Schema.String,
  handle: Schema.Int,
  status: Schema.String,
  subscriptions: Schema.Array(Schema.String)
})

export class Arena extends Actor.make("Arena", {
  params: { handle: Schema.Int, mood: Mood },
  connectionState: { handle: Schema.Int, mood: Mood },
  rejection: Refused,
  events: { news: { op: Schema.Int }, tick: { connection: Schema.String, n: Schema.Int } },
  rpcs: [
    Rpc.make("work", { payload: work, success: Schema.Int }),
    Rpc.make("beside", { payload: work, success: Schema.Int }),
    Rpc.make("again", { payload: work, success: Schema.Int }).annotate(Delivery.Delivery, "idempotent"),
    Rpc.make("fail", { payload: work, error: Failed }),
    Rpc.make("die", { payload: work }),
    Rpc.make("kickMe", { payload: work, success: Schema.Int }),
    Rpc.make("count", { payload: { ...work, values: Schema.Int }, success: Schema.Int, stream: true })
  ],
  internal: [
    Rpc.make("publish", { payload: { op: Schema.Int } }),
    Rpc.make("tick", { payload: { times: Schema.Int } }),
    Rpc.make("kick", { payload: { handle: Schema.Int, retryAfter: Schema.optionalKey(Schema.Int) } }),
    Rpc.make("list", { success: Schema.Array(Listed) })
  ]
}) {}

/** The lives of actors, which hooks need too: they are made per app and not per actor. */
const lifeOf = (journal: Journal, key: string) => journal.alive.get(key) ?? -1

const hooks = (journal: Journal, config: Config) => {
  const alone = config.concurrency === 1
  const takeTime = Effect.sleep(config.hookMillis)
  const inTurn = (record: ConnectionRecord, hook: string, effect: Effect.Effect<void>) =>
    journal.inTurn(record.life, `${hook} of ${record.id}`, alone, journal.inHook(record, hook, effect))
  const find = (view: Actor.ConnectionOf<typeof Arena>) =>
    Effect.map(Arena.CurrentKey, (key) => journal.connection(view, lifeOf(journal, key)))
  const admit = (params: Actor.Params<typeof Arena>): Effect.Effect<void, Refused> => {
    switch (params.mood) {
      case "slow":
        return Effect.sleep(2_000)
      case "refuse":
        return Effect.fail(new Refused())
      case "die":
        return Effect.die("onBeforeConnect was told to die")
      default:
        return Effect.void
    }
  }
  return Arena.layerHooks({
    onBeforeConnect: ({ params }) =>
      Effect.map(admit(params), () => {
        journal.admitted++
        return params
      }),
    onConnect: (view) =>
      Effect.flatMap(find(view), (record) =>
        inTurn(
          record,
          "onConnect",
          takeTime.pipe(
            Effect.andThen(view.state.mood === "connectDies" ? Effect.die("told to die") : Effect.void),
            Effect.andThen(Effect.sync(() => {
              record.greeted = true
            }))
          )
        )),
    onSuspend: (view) => Effect.flatMap(find(view), (record) => inTurn(record, "onSuspend", takeTime)),
    ...(config.asksOnResume
      ? {
        onResume: (view, { params }) =>
          Effect.flatMap(
            find(view),
            (record) => journal.inHook(record, "onResume", Effect.andThen(takeTime, admit(params)))
          )
      }
      : {}),
    onDisconnect: (view, reason) =>
      Effect.flatMap(find(view), (record) =>
        inTurn(
          record,
          "onDisconnect",
          Effect.suspend(() => {
            journal.note(`${record.id} ended: ${reason._tag}`)
            return takeTime
          })
        ))
  })
}

const watchList = (journal: Journal, life: number) =>
  Effect.flatMap(Arena.Connections, ({ changes }) =>
    Effect.forkScoped(
      Stream.runForEach(changes, (change) =>
        Effect.sync(() => {
          if (change._tag !== "Updated") journal.connection(change.connection, life).changes.push(change._tag)
        })),
      { startImmediately: true }
    ))

/** One life at a time per key. */
const live = (journal: Journal) =>
  Effect.gen(function*() {
    const key = yield* Arena.CurrentKey
    const life = ++journal.lives
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        journal.check(!journal.alive.has(key), `two actors live under the key ${key}`)
        journal.alive.set(key, life)
        journal.note(`actor ${key} starts as ${life}`)
      }),
      () =>
        Effect.sync(() => {
          journal.alive.delete(key)
          journal.note(`actor ${key} (${life}) stops`)
        })
    )
    return life
  })

const handlers = (journal: Journal, config: Config) =>
  Effect.gen(function*() {
    const life = yield* live(journal)
    const connections = yield* Arena.Connections
    yield* watchList(journal, life)
    const alone = config.concurrency === 1
    const oneByOne = Semaphore.makeUnsafe(1).withPermits(1)
    const inTurn = <A, E, R>(op: number, effect: Effect.Effect<A, E, R>) =>
      Effect.flatMap(Arena.CurrentConnection, ({ id }) =>
        journal.run(op, id, journal.inTurn(life, `call ${op}`, alone, effect)))
    const kick = (view: Actor.ConnectionOf<typeof Arena>, retryAfter?: number) => {
      journal.connection(view, life).sealed = true
      return view.disconnect(retryAfter === undefined ? "told to" : { reason: "told to", retryAfter })
    }

    return Arena.of({
      work: ({ millis, op }) =>
        inTurn(op, Effect.as(Effect.sleep(millis), op)),
      beside: ({ millis, op }) =>
        Rpc.fork(Effect.flatMap(Arena.CurrentConnection, ({ id }) =>
          journal.run(op, id, Effect.as(Effect.sleep(millis), op)))),
      again: ({ millis, op }) =>
        inTurn(op, Effect.as(Effect.sleep(millis), op)),
      fail: ({ millis, op }) => inTurn(op, Effect.andThen(Effect.sleep(millis), Effect.fail(new Failed({ op })))),
      die: ({ millis, op }) => inTurn(op, Effect.andThen(Effect.sleep(millis), Effect.die("told to die"))),
      kickMe: ({ millis, op }) =>
        inTurn(
          op,
          Effect.flatMap(Arena.CurrentConnection, (view) =>
            Effect.as(Effect.andThen(kick(view), Effect.sleep(millis)), op))
        ),
      count: ({ millis, op, values }) =>
        Stream.unwrap(Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => {
              const call = journal.calls.get(op)!
              call.started++
              call.running++
              journal.note(`call ${op} starts`)
              journal.check(call.started === 1, `call ${op} ran ${call.started} times`)
            }),
            () =>
              Effect.sync(() =>
                journal.calls.get(op)!.running--
              )
          ),
          Stream.range(1, values).pipe(
            Stream.rechunk(3),
            Stream.mapArrayEffect((chunk) =>
              Effect.as(Effect.sleep(millis === endless ? millis : Math.min(millis, 300)), chunk)
            ),
            Stream.concat(Stream.fromEffectDrain(Effect.sync(() => journal.calls.get(op)!.finished++)))
          )
        )),
      publish: ({ op }) =>
        journal.inTurn(
          life,
          `broadcast ${op}`,
          alone,
          Effect.gen(function*() {
            for (const view of (yield* connections.all).values()) {
              const record = journal.connection(view, life)
              if (view.subscriptions.has("news") && !record.sealed) record.news.push(op)
            }
            yield* connections.broadcast("news", { op })
          })
        ),
      tick: ({ times }) =>
        journal.inTurn(
          life,
          "ticks",
          alone,
          Effect.gen(function*() {
            for (let i = 0; i < times; i++) {
              for (const view of (yield* connections.all).values()) {
                if (!view.subscriptions.has("tick")) continue
                const record = journal.connection(view, life)
                // Handlers that run beside each other would count in one order and send in the other.
                yield* oneByOne(Effect.suspend(() => view.send("tick", { connection: view.id, n: ++record.ticks })))
              }
            }
          })
        ),
      kick: ({ handle, retryAfter }) =>
        Effect.flatMap(connections.all, (all) =>
          Effect.forEach(
            Array.from(all.values()).filter(({ state }) => state.handle === handle),
            (view) => kick(view, retryAfter),
            { discard: true }
          )),
      list: () =>
        Effect.map(connections.all, (all) =>
          Array.from(all.values(), (view) => ({
            id: view.id as string,
            handle: view.state.handle,
            status: view.status,
            subscriptions: ["news", "tick"].filter((event) => view.subscriptions.has(event as "news" | "tick"))
          })))
    })
  })

/** The actor, as it is configured for a run. */
export const layer = (journal: Journal, config: Config) =>
  Arena.toLayer(handlers(journal, config), { concurrency: config.concurrency, maxIdleTime: config.maxIdleTime }).pipe(
    Layer.provide(hooks(journal, config))
  )
