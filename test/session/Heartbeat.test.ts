import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import * as Heartbeat from "../../src/session/Heartbeat.ts"
import { withLeaps } from "../support/ChatClock.ts"

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

  it.effect("asks once more where the timer went off late, since the answer may be there and not be read yet", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { activity, isOver, pings } = yield* watch
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual(pings.count, 1)
        yield* leap("8 hours")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(pings.count, 2)
        assert.isFalse(isOver())
        activity.mark()
        yield* TestClock.adjust("14999 millis")
        assert.strictEqual(pings.count, 2)
        yield* TestClock.adjust("1 milli")
        assert.strictEqual(pings.count, 3)
        assert.isFalse(isOver())
      })
    ))

  it.effect("gives a peer up that leaves two pings in a row unanswered, however late the timers are", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { fiber, isOver, pings } = yield* watch
        yield* TestClock.adjust("15 seconds")
        yield* leap("50 seconds")
        yield* TestClock.adjust("10 seconds")
        assert.isFalse(isOver())
        yield* leap("50 seconds")
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(pings.count, 2)
      })
    ))

  /** A watch that can be woken. */
  const watchWakes = Effect.gen(function*() {
    const activity = yield* Heartbeat.makeActivity
    const clock = yield* Clock.Clock
    const latch = Latch.makeUnsafe(false)
    const wakes = { last: 0n, next: latch.await }
    const wake = () => {
      wakes.last = clock.monotonicTimeNanosUnsafe()
      latch.openUnsafe()
      latch.closeUnsafe()
    }
    const pings = { count: 0 }
    const fiber = yield* Effect.forkScoped(Heartbeat.awaitSilence(activity, timing, () => pings.count++, wakes))
    return { activity, pings, wake, isOver: () => fiber.pollUnsafe() !== undefined }
  })

  it.effect("pings at once when it is woken, once for several wakes that are answered", () =>
    Effect.gen(function*() {
      const { activity, isOver, pings, wake } = yield* watchWakes
      yield* TestClock.adjust("3 seconds")
      wake()
      wake()
      yield* Effect.yieldNow
      assert.strictEqual(pings.count, 1)
      wake()
      yield* TestClock.adjust("1 second")
      activity.mark()
      yield* TestClock.adjust("9 seconds")
      assert.isFalse(isOver())
      yield* TestClock.adjust("5999 millis")
      assert.strictEqual(pings.count, 1)
      yield* TestClock.adjust("1 milli")
      assert.strictEqual(pings.count, 2)
    }))

  it.effect("asks again for a wake after the answer, and gives up who does not answer that one", () =>
    Effect.gen(function*() {
      const { activity, isOver, pings, wake } = yield* watchWakes
      yield* TestClock.adjust("3 seconds")
      wake()
      yield* TestClock.adjust("1 second")
      activity.mark()
      yield* TestClock.adjust("1 second")
      wake()
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(pings.count, 2)
      yield* TestClock.adjust("9999 millis")
      assert.isFalse(isOver())
      yield* TestClock.adjust("1 milli")
      assert.isTrue(isOver())
    }))
})
