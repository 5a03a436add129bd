import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Deadlines } from "../../src/session/Deadlines.ts"
import * as Engine from "../../src/session/Engine.ts"
import { withLeaps } from "../support/ChatClock.ts"

const make = Effect.map(Engine.make, ({ deadlines }) => {
  const met: Array<number> = []
  const set = (millis: number) => deadlines.set(millis, { onDeadline: () => met.push(millis) })
  return { deadlines, met, set }
})

/** Sets a deadline each time one is met, so many times. */
const again = (deadlines: Deadlines, times: number, onDone: () => void): void => {
  if (times === 0) return onDone()
  deadlines.set(10, { onDeadline: () => again(deadlines, times - 1, onDone) })
}

describe("Deadlines", () => {
  it.effect.prop("are met when their time has come and in its order, however they were set", {
    times: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))).check(
      Schema.isMaxLength(40)
    )
  }, ({ times }) =>
    Effect.gen(function*() {
      const { met, set } = yield* make
      for (const time of times) set(time)
      for (let now = 125; now <= 1_000; now += 125) {
        yield* TestClock.adjust(125)
        assert.deepStrictEqual(met, times.filter((time) => time <= now).sort((a, b) => a - b))
      }
    }))

  it.effect("an earlier one wakes whoever sleeps until a later one", () =>
    Effect.gen(function*() {
      const { met, set } = yield* make
      set(1_000)
      yield* TestClock.adjust(100)
      set(100)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(met, [100])
      yield* TestClock.adjust(800)
      assert.deepStrictEqual(met, [100, 1_000])
    }))

  it.effect("one that was called off is not met, its neighbours are", () =>
    Effect.gen(function*() {
      const { deadlines, met, set } = yield* make
      set(20)
      const off = set(10)
      set(30)
      deadlines.cancel(off)
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(met, [20, 30])
    }))

  it.effect("may be set by those who are told of one", () =>
    Effect.gen(function*() {
      const { deadlines } = yield* make
      let isDone = false
      again(deadlines, 5, () => isDone = true)
      yield* TestClock.adjust(49)
      assert.isFalse(isDone)
      yield* TestClock.adjust(1)
      assert.isTrue(isDone)
    }))

  it.effect("one that lies further ahead than a timer can hold is not met before its time", () =>
    Effect.gen(function*() {
      const { met, set } = yield* make
      set(2 ** 33)
      yield* TestClock.adjust(2 ** 32)
      assert.deepStrictEqual(met, [])
      yield* TestClock.adjust(2 ** 32)
      assert.deepStrictEqual(met, [2 ** 33])
    }))

  it.effect("one that is set after time has gone on without the timer is met in time, and those that are overdue with it", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { met, set } = yield* make
        set(10_000)
        yield* leap("1 hour")
        set(100)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(met, [10_000])
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(met, [10_000, 100])
      })
    ))

  it.effect("are not met after their scope has closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { met, set } = yield* Scope.provide(make, scope)
      set(10)
      yield* Scope.close(scope, Exit.void)
      set(10)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(met, [])
    }))
})
