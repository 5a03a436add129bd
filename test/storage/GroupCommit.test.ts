import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Latch, Metric, Scope } from "effect"
import type { ActorStorage } from "../../src/index.ts"
import * as GroupCommit from "../../src/storage/GroupCommit.ts"
import * as StorageMetrics from "../../src/storage/StorageMetrics.ts"

const commit = (key: string, value = ""): GroupCommit.Commit => ({
  address: { type: "Room", key },
  fence: 1,
  changes: {
    state: { version: 1, value },
    connections: new Map(),
    answered: [],
    trimmed: [],
    alarms: new Map()
  }
})

/** A writer that remembers the keys of its groups, and writes each one when it may. */
const setUp = Effect.fnUntraced(function*(options?: {
  readonly capacity?: number
  readonly maxCommits?: number
  readonly maxSize?: number
  readonly outcome?: (key: string) => Exit.Exit<void, ActorStorage.StorageError>
}) {
  const groups: Array<Array<string>> = []
  const writing = Latch.makeUnsafe(true)
  const run = yield* GroupCommit.make({
    capacity: options?.capacity ?? 1_000,
    maxCommits: options?.maxCommits ?? 1_000,
    maxSize: options?.maxSize ?? 1_000,
    write: (group) =>
      Effect.gen(function*() {
        groups.push(group.map(({ address }) => address.key))
        yield* writing.await
        return group.map(({ address }) => options?.outcome?.(address.key) ?? Exit.void)
      })
  })
  return { groups, run, writing }
})

const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`)

describe("GroupCommit", () => {
  it.effect("writes commits of one tick as one group, in their order, and counts them", () =>
    Effect.gen(function*() {
      const before = [yield* Metric.value(StorageMetrics.commits), yield* Metric.value(StorageMetrics.transactions)]
      const { groups, run } = yield* setUp()
      yield* Effect.forEach(keys(0, 100), (key) => run(commit(key)), { concurrency: "unbounded" })
      const after = [yield* Metric.value(StorageMetrics.commits), yield* Metric.value(StorageMetrics.transactions)]

      assert.deepStrictEqual(groups, [keys(0, 100)])
      assert.deepStrictEqual(after.map(({ count }, i) => count - before[i]!.count), [100, 1])
    }))

  it.effect("gathers what is asked while a group is being written", () =>
    Effect.gen(function*() {
      const { groups, run, writing } = yield* setUp()
      yield* writing.close
      const first = yield* Effect.forkChild(run(commit("0")), { startImmediately: true })
      while (groups.length === 0) yield* Effect.yieldNow
      const rest: Array<Fiber.Fiber<void, ActorStorage.StorageError>> = []
      for (const key of keys(1, 10)) {
        rest.push(yield* Effect.forkChild(run(commit(key)), { startImmediately: true }))
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual(groups, [["0"]])

      yield* writing.open
      yield* Fiber.joinAll([first, ...rest])
      assert.deepStrictEqual(groups, [["0"], keys(1, 10)])
    }))

  it.effect("tells each commit its own outcome", () =>
    Effect.gen(function*() {
      const { run } = yield* setUp({
        outcome: (key) => key === "1" ? Exit.die("broken") : Exit.void
      })
      const exits = yield* Effect.forEach(keys(0, 3), (key) => Effect.exit(run(commit(key))), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(exits, [Exit.void, Exit.die("broken"), Exit.void])
    }))

  it.effect("fails the commits of a group whose writer dies, and goes on", () =>
    Effect.gen(function*() {
      let dies = true
      const run = yield* GroupCommit.make({
        capacity: 10,
        maxCommits: 10,
        maxSize: 10,
        write: (group) => Effect.suspend(() => dies ? Effect.die("bug") : Effect.succeed(group.map(() => Exit.void)))
      })
      assert.deepStrictEqual(yield* Effect.exit(run(commit("0"))), Exit.die("bug"))
      dies = false
      yield* run(commit("1"))
    }))

  it.effect("keeps its groups within their bounds", () =>
    Effect.gen(function*() {
      const { groups, run } = yield* setUp({ maxCommits: 4, maxSize: 10 })
      const sizes = [1, 1, 1, 1, 1, 10, 11, 5, 5, 5]
      yield* Effect.forEach(sizes, (size, i) => run(commit(`${i}`, "x".repeat(size))), { concurrency: "unbounded" })
      assert.deepStrictEqual(groups, [["0", "1", "2", "3"], ["4"], ["5"], ["6"], ["7"], ["8", "9"]])
    }))

  it.effect("lets no more than its capacity wait, and keeps the order of those outside", () =>
    Effect.gen(function*() {
      const { groups, run, writing } = yield* setUp({ capacity: 10 })
      yield* writing.close
      const all = yield* Effect.forkChild(
        Effect.forEach(keys(0, 50), (key) => run(commit(key)), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      while (groups.length === 0) yield* Effect.yieldNow
      yield* writing.open
      yield* Fiber.join(all)
      assert.deepStrictEqual(groups.map((group) => group.length), [10, 10, 10, 10, 10])
      assert.deepStrictEqual(groups.flat(), keys(0, 50))
    }))

  it.effect("forgets an interrupted commit that waits outside, and finishes one inside", () =>
    Effect.gen(function*() {
      const { groups, run, writing } = yield* setUp({ capacity: 1 })
      yield* writing.close
      const written = yield* Effect.forkChild(run(commit("written")), { startImmediately: true })
      while (groups.length === 0) yield* Effect.yieldNow
      const inside = yield* Effect.forkChild(run(commit("inside")), { startImmediately: true })
      const outside = yield* Effect.forkChild(run(commit("outside")), { startImmediately: true })
      yield* Fiber.interruptAll([written, inside, outside])

      yield* writing.open
      yield* run(commit("later"))
      assert.deepStrictEqual(groups, [["written"], ["inside"], ["later"]])
    }))

  it.effect("writes what waits when it closes, and refuses what comes later", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { groups, run, writing } = yield* setUp({ capacity: 2 }).pipe(Scope.provide(scope))
      yield* writing.close
      const first = yield* Effect.forkChild(run(commit("0")), { startImmediately: true })
      while (groups.length === 0) yield* Effect.yieldNow
      const rest = yield* Effect.forkChild(
        Effect.forEach(keys(1, 5), (key) => run(commit(key)), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      const closed = yield* Deferred.make<void>()
      yield* Scope.close(scope, Exit.void).pipe(Effect.andThen(Deferred.succeed(closed, undefined)), Effect.forkChild)
      yield* Effect.yieldNow
      assert.isFalse(yield* Deferred.isDone(closed))

      yield* writing.open
      yield* Fiber.join(first)
      yield* Fiber.join(rest)
      yield* Deferred.await(closed)
      assert.deepStrictEqual(groups.flat(), keys(0, 5))
      const late = yield* Effect.flip(run(commit("late")))
      assert.strictEqual(late.failure, "Unavailable")
    }))
})
