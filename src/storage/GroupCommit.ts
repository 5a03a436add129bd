/**
 * Commits of many instances that share a transaction.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { type Address, type Changes, StorageError } from "../ActorStorage.ts"
import { sizeOf } from "./ChangesSize.ts"
import * as StorageMetrics from "./StorageMetrics.ts"

/**
 * What is asked of a storage.
 *
 * @category models
 * @since 0.1.0
 */
export interface Commit {
  readonly address: Address
  readonly fence: number
  readonly changes: Changes
}

/**
 * How each commit of a group ended, in the order of the group.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcomes = ReadonlyArray<Exit.Exit<void, StorageError>>

/**
 * Commits by a writer that works on one group at a time.
 *
 * **Details**
 *
 * While a group is being written the next one gathers; so do the commits of one tick. They reach the writer in the order
 * in which they were made. What waits is bounded: more than `capacity` commits wait outside, in their order.
 *
 * When the scope closes, what waits is written, and later commits fail with `Unavailable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  /** Commits that wait for their turn. */
  readonly capacity: number
  /** Commits per group. */
  readonly maxCommits: number
  /** Text per group in UTF-16 code units; one commit alone may be larger. */
  readonly maxSize: number
  /** Writes a group; interrupted by nobody. */
  readonly write: (group: NonEmptyReadonlyArray<Commit>) => Effect.Effect<Outcomes>
}): Effect.fn.Return<(commit: Commit) => Effect.Effect<void, StorageError>, never, Scope.Scope> {
  const queue = yield* Queue.bounded<Pending, Cause.Done>(options.capacity)

  // Between the first commit and the take, whatever can run has the time to add its own.
  const next = Queue.peek(queue).pipe(
    Effect.andThen(Effect.yieldNow),
    Effect.andThen(Queue.takeBetween(queue, 1, options.maxCommits))
  )
  const write = Effect.fnUntraced(function*(group: NonEmptyReadonlyArray<Pending>) {
    const outcomes = yield* Effect.exit(options.write(group))
    yield* Metric.update(StorageMetrics.commits, group.length)
    yield* Metric.update(StorageMetrics.transactions, 1)
    group.forEach(({ done }, index) =>
      Deferred.doneUnsafe(done, Exit.isSuccess(outcomes) ? outcomes.value[index]! : Exit.failCause(outcomes.cause))
    )
  })
  const writer = yield* next.pipe(
    Effect.flatMap((commits) => Effect.forEach(split(commits, options.maxSize), write, { discard: true })),
    Effect.forever,
    Effect.catchTag("Done", () => Effect.void),
    Effect.uninterruptible,
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(queue), Fiber.await(writer)))

  return (commit) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<void, StorageError>()
      return Effect.flatMap(
        Queue.offer(queue, { ...commit, done }),
        (taken) => taken ? Deferred.await(done) : Effect.fail(closed)
      )
    })
})

interface Pending extends Commit {
  readonly done: Deferred.Deferred<void, StorageError>
}

/**
 * The error of what is asked of a storage that has closed.
 *
 * @category errors
 * @since 0.1.0
 */
export const closed = new StorageError({
  failure: "Unavailable",
  message: "the storage is closed; provide its layer outside of what uses it"
})

/** Cuts commits into groups that are not too large. */
const split = <A extends Commit>(
  commits: ReadonlyArray<A>,
  maxSize: number
): ReadonlyArray<NonEmptyReadonlyArray<A>> => {
  const groups: Array<[A, ...Array<A>]> = []
  let size = Infinity
  for (const commit of commits) {
    const own = sizeOf(commit.changes)
    if (size + own > maxSize) {
      groups.push([commit])
      size = own
    } else {
      groups.at(-1)!.push(commit)
      size += own
    }
  }
  return groups
}
