import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber } from "effect"
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
})
