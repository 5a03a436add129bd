/**
 * The live instances of one actor by key: started on first use, one at a time
 * per key, stopped after a time without use.
 *
 * **Details**
 *
 * Unlike `RcMap` it never lets two incarnations of a key live at once (a new
 * one waits until the old one has stopped), forgets failed starts, stops all
 * instances side by side, and keeps the callers' services out of them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import { type Deadline, Deadlines, type Waiter } from "../session/Deadlines.ts"

/**
 * The instances of one actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveActors<A, E = never> {
  /** The instance under a key, kept while the scope is open. Interrupts when the owner has closed. */
  readonly get: (key: string) => Effect.Effect<A, E, Scope.Scope>
  /** As `get`, for somebody who may be turned away: an instance with none but such users soon stops. */
  readonly visit: (key: string) => Effect.Effect<A, E, Scope.Scope>
  /** As `get`, for somebody who keeps the instance and does not use it by that: it is idle from its last use on. */
  readonly hold: (key: string) => Effect.Effect<A, E, Scope.Scope>
  /** Whether there is an instance under a key. */
  readonly has: (key: string) => boolean
  /** Stops the instance under a key, if there is one; completes when it is gone. */
  readonly stop: (key: string) => Effect.Effect<void>
  /** The instances that have started. */
  readonly all: () => ReadonlyArray<A>
  /** How many instances live, those that are starting or stopping included. */
  readonly size: () => number
}

/**
 * What an instance may ask of its registry.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keeper {
  /** Keeps the instance alive while the scope is open. */
  readonly retain: Effect.Effect<void, never, Scope.Scope>
  /** As `retain`, for what is no use of the instance. */
  readonly hold: Effect.Effect<void, never, Scope.Scope>
  /** Notes a use of the instance that is over now, by somebody who holds it. */
  readonly touch: () => void
  /** Stops the instance, without waiting for it; its next user gets a new one. */
  readonly stop: Effect.Effect<void>
}

interface Entry<A, E> extends Waiter {
  readonly scope: Scope.Closeable
  readonly started: Deferred.Deferred<A, E>
  readonly gone: Deferred.Deferred<void>
  instance: A | undefined
  /** The start, while it is under way. */
  starting: Fiber.Fiber<unknown> | undefined
  users: number
  /** When its last use was over, in monotonic microseconds. */
  idleSince: number
  /** When to look whether it has been idle for long enough: not called off by who comes in between. */
  deadline: Deadline | undefined
  /** Whether it was ever used by more than visitors. */
  settled: boolean
  stopping: boolean
}

/** What somebody is who has an instance; only a use of it keeps it from being idle. */
type Role = "user" | "visitor" | "holder"

/** An instance that nobody was admitted to stops after a second, here in milliseconds: anybody can name a key. */
const unsettledIdleTime = 1_000

