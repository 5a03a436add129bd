import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Engine from "../../src/session/Engine.ts"
import { Heartbeat } from "../../src/session/Heartbeat.ts"
import { withLeaps } from "../support/ChatClock.ts"

const timing = { interval: 15_000, timeout: 10_000 }

/** A heartbeat that is not watched yet, its pings and its end. */
const make = Effect.map(Engine.make, ({ deadlines }) => {
  const pings = { count: 0 }
  let isOver = false
  const heartbeat = new Heartbeat(deadlines, {
    ping: () => pings.count++,
    onSilence: () => isOver = true
  })
  return { heartbeat, pings, isOver: () => isOver }
})

/** A watch over a peer that counts its pings. */
const watch = Effect.tap(make, ({ heartbeat }) => Effect.sync(() => heartbeat.start(timing)))

describe("Heartbeat", () => {
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
      const { heartbeat, pings } = yield* watch
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust("10 seconds")
        heartbeat.mark()
      }
      yield* TestClock.adjust(14_999)
      assert.strictEqual(pings.count, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(pings.count, 1)
    }))

  it.effect("goes on when anything is heard after the ping, in the last moment too", () =>
    Effect.gen(function*() {
      const { heartbeat, isOver, pings } = yield* watch
      yield* TestClock.adjust(24_999)
      heartbeat.mark()
      yield* TestClock.adjust(1)
      assert.isFalse(isOver())
      yield* TestClock.adjust(14_998)
      assert.strictEqual(pings.count, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(pings.count, 2)
    }))

  it.effect("pings once after a sleep of hours and gives the peer the whole time to answer", () =>
    Effect.gen(function*() {
      const { heartbeat, isOver, pings } = yield* make
      // Hours pass before the watch begins: a process that was asleep.
      yield* TestClock.adjust("5 hours")
      heartbeat.start(timing)
      yield* TestClock.adjust(9_999)
      assert.strictEqual(pings.count, 1)
      assert.isFalse(isOver())
      heartbeat.mark()
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(pings.count, 1)
      assert.isFalse(isOver())
      yield* TestClock.adjust("15 seconds")
      assert.isTrue(isOver())
      assert.strictEqual(pings.count, 2)
    }))

  it.effect("asks once more where the timer went off late, since the answer may be there and not be read yet", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { heartbeat, isOver, pings } = yield* watch
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual(pings.count, 1)
        yield* leap("8 hours")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(pings.count, 2)
        assert.isFalse(isOver())
        heartbeat.mark()
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
        const { isOver, pings } = yield* watch
        yield* TestClock.adjust("15 seconds")
        yield* leap("50 seconds")
        yield* TestClock.adjust("10 seconds")
        assert.isFalse(isOver())
        yield* leap("50 seconds")
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(isOver())
        assert.strictEqual(pings.count, 2)
      })
    ))

  it.effect("pings at once when it is woken, once for several wakes that are answered", () =>
    Effect.gen(function*() {
      const { heartbeat, isOver, pings } = yield* watch
      yield* TestClock.adjust("3 seconds")
      heartbeat.wake()
      heartbeat.wake()
      assert.strictEqual(pings.count, 1)
      heartbeat.wake()
      yield* TestClock.adjust("1 second")
      heartbeat.mark()
      yield* TestClock.adjust("9 seconds")
      assert.isFalse(isOver())
      yield* TestClock.adjust("5999 millis")
      assert.strictEqual(pings.count, 1)
      yield* TestClock.adjust("1 milli")
      assert.strictEqual(pings.count, 2)
    }))

  it.effect("asks again for a wake after the answer, and gives up who does not answer that one", () =>
    Effect.gen(function*() {
      const { heartbeat, isOver, pings } = yield* watch
      yield* TestClock.adjust("3 seconds")
      heartbeat.wake()
      yield* TestClock.adjust("1 second")
      heartbeat.mark()
      yield* TestClock.adjust("1 second")
      heartbeat.wake()
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(pings.count, 2)
      yield* TestClock.adjust("9999 millis")
      assert.isFalse(isOver())
      yield* TestClock.adjust("1 milli")
      assert.isTrue(isOver())
    }))

  it.effect("is still after it was stopped", () =>
    Effect.gen(function*() {
      const { heartbeat, isOver, pings } = yield* watch
      yield* TestClock.adjust("15 seconds")
      heartbeat.stop()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(pings.count, 1)
      assert.isFalse(isOver())
    }))
})
