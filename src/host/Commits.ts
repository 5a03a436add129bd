/**
 * What an instance stores and what it lets out, in one order: nothing leaves
 * before all that it may tell of is stored.
 *
 * **Details**
 *
 * Changes and emissions collect in segments. Each turn of a handler or hook
 * has a segment of its own, which waits for the answer of its call, so that
 * change, reply and request id are one commit; what happens between the turns
 * goes into segments that are stored at once. All segments that are ready
 * travel in one commit, and the next turns run while it is under way.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type { ActorStorage, Address, Changes, StorageError, StoredAlarm, StoredState } from "../ActorStorage.ts"
import { sizeOf } from "../storage/ChangesSize.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import type { ConnectionRecord } from "./ConnectionRecord.ts"
import * as Segment from "./Segment.ts"

/**
 * A call as `RpcServer` tells it from others.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallKey {
  readonly client: number
  readonly request: number | string
}

/** Segments that may wait for storage before the next turn waits as well. */
const maxWaiting = 1_024

/** How long after its last commit an instance with connections is looked after if its process is gone. */
const leastHorizon = Duration.minutes(5)

/**
 * How an instance commits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly storage: ActorStorage["Service"]
  readonly address: Address
  readonly fence: number
  /** The pause between commits of an actor that answers before it has stored; `undefined` for one that does not. */
  readonly interval: Duration.Duration | undefined
  readonly resumeWindow: Duration.Duration
  /** The ids of the connections that are recorded. */
  readonly recorded: Iterable<string>
  readonly alarms: Iterable<StoredAlarm>
  /** A commit has failed: the instance must go. */
  readonly onFailure: (error: StorageError) => Effect.Effect<void>
}

/**
 * The commits of one instance.
 *
 * @category models
 * @since 0.1.0
 */
export class Commits {
  private readonly options: Options
  private readonly context: Context.Context<Scope.Scope>
  private readonly clock: Clock.Clock
  private readonly metrics: ServerMetrics.ActorMetrics
  /** Oldest first; the last one takes what comes, unless it is sealed. */
  private readonly segments: Array<Segment.Segment> = []
  /** Segments of calls whose answer is not known yet. */
  private readonly awaiting = new Map<string, Segment.Segment>()
  /** The connections and alarms that are stored, as of the last commit that was made. */
  private readonly recorded: Set<string>
  private readonly alarms: Map<string, number>
  private readonly room: Array<Deferred.Deferred<void>> = []
  private readonly horizon: number
  private wakeAt: number | null | undefined
  private readonly hurry = Latch.makeUnsafe(false)
  private isCommitting = false
  private isReleasing = false
  private failed = false

  constructor(options: Options, context: Context.Context<Scope.Scope>) {
    this.options = options
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.metrics = ServerMetrics.ofActor(options.address.type, context)
    this.recorded = new Set(options.recorded)
    this.alarms = new Map(Array.from(options.alarms, ({ at, id }) => [id, at]))
    this.horizon = Math.max(Duration.toMillis(options.resumeWindow), Duration.toMillis(leastHorizon))
  }

  /** Whether a commit has failed: nothing leaves any more, and nothing is stored. */
  get hasFailed(): boolean {
    return this.failed
  }

  /** Whether the instance must be woken at some time should it be gone. */
  get wakesAt(): number | undefined {
    return this.wakeAt ?? undefined
  }

  /** Does something that is seen outside, after every change so far has been stored; `orElse` runs if that fails. */
  emit(run: () => void, orElse?: () => void): void {
    if (this.failed) return orElse?.()
    if (this.segments.length === 0 || this.options.interval !== undefined) return run()
    const segment = this.last()
    segment.emissions.push(run)
    if (orElse !== undefined) segment.dropped.push(orElse)
  }

  /**
   * As `emit`, for what comes from outside the turns: a turn that is going on and has changed nothing yet holds nothing
   * back.
   */
  emitBeside(run: () => void): void {
    if (this.failed) return
    const segment = this.beside()
    if (segment === undefined || this.options.interval !== undefined) return run()
    segment.emissions.push(run)
  }

  /** Completes when all that was emitted so far has left, with `false` if it never will. */
  readonly settled: Effect.Effect<boolean> = Effect.suspend(() =>
    this.failed || this.segments.length === 0 ? Effect.succeed(!this.failed) : this.last().whenOut
  )

  /** The state has changed; `text` encodes it as it is now. */
  putState(text: Effect.Effect<StoredState, StorageError>): void {
    this.change((segment) => {
      segment.state = text
    })
  }

