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
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Changes, StorageError, StoredAlarm, StoredState } from "../ActorStorage.ts"
import { Committer } from "./Committer.ts"
import type { ConnectionRecord } from "./ConnectionRecord.ts"
import type { InstanceWriter } from "./InstanceWriter.ts"
import type * as Segment from "./Segment.ts"
import { Segments } from "./Segments.ts"

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

/** What is stored together with the first change that a fiber makes. */
const FirstChange = Context.Reference<{ join: (() => void) | undefined }>("effect-tether/host/Commits/FirstChange", {
  defaultValue: () => ({ join: undefined })
})

/** Segments that may wait for storage before the next turn waits as well. */
const maxWaiting = 1_024

/**
 * How an instance commits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly writer: InstanceWriter
  /** The pause between commits of an actor that answers before it has stored; `undefined` for one that does not. */
  readonly interval: Duration.Duration | undefined
  /** What is kept of a call whose handler has had its turn and answers later: it must not run again. */
  readonly onDeferred: (call: CallKey) => Segment.Answer | undefined
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
  private readonly segments = new Segments()
  /** Segments of calls whose answer is not known yet. */
  private readonly awaiting = new Map<string, Segment.Segment>()
  private readonly room: Array<Deferred.Deferred<void>> = []
  private readonly committer: Committer
  /** How much runs that has something to store with its first change. */
  private joining = 0
  private isReleasing = false
  private failed = false

  constructor(options: Options, context: Context.Context<Scope.Scope>) {
    this.options = options
    this.committer = new Committer({
      ...options,
      segments: this.segments,
      onStored: () => this.pump(),
      onFailure: (error) => this.fail(error)
    }, context)
  }

  /** Whether a commit has failed: nothing leaves any more, and nothing is stored. */
  get hasFailed(): boolean {
    return this.failed
  }

  /** Does something that is seen outside, after every change so far has been stored; `orElse` runs if that fails. */
  emit(run: () => void, orElse?: () => void): void {
    if (this.failed) return orElse?.()
    if (this.segments.size === 0 || this.options.interval !== undefined) return run()
    const segment = this.segments.last()
    segment.emissions.push(run)
    if (orElse !== undefined) segment.dropped.push(orElse)
  }

  /**
   * As `emit`, for what comes from outside the turns: a turn that is going on and has neither changed nor said anything
   * holds nothing back.
   */
  emitBeside(run: () => void): void {
    if (this.failed) return
    const segment = this.segments.beside()
    if (segment === undefined || this.options.interval !== undefined) return run()
    segment.emissions.push(run)
  }

  /** Completes when all that was emitted so far has left, with `false` if it never will. */
  readonly settled: Effect.Effect<boolean> = Effect.suspend(() =>
    this.failed || this.segments.size === 0 ? Effect.succeed(!this.failed) : this.segments.last().whenOut
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

  /** Stores the record of a connection at once, beside the turns: of what turns change, that which is stored already. */
  storeRecord(record: ConnectionRecord, trimmed: Changes["trimmed"] = []): Effect.Effect<void, StorageError> {
    const changes = () => ({
      connections: new Map([[record.id, record.encode(record.folded)]]),
      answered: [],
      trimmed,
      alarms: new Map()
    })
    return this.options.writer.write(changes, false).pipe(
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
      if (this.segments.size >= maxWaiting && !this.failed) {
        return Effect.andThen(this.awaitRoom, this.turn(effect, call))
      }
      const segment = this.segments.open()
      segment.isTurn = true
      return Effect.onExit(effect, (exit) => Effect.sync(() => this.endTurn(segment, exit, call)))
    })
  }

  private endTurn(segment: Segment.Segment, exit: Exit.Exit<unknown, unknown>, call: CallKey | undefined): void {
    segment.isTurn = false
    segment.isSealed = true
    if (call !== undefined) {
      if (Exit.isSuccess(exit) && Deferred.isDeferred(exit.value)) {
        const answer = this.options.onDeferred(call)
        if (answer !== undefined) segment.answers.push(answer)
      } else {
        segment.isAwaited = true
        this.awaiting.set(toKey(call), segment)
      }
    }
    this.pump()
  }

  /**
   * Lets out the answer of a call together with what its turn has changed. The reply is kept for the same call made again;
   * that of a call which has changed nothing is not, since it may as well run again.
   */
  answer(call: CallKey, answer: Segment.Answer, run: (isKept: boolean) => void): void {
    if (this.failed) return
    const segment = this.awaiting.get(toKey(call))
    const isKept = segment === undefined ? answer.record.deferred.delete(answer.call) : segment.isDirty
    if (segment?.isDirty === true) segment.answers.push(answer)
    if (this.options.interval !== undefined) run(isKept)
    else if (segment === undefined) this.emitBeside(() => run(isKept))
    else segment.emissions.push(() => run(isKept))
  }

  /**
   * Runs something beside the turns, whose changes are stored one by one: `join` adds to the commit of the first of them,
   * so that what has left a trace is known to have.
   */
  withFirstChange<A, E, R>(effect: Effect.Effect<A, E, R>, join: () => void): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.joining++
      return Effect.ensuring(
        Effect.provideService(effect, FirstChange, { join }),
        Effect.sync(() => this.joining--)
      )
    })
  }

  /** The call of server code is answered: completes when its answer may leave, with `false` if it must not. */
  answered(call: CallKey): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.failed) return Effect.succeed(false)
      const segment = this.awaiting.get(toKey(call)) ?? this.segments.beside()
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
    this.committer.flush()
    return Effect.asVoid(this.settled)
  })

  /**
   * Gives up what the turn that is going on has changed, and all that has come meanwhile, as a crash would. What was before
   * is stored.
   */
  get abandonTurn(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.committer.flush()
      const before = this.segments.beforeTurn
      return Effect.andThen(
        before === undefined || this.failed ? Effect.void : before.whenOut,
        Effect.sync(() => this.giveUp())
      )
    })
  }

  /** Gives up all that has not been stored. */
  fail(error: StorageError): Effect.Effect<void> {
    return Effect.suspend(() => this.giveUp() ? this.options.onFailure(error) : Effect.void)
  }

  /** Nothing is stored any more, and nothing leaves; `false` where that was so before. */
  private giveUp(): boolean {
    if (this.failed) return false
    this.failed = true
    this.awaiting.clear()
    for (const { dropped } of this.segments.clear()) for (const drop of dropped) drop()
    this.makeRoom()
    return true
  }

  private readonly awaitRoom = Effect.suspend(() => {
    const room = Deferred.makeUnsafe<void>()
    this.room.push(room)
    this.committer.hurry()
    return Deferred.await(room)
  })

  private makeRoom(): void {
    if (this.segments.size >= maxWaiting) return
    for (const room of this.room.splice(0)) Deferred.doneUnsafe(room, Exit.void)
  }

  private change(apply: (segment: Segment.Segment) => void): void {
    if (this.failed) return
    const segment = this.segments.last()
    apply(segment)
    if (this.joining > 0) this.joinFirstChange()
    if (!segment.isTurn) this.pump()
  }

  /** Here and not in `put..`: whatever is changed, it is the fiber that counts. */
  private joinFirstChange(): void {
    const first = Fiber.getCurrent()?.getRef(FirstChange)
    if (first?.join === undefined) return
    const { join } = first
    first.join = undefined
    join()
  }

  /** Lets out what may leave, and stores what is ready. */
  private pump(): void {
    if (this.isReleasing || this.failed) return
    this.isReleasing = true
    for (let { head } = this.segments; head !== undefined && head.isReady; head = this.segments.head) {
      if (head.isDirty) {
        this.committer.commit()
        break
      }
      // What leaves may bring changes with it: they are for another segment, which is stored in its turn.
      head.isSealed = true
      for (let i = 0; i < head.emissions.length; i++) head.emissions[i]!()
      if (this.segments.head === head) this.segments.shift()
    }
    this.isReleasing = false
    this.makeRoom()
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