/**
 * Makes the registry in the current scope. `start` runs in the scope of the
 * instance.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A, E = never>(options: {
  readonly start: (key: string, keeper: Keeper) => Effect.Effect<A, E, Scope.Scope>
  readonly maxIdleTime: Duration.Duration
}): Effect.fn.Return<LiveActors<A, E>, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const entries = new Map<string, Entry<A, E>>()
  const deadlines = new Deadlines(context, yield* Effect.scope)
  const maxIdle = Duration.toMillis(options.maxIdleTime)
  const unsettledIdle = Math.min(maxIdle, unsettledIdleTime)
  let closed = false

  const stop = (key: string, entry: Entry<A, E>, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (entry.stopping) return Deferred.await(entry.gone)
      entry.stopping = true
      deadlines.cancel(entry.deadline)
      // A start that went on would add to what is being closed.
      const cutShort = entry.starting === undefined ? Effect.void : Fiber.interrupt(entry.starting)
      return Effect.andThen(cutShort, Scope.close(entry.scope, exit)).pipe(
        Effect.ensuring(Effect.sync(() => {
          entries.delete(key)
          Deferred.doneUnsafe(entry.gone, Exit.void)
        }))
      )
    }).pipe(Effect.uninterruptible)

  // Last in, first out: the instances stop before the fibers that start and stop them are interrupted.
  const fibers = yield* FiberSet.make()
  yield* Effect.addFinalizer((exit) =>
    Effect.suspend(() => {
      closed = true
      return Effect.forEach(Array.from(entries), ([key, entry]) => stop(key, entry, exit), {
        concurrency: "unbounded",
        discard: true
      })
    })
  )

  const idleTime = (entry: Entry<A, E>) => entry.settled ? maxIdle : unsettledIdle

  /** Looks again when it has been idle for long enough, unless somebody does so already. */
  const watch = (entry: Entry<A, E>) => {
    if (entry.deadline !== undefined || idleTime(entry) === Infinity) return
    entry.deadline = deadlines.set(idleTime(entry) - (deadlines.now() - entry.idleSince) / 1000, entry)
  }

  /** Once due, the stop is not interrupted by a newcomer: that one waits for it. */
  const onDeadline = (key: string, entry: Entry<A, E>) => {
    entry.deadline = undefined
    if (entry.users > 0 || entry.stopping || closed) return
    if (deadlines.now() - entry.idleSince < idleTime(entry) * 1000) watch(entry)
    else FiberSet.addUnsafe(fibers, Effect.runForkWith(context)(stop(key, entry, Exit.void)))
  }

  const touch = (entry: Entry<A, E>) => {
    entry.idleSince = deadlines.now()
  }
  const release = (entry: Entry<A, E>, role: Role) =>
    Effect.sync(() => {
      if (role !== "holder") touch(entry)
      if (--entry.users > 0 || entry.stopping || closed) return
      watch(entry)
    })

  const use = (entry: Entry<A, E>, role: Role): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      entry.users++
      entry.settled ||= role !== "visitor"
      return Effect.addFinalizer(() => release(entry, role))
    }).pipe(Effect.uninterruptible)

  const begin = (key: string): Effect.Effect<Entry<A, E>> => {
    const entry: Entry<A, E> = {
      scope: Scope.makeUnsafe(),
      started: Deferred.makeUnsafe(),
      gone: Deferred.makeUnsafe(),
      instance: undefined,
      starting: undefined,
      users: 0,
      idleSince: deadlines.now(),
      deadline: undefined,
      onDeadline: () => onDeadline(key, entry),
      settled: false,
      stopping: false
    }
    entries.set(key, entry)
    const keeper: Keeper = {
      retain: use(entry, "user"),
      hold: use(entry, "holder"),
      touch: () => touch(entry),
      stop: Effect.asVoid(FiberSet.run(
        fibers,
        Effect.updateContext(stop(key, entry, Exit.void), (_: Context.Context<never>) => context)
      ))
    }
    const start = Effect.onExit(options.start(key, keeper), (exit) =>
      Effect.suspend(() => {
        entry.starting = undefined
        if (Exit.isSuccess(exit)) entry.instance = exit.value
        const failed = Exit.isSuccess(exit) || entry.stopping ? Effect.void : stop(key, entry, exit)
        return Effect.andThen(failed, Deferred.done(entry.started, exit))
      }))
    return FiberSet.run(
      fibers,
      Effect.ignoreCause(
        Effect.updateContext(start, (_: Context.Context<never>) => Context.add(context, Scope.Scope, entry.scope))
      )
    ).pipe(Effect.map((fiber) => {
      if (!Deferred.isDoneUnsafe(entry.started) && !entry.stopping) entry.starting = fiber
      return entry
    }))
  }

  const acquire = (key: string, role: Role): Effect.Effect<A, E, Scope.Scope> =>
    Effect.uninterruptibleMask((restore) => {
      if (closed) return Effect.interrupt
      const found = entries.get(key)
      if (found?.stopping === true) return restore(Effect.andThen(Deferred.await(found.gone), acquire(key, role)))
      return Effect.flatMap(
        found === undefined ? begin(key) : Effect.succeed(found),
        (entry) => Effect.andThen(use(entry, role), restore(Deferred.await(entry.started)))
      )
    })

  return {
    get: (key) => acquire(key, "user"),
    visit: (key) => acquire(key, "visitor"),
    hold: (key) => acquire(key, "holder"),
    has: (key) => entries.has(key),
    stop: (key) =>
      Effect.suspend(() => {
        const entry = entries.get(key)
        return entry === undefined ? Effect.void : stop(key, entry, Exit.void)
      }),
    all: () => Array.from(entries.values()).flatMap(({ instance }) => instance === undefined ? [] : [instance]),
    size: () => entries.size
  }
})