  putRecord(record: ConnectionRecord): void {
    if (record.isRemoved) return
    const { part } = record
    this.change((segment) => segment.records.set(record.id, { record, part }))
  }

  removeRecord(id: string): void {
    this.change((segment) => segment.records.set(id, null))
  }

  putAlarm(id: string, alarm: StoredAlarm | null): void {
    this.change((segment) => segment.alarms.set(id, alarm))
  }

  /** Has the time at which the instance is woken written anew. */
  refresh(): void {
    this.change((segment) => {
      segment.isRefresh = true
    })
  }

  /** Stores the record of a connection at once, beside the turns. */
  storeRecord(record: ConnectionRecord, trimmed: Changes["trimmed"] = []): Effect.Effect<void, StorageError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.suspend(() => {
        this.recorded.add(record.id)
        const changes: Changes = {
          connections: new Map([[record.id, record.encode(record.folded)]]),
          answered: [],
          trimmed,
          alarms: new Map(),
          ...this.planWake(now, false)
        }
        return this.store(changes)
      })).pipe(
        Effect.uninterruptible,
        Effect.tapError((error) => this.fail(error))
      )
  }

  /**
   * Runs a turn. With a call its segment waits for the answer, which comes after the turn; a handler that answers by a
   * `Deferred` is not waited for.
   */
  turn<A, E, R>(effect: Effect.Effect<A, E, R>, call?: CallKey): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      if (this.segments.length >= maxWaiting && !this.failed) {
        return Effect.andThen(this.awaitRoom, this.turn(effect, call))
      }
      const segment = this.open()
      segment.isTurn = true
      return Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          segment.isTurn = false
          segment.isSealed = true
          if (call !== undefined && !(Exit.isSuccess(exit) && Deferred.isDeferred(exit.value))) {
            segment.isAwaited = true
            this.awaiting.set(toKey(call), segment)
          }
          this.pump()
        }))
    })
  }

  /**
   * Lets out the answer of a call together with what its turn has changed. The reply is kept for the same call made again;
   * that of a call which has changed nothing is not, since it may as well run again.
   */
  answer(call: CallKey, answer: Segment.Answer, run: (isKept: boolean) => void): void {
    if (this.failed) return
    const segment = this.awaiting.get(toKey(call))
    const isKept = segment?.isDirty === true
    if (isKept) segment.answers.push(answer)
    if (this.options.interval !== undefined) run(isKept)
    else if (segment === undefined) this.emitBeside(() => run(false))
    else segment.emissions.push(() => run(isKept))
  }

  /** The call of server code is answered: completes when its answer may leave, with `false` if it must not. */
  answered(call: CallKey): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.failed) return Effect.succeed(false)
      const segment = this.awaiting.get(toKey(call)) ?? this.beside()
      const left = segment === undefined || this.options.interval !== undefined
        ? Effect.succeed(true)
        : segment.whenOut
      this.complete(call)
      return left
    })
  }

  /** The call has been answered, or never will be. */
  complete(call: CallKey): void {
    const key = toKey(call)
    const segment = this.awaiting.get(key)
    if (segment === undefined) return
    this.awaiting.delete(key)
    segment.isAwaited = false
    this.pump()
  }

  /** Stores what there is without a pause. */
  readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    this.hurry.openUnsafe()
    return Effect.asVoid(this.settled)
  })

  /** Gives up all that has not been stored. */
  fail(error: StorageError): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.failed) return Effect.void
      this.failed = true
      const segments = this.segments.splice(0)
      this.awaiting.clear()
      for (const segment of segments) for (const drop of segment.dropped) drop()
      this.makeRoom()
      return this.options.onFailure(error)
    })
  }

  private readonly awaitRoom = Effect.suspend(() => {
    const room = Deferred.makeUnsafe<void>()
    this.room.push(room)
    return Deferred.await(room)
  })

  private makeRoom(): void {
    if (this.segments.length >= maxWaiting) return
    for (const room of this.room.splice(0)) Deferred.doneUnsafe(room, Exit.void)
  }

  private last(): Segment.Segment {
    const last = this.segments.at(-1)
    return last === undefined || last.isSealed ? this.open() : last
  }

  /** What has to be stored before something from outside the turns may leave. */
  private beside(): Segment.Segment | undefined {
    const last = this.segments.at(-1)
    if (last === undefined) return undefined
    return last.isTurn && !last.isDirty ? this.segments.at(-2) : this.last()
  }

  private open(): Segment.Segment {
    const last = this.segments.at(-1)
    if (last !== undefined) last.isSealed = true
    const segment = new Segment.Segment()
    this.segments.push(segment)
    return segment
  }

  private change(apply: (segment: Segment.Segment) => void): void {
    if (this.failed) return
    const segment = this.last()
    apply(segment)
    if (!segment.isTurn) this.pump()
  }

  /** Lets out what may leave, and stores what is ready. */
  private pump(): void {
    if (this.isReleasing || this.failed) return
    this.isReleasing = true
    for (let head = this.segments[0]; head !== undefined && head.isReady; head = this.segments[0]) {
      if (head.isDirty) {
        this.commit()
        break
      }
      // What leaves may bring more with it: into this segment, if it is the last.
      for (let i = 0; i < head.emissions.length; i++) head.emissions[i]!()
      if (this.segments[0] === head) this.segments.shift()
    }
    this.isReleasing = false
    this.makeRoom()
  }

  private commit(): void {
    if (this.isCommitting) return
    this.isCommitting = true
    const fiber = Effect.runForkWith(this.context)(this.commitReady)
    Fiber.runIn(fiber, Context.get(this.context, Scope.Scope))
  }

  // First a turn of the scheduler: what happens at the same time is stored at the same time.
  private readonly commitReady: Effect.Effect<void> = Effect.suspend(() =>
    this.options.interval === undefined
      ? Effect.yieldNow
      : Effect.timeoutOption(Effect.interruptible(this.hurry.await), this.options.interval)
  ).pipe(
    Effect.andThen(Clock.currentTimeMillis),
    Effect.flatMap((now) => {
      const ready = this.takeReady()
      return Effect.matchEffect(
        Effect.flatMap(
          Segment.fold(ready),
          (changes) =>
            this.store({
              ...changes,
              ...this.planWake(now, ready.some(({ alarms, isRefresh }) => isRefresh || alarms.size > 0))
            })
        ),
        {
          onFailure: (error) => this.fail(error),
          onSuccess: () =>
            Effect.sync(() => {
              this.isCommitting = false
              for (const segment of ready) segment.markStored()
              this.pump()
            })
        }
      )
    })
  )

  private takeReady(): ReadonlyArray<Segment.Segment> {
    const end = this.segments.findIndex(({ isReady }) => !isReady)
    const ready = end === -1 ? this.segments.slice() : this.segments.slice(0, end)
    for (const segment of ready) segment.isSealed = true
    for (const segment of ready) {
      for (const [id, entry] of segment.records) {
        if (entry === null) this.recorded.delete(id)
        else this.recorded.add(id)
      }
      for (const [id, alarm] of segment.alarms) {
        if (alarm === null) this.alarms.delete(id)
        else this.alarms.set(id, alarm.at)
      }
    }
    return ready
  }

  private store(changes: Changes): Effect.Effect<void, StorageError> {
    const { address, fence, storage } = this.options
    return Effect.suspend(() => {
      const begun = this.clock.monotonicTimeNanosUnsafe()
      return Effect.onExit(storage.commit(address, fence, changes), (exit) =>
        Effect.sync(() =>
          this.metrics.committed(
            Exit.isSuccess(exit) ? "success" : "failure",
            sizeOf(changes),
            Number(this.clock.monotonicTimeNanosUnsafe() - begun) / 1e9
          )
        ))
    })
  }

  /** Alarms wake the instance on time; one with connections is looked after some time after its last sign of life. */
  private planWake(now: number, isChanged: boolean): Pick<Changes, "wakeAt"> {
    let next: number | null = this.recorded.size > 0 ? now + this.horizon : null
    for (const at of this.alarms.values()) next = next === null ? at : Math.min(next, at)
    const known = this.wakeAt
    const isGood = known === next ||
      (this.recorded.size > 0 && known !== undefined && known !== null && next !== null && known <= next &&
        known > now + this.horizon / 2)
    if (isGood && !isChanged) return {}
    this.wakeAt = next
    return { wakeAt: next }
  }
}

const toKey = ({ client, request }: CallKey): string => `${client} ${request}`

/**
 * Makes the commits of an instance in the current scope, whose end waits for
 * the last of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Commits, never, Scope.Scope> {
  const fibers = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent))
  const context = yield* Effect.context<never>()
  const commits = new Commits(options, Context.add(context, Scope.Scope, fibers))
  // After the fork, so that it runs before the fibers are interrupted.
  yield* Effect.addFinalizer(() => commits.flush)
  return commits
})
