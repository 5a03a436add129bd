/**
 * The chat room of the scenarios: every hook and every call leaves a line in a journal.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Actor from "../../src/Actor.ts"
import { Delivery } from "../../src/Delivery.ts"

/**
 * The room does not want this client.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unwelcome extends Schema.TaggedError<Unwelcome>("~effect-tether/test/Unwelcome")("Unwelcome", {
  why: Schema.String
}) {}

/**
 * What happened in the rooms of one test, and what is to happen in them.
 *
 * @category services
 * @since 0.1.0
 */
export class Journal extends Context.Service<Journal, {
  /** One line per hook and call, oldest first. */
  readonly entries: Array<string>
  readonly write: (line: string) => Effect.Effect<void>
  /** Waits until the journal has the line, `times` times (default 1). */
  readonly until: (line: string, times?: number) => Effect.Effect<void>
  /** Holds the calls of `hold` and `recall` and the values of `trickle` while closed. */
  readonly gate: Latch.Latch
  /** Whether a client of this name is admitted; a test may replace it. */
  admit: (name: string) => Effect.Effect<void, Unwelcome>
}>()("effect-tether/test/Journal") {
  static readonly layer = Layer.sync(Journal, () => {
    const entries: Array<string> = []
    const waiting = new Set<{ readonly isDone: () => boolean; readonly done: Deferred.Deferred<void> }>()
    return Journal.of({
      entries,
      write: (line) =>
        Effect.sync(() => {
          entries.push(line)
          for (const { done, isDone } of waiting) if (isDone()) Deferred.doneUnsafe(done, Exit.void)
        }),
      until: (line, times = 1) =>
        Effect.suspend(() => {
          const isDone = () => entries.filter((entry) => entry === line).length >= times
          const waiter = { isDone, done: Deferred.makeUnsafe<void>() }
          if (isDone()) return Effect.void
          waiting.add(waiter)
          return Effect.ensuring(Deferred.await(waiter.done), Effect.sync(() => waiting.delete(waiter)))
        }),
      gate: Latch.makeUnsafe(false),
      admit: () => Effect.void
    })
  })
}

/** How a member of a room is seen by the room. */
const Member = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  status: Schema.String,
  subscriptions: Schema.Array(Schema.String)
})

const N = { n: Schema.Int }

/**
 * A room whose members make numbered calls and hear numbered events.
 *
 * @category models
 * @since 0.1.0
 */
export class ChatRoom extends Actor.make("ChatRoom", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String },
  rejection: Unwelcome,
  events: { said: Schema.Int, welcomed: Schema.String },
  rpcs: [
    Rpc.make("note", { payload: N, success: Schema.Int }),
    Rpc.make("hold", { payload: N, success: Schema.Int }),
    Rpc.make("recall", { payload: N, success: Schema.Int }).annotate(Delivery, "idempotent"),
    Rpc.make("touch"),
    Rpc.make("rename", { payload: { name: Schema.String } }),
    Rpc.make("count", { payload: { upTo: Schema.Int }, success: Schema.Int, stream: true }),
    Rpc.make("trickle", { payload: { upTo: Schema.Int }, success: Schema.Int, stream: true })
  ],
  internal: [
    Rpc.make("members", { success: Schema.Array(Member) }),
    Rpc.make("say", { payload: N }),
    Rpc.make("sayAll", { payload: { from: Schema.Int, to: Schema.Int } }),
    Rpc.make("kick", { payload: { reason: Schema.String, retryAfter: Schema.optionalKey(Schema.Int) } })
  ]
}) {}

const HooksLayer = ChatRoom.layerHooks(Effect.gen(function*() {
  const journal = yield* Journal
  const { write } = journal
  return {
    onBeforeConnect: ({ params }) =>
      write(`before ${params.name}`).pipe(
        Effect.andThen(Effect.suspend(() => journal.admit(params.name))),
        Effect.as({ name: params.name })
      ),
    onConnect: (connection) =>
      Effect.andThen(write(`connect ${connection.state.name}`), connection.send("welcomed", connection.state.name)),
    onSuspend: (connection) => write(`suspend ${connection.state.name}`),
    onDisconnect: (connection, reason) => write(`disconnect ${connection.state.name} ${reason._tag}`)
  }
}))

/**
 * The room, its handlers and its hooks.
 *
 * @category layers
 * @since 0.1.0
 */
export const ChatRoomLayer = ChatRoom.toLayer(Effect.gen(function*() {
  const { gate, write } = yield* Journal
  const connections = yield* ChatRoom.Connections
  const numbers = (upTo: number) => Stream.range(1, upTo)
  const listMembers = Effect.map(
    connections.all,
    (all) =>
      Array.from(all.values(), ({ id, state, status, subscriptions }) => ({
        id,
        name: state.name,
        status,
        subscriptions: Array.from(subscriptions)
      }))
  )
  const say = (n: number) => connections.broadcast("said", n)
  const hold = (n: number) =>
    write(`hold ${n}`).pipe(
      Effect.andThen(gate.await),
      Effect.andThen(write(`held ${n}`)),
      Effect.as(n),
      Effect.onInterrupt(() => write(`interrupted ${n}`))
    )
  return ChatRoom.of({
    note: ({ n }) => Effect.as(write(`note ${n}`), n),
    hold: ({ n }) => hold(n),
    recall: ({ n }) => hold(n),
    touch: () => Effect.void,
    rename: Effect.fnUntraced(function*({ name }) {
      const connection = yield* ChatRoom.CurrentConnection
      yield* connection.updateState(() => ({ name }))
    }),
    count: ({ upTo }) => Stream.rechunk(numbers(upTo), 1),
    trickle: ({ upTo }) =>
      numbers(upTo).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((n) => Effect.as(gate.await, n)),
        Stream.onExit(() => write("trickled"))
      ),
    members: () => Rpc.fork(listMembers),
    say: ({ n }) => Rpc.fork(say(n)),
    sayAll: ({ from, to }) =>
      Rpc.fork(Effect.forEach(Array.from({ length: to - from + 1 }, (_, i) => from + i), say, { discard: true })),
    kick: (options) =>
      Rpc.fork(
        Effect.flatMap(connections.all, (all) =>
          Effect.forEach(all.values(), (connection) => connection.disconnect(options), { discard: true }))
      )
  })
})).pipe(Layer.provide(HooksLayer))
