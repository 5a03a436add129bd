import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as LiveActors from "../../src/host/LiveActors.ts"

describe("the live instances of an actor", () => {
  it.effect("are never two of one key: a start that is cut short has ended before the next one begins", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const cleaning = yield* Deferred.make<void>()
      let starts = 0
      const live = yield* LiveActors.make({
        maxIdleTime: Duration.minutes(1),
        start: () =>
          Effect.suspend(() => {
            const start = ++starts
            log.push(`begins ${start}`)
            return start > 1 ?
              Effect.succeed(start) :
              Effect.onExit(
                Effect.never,
                () => Effect.andThen(Deferred.await(cleaning), Effect.sync(() => log.push("ends 1")))
              )
          })
      })
      const get = Effect.scoped(live.get("key"))
      const first = yield* Effect.forkChild(Effect.exit(get), { startImmediately: true })
      yield* Effect.yieldNow
      const stopping = yield* Effect.forkChild(live.stop("key"), { startImmediately: true })
      const second = yield* Effect.forkChild(get, { startImmediately: true })
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.deepStrictEqual(log, ["begins 1"])
      yield* Deferred.succeed(cleaning, undefined)
      yield* Fiber.join(stopping)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(first)))
      assert.strictEqual(yield* Fiber.join(second), 2)
      assert.deepStrictEqual(log, ["begins 1", "ends 1", "begins 2"])
    }).pipe(Effect.scoped))

  it.effect("stop when nobody has used them for the time that is allowed, counted from their last user", () =>
    Effect.gen(function*() {
      let stops = 0
      const live = yield* LiveActors.make({
        maxIdleTime: Duration.minutes(1),
        start: () => Effect.addFinalizer(() => Effect.sync(() => stops++))
      })
      const use = Effect.scoped(live.get("key"))
      yield* use
      yield* TestClock.adjust("50 seconds")
      yield* use
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(stops, 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(stops, 1)
      assert.strictEqual(live.size(), 0)
    }).pipe(Effect.scoped))

  it.effect("stay while somebody uses them, and soon stop where nobody but visitors has come", () =>
    Effect.gen(function*() {
      let stops = 0
      const live = yield* LiveActors.make({
        maxIdleTime: Duration.minutes(1),
        start: () => Effect.addFinalizer(() => Effect.sync(() => stops++))
      })
      yield* Effect.scoped(live.visit("visited"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(stops, 1)
      const user = yield* Scope.make()
      yield* Effect.scoped(live.visit("used"))
      yield* Scope.provide(live.get("used"), user)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(stops, 1)
      yield* Scope.close(user, Exit.void)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(stops, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(stops, 2)
    }).pipe(Effect.scoped))

  it.effect("are idle from their last use on, whoever holds them meanwhile", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let touch = () => {}
      const live = yield* LiveActors.make({
        maxIdleTime: Duration.minutes(1),
        start: (_, keeper) => {
          touch = keeper.touch
          return Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push("stop")))
        }
      })
      const holder = yield* Scope.make()
      yield* Scope.provide(live.hold("key"), holder)
      yield* TestClock.adjust("30 seconds")
      touch()
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(log, [])
      yield* Scope.close(holder, Exit.void)
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["stop"])
    }).pipe(Effect.scoped))
})
