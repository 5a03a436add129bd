import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Heartbeat from "../../src/session/Heartbeat.ts"

const timing = { interval: 15_000, timeout: 10_000 }

/** A watch over a peer that counts its pings. */
const watch = Effect.gen(function*() {
  const activity = yield* Heartbeat.makeActivity
  const pings = { count: 0 }
  const fiber = yield* Effect.forkScoped(Heartbeat.awaitSilence(activity, timing, () => pings.count++))
  return { activity, pings, isOver: () => fiber.pollUnsafe() !== undefined, fiber }
})

describe("awaitSilence", () => {
  it.effect("pings after 15 seconds of silence and gives the peer up 10 seconds later", () =>
    Effect.gen(function*() {
      const { isOver, pings } = yield* watch
      yield* TestClock.adjust(14_999)
      assert.strictEqual(pings.count, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(pings.count, 1)
      yield* TestClock.adjust(9_999)
      assert.isFalse(isOver())
      yield* TestClock.adjust(1)
      assert.isTrue(isOver())
      assert.strictEqual(pings.count, 1)
    }))

  it.effect("counts the 15 seconds from the last thing that was heard", () =>
    Effect.gen(function*() {
      const { activity, pings } = yield* watch
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust("10 seconds")
        activity.mark()
      }
      yield* TestClock.adjust(14_999)
      assert.strictEqual(pings.count, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(pings.count, 1)
    }))

  it.effect("goes on when anything is heard after the ping, in the last moment too", () =>
    Effect.gen(function*() {
      const { activity, isOver, pings } = yield* watch
      yield* TestClock.adjust(24_999)
      activity.mark()
      yield* TestClock.adjust(1)
      assert.isFalse(isOver())
      yield* TestClock.adjust(14_998)
      assert.strictEqual(pings.count, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(pings.count, 2)
    }))

  it.effect("pings once after a sleep of hours and gives the peer the whole time to answer", () =>
    Effect.gen(function*() {
      const activity = yield* Heartbeat.makeActivity
      // Hours pass before the watch runs: a process that was asleep.
      yield* TestClock.adjust("5 hours")
      let pings = 0
      const fiber = yield* Effect.forkScoped(Heartbeat.awaitSilence(activity, timing, () => pings++))
      yield* TestClock.adjust(9_999)
      assert.strictEqual(pings, 1)
      assert.isUndefined(fiber.pollUnsafe())
      activity.mark()
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(pings, 1)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("15 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(pings, 2)
    }))
})
