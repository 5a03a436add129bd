/**
 * Runs the alarms of one instance when they are due.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import * as Headers from "effect/http/Headers"
import * as Order from "effect/Order"
import type * as Rpc from "effect/rpc/Rpc"
import { type FromServer, RequestId } from "effect/rpc/RpcMessage"
import type * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { StoredAlarm } from "../ActorStorage.ts"
import type { AnyActor, AnyAlarms } from "../internal/definition.ts"
import * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import type { Commits } from "./Commits.ts"
import type { Keeper } from "./LiveActors.ts"

/**
 * The client id of alarms in an actor's `RpcServer`.
 *
 * @category constants
 * @since 0.1.0
 */
export const clientId = -1

/** The longest sleep in milliseconds, after which the clock is looked at again: it may have been set. */
const longestSleep = 60_000

/**
 * The alarms of an instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface AlarmClock {
  /** What the actor's code sees. */
  readonly service: AnyAlarms
  /** Begins to wait for those that are set: stored ones, and those that the actor has set while it was built. */
  readonly start: Effect.Effect<void>
  /** The handler of an alarm begins. */
  readonly onStart: (request: number, isOneCommit: boolean) => Effect.Effect<void>
  readonly onResponse: (response: FromServer<Rpc.Any>) => Effect.Effect<void>
  /** Lets no further handler begin, and waits for those that have begun. */
  readonly finish: Effect.Effect<void>
  /**
   * Interrupts those that are still running: they run again in the next life. Nothing is kept of one whose changes are one
   * commit with its end.
   */
  readonly cutShort: Effect.Effect<void>
}

interface Running {
  readonly alarm: StoredAlarm
  readonly done: Deferred.Deferred<void>
  hasBegun: boolean
  /** Its changes and its end are stored together, or not at all. */
  isOneCommit: boolean
}

const fromJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/**
 * Makes the alarms of an instance in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly actor: AnyActor
  readonly keeper: Keeper
  readonly commits: Commits | undefined
  readonly stored: ReadonlyArray<StoredAlarm>
  readonly context: () => Context.Context<never>
  readonly server: () => RpcServer.RpcServer<Rpc.Any>
}): Effect.fn.Return<AlarmClock, never, Scope.Scope> {
  const { commits, keeper } = options
  const timers = yield* FiberMap.make<string>()
  const ringing = yield* FiberSet.make()
  const armed = new Map(options.stored.map((alarm) => [alarm.id, alarm]))
  const running = new Map<number, Running>()
  let nextRequest = 0
  let hasStarted = false
  let isStopping = false

  const isArmed = (alarm: StoredAlarm) => armed.get(alarm.id) === alarm
  const disarm = (alarm: StoredAlarm) => {
    if (!isArmed(alarm)) return
    armed.delete(alarm.id)
    commits?.putAlarm(alarm.id, null)
  }

  /** Calls the handler, which runs in a fiber of its own, and waits for its end. */
  const ring = Effect.fnUntraced(function*(alarm: StoredAlarm): Effect.fn.Return<void, Schema.SchemaError> {
    const payload = yield* decode(options.actor, alarm, options.context())
    const request = ++nextRequest
    const done = Deferred.makeUnsafe<void>()
    running.set(request, { alarm, done, hasBegun: false, isOneCommit: false })
    yield* Effect.updateContext(
      options.server().write(clientId, {
        _tag: "Request",
        id: RequestId(request),
        tag: alarm.rpc as never,
        payload: payload as never,
        headers: Headers.empty
      }),
      (_: Context.Context<never>) => options.context()
    )
    yield* Deferred.await(done)
  })

  const wait = (alarm: StoredAlarm): Effect.Effect<void> =>
    Effect.scoped(Effect.gen(function*() {
      // Without storage only the memory of the instance knows of it.
      if (commits === undefined) yield* keeper.retain
      yield* sleepUntil(alarm.at)
      yield* Effect.uninterruptible(beginRinging(alarm))
    }))

  /** From here on the alarm may be set anew, by its own handler above all, which that does not disturb. */
  const beginRinging = Effect.fnUntraced(function*(alarm: StoredAlarm) {
    const stay = yield* Scope.make()
    yield* Scope.provide(keeper.retain, stay)
    const rung = Effect.catchTag(ring(alarm), "SchemaError", (error) => unreadable(alarm, error, () => disarm(alarm)))
    yield* FiberSet.run(ringing, Effect.onExit(Effect.interruptible(rung), (exit) => Scope.close(stay, exit)))
  })

  const startTimer = (alarm: StoredAlarm) => FiberMap.run(timers, alarm.id, wait(alarm))

  const set = Effect.fnUntraced(function*(id: string, at: DateTime.DateTime, rpc: string, payload?: unknown) {
    const encoded = yield* encode(options.actor, rpc, payload, options.context())
    const alarm: StoredAlarm = { id, at: DateTime.toEpochMillis(at), rpc, payload: encoded }
    armed.set(id, alarm)
    commits?.putAlarm(id, alarm)
    if (hasStarted) yield* startTimer(alarm)
  })

  return {
    start: Effect.suspend(() => {
      hasStarted = true
      return Effect.forEach(Array.from(armed.values()), startTimer, { discard: true })
    }),
    service: {
      set,
      cancel: (id) =>
        Effect.suspend(() => {
          const alarm = armed.get(id)
          if (alarm === undefined) return Effect.succeed(false)
          disarm(alarm)
          return Effect.as(FiberMap.remove(timers, id), true)
        }),
      all: Effect.sync(() =>
        Arr.sortWith(armed.values(), ({ at }) => at, Order.Number).map(({ at, id, rpc }) => ({
          id,
          rpc,
          at: DateTime.makeUnsafe(at)
        }))
      )
    },
    onStart: (request, isOneCommit) =>
      Effect.suspend(() => {
        const found = running.get(request)
        // Set anew or taken back while it waited for its turn, or left to the next incarnation.
        if (found === undefined || isStopping || !isArmed(found.alarm)) return Effect.interrupt
        found.hasBegun = true
        found.isOneCommit = isOneCommit
        if (isOneCommit) disarm(found.alarm)
        return Effect.void
      }),
    onResponse: (response) =>
      Effect.suspend(() => {
        if (response._tag !== "Exit") return Effect.void
        const request = response.requestId as number
        const found = running.get(request)
        if (found === undefined) return Effect.void
        running.delete(request)
        const { alarm, done, hasBegun } = found
        const isInterrupted = Exit.hasInterrupts(response.exit)
        // Where the actor stops, the next incarnation runs it.
        if (!isInterrupted || !isStopping) disarm(alarm)
        commits?.complete({ client: clientId, request })
        return Effect.andThen(
          Exit.isFailure(response.exit) && (!isInterrupted || (hasBegun && !isStopping))
            ? Effect.annotateLogs(Effect.logError("the handler of an alarm failed", response.exit.cause), {
              alarm: alarm.id,
              rpc: alarm.rpc
            })
            : Effect.void,
          Deferred.done(done, Exit.void)
        )
      }),
    finish: Effect.suspend(() => {
      isStopping = true
      const begun = Array.from(running.values()).filter(({ hasBegun }) => hasBegun)
      return Effect.forEach(begun, ({ done }) => Deferred.await(done), { discard: true, concurrency: "unbounded" })
    }),
    cutShort: Effect.suspend(() => {
      isStopping = true
      const isInTurn = Array.from(running.values()).some(({ isOneCommit }) => isOneCommit)
      return Effect.andThen(
        isInTurn && commits !== undefined ? commits.abandonTurn : Effect.void,
        Effect.suspend(() => options.server().disconnect(clientId))
      )
    })
  }
})

const sleepUntil = (at: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    at <= now
      ? Effect.void
      : Effect.andThen(Effect.sleep(Math.min(at - now, longestSleep)), sleepUntil(at)))

const encode = (
  actor: AnyActor,
  tag: string,
  payload: unknown,
  context: Context.Context<never>
): Effect.Effect<string> => {
  const rpc = actor.internal.requests.get(tag)
  if (rpc === undefined) {
    return Effect.die(new Error(`${actor.type} has no internal RPC ${JSON.stringify(tag)}; add it to the contract`))
  }
  return Effect.suspend(() =>
    RpcCodec.withServices(RpcCodec.of(rpc).encodePayload(rpc.payloadSchema.make(payload)), context)
  ).pipe(
    Effect.map(Frame.encodeValue),
    Effect.orDie
  )
}

const decode = (
  actor: AnyActor,
  { payload, rpc: tag }: StoredAlarm,
  context: Context.Context<never>
): Effect.Effect<unknown, Schema.SchemaError> => {
  const rpc = actor.internal.requests.get(tag)
  // `RpcServer` answers for one that the contract has lost.
  return rpc === undefined
    ? Effect.void
    : Effect.flatMap(
      fromJson(payload),
      (value) => RpcCodec.withServices(RpcCodec.of(rpc).decodePayload(value), context)
    )
}

const unreadable = ({ id, rpc }: StoredAlarm, error: Schema.SchemaError, drop: () => void): Effect.Effect<void> =>
  Effect.andThen(
    Effect.annotateLogs(Effect.logError("the payload of an alarm does not decode; the alarm is dropped", error), {
      alarm: id,
      rpc
    }),
    Effect.sync(drop)
  )
