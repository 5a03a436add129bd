import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Random, Ref, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as Reconnect from "../src/Reconnect.ts"

const lost = (seconds: number): Reconnect.Lost => ({
  cause: "down",
  attempt: 1,
  connectedFor: Duration.seconds(seconds)
})

/** The times in milliseconds of the dials of one client that never gets through, after a loss at 0. */
const redials = Effect.fnUntraced(function*(schedule: Schedule.Schedule<unknown, Reconnect.Lost>, until: number) {
  const step = yield* Schedule.toStep(schedule)
  const times: Array<number> = []
  let now = 0
  while (now < until) {
    const [, delay] = yield* step(now, lost(0)).pipe(Effect.orDie)
    now += Duration.toMillis(delay)
    if (now < until) times.push(now)
  }
  return times
})

/** Dials after connections of the given lengths in seconds and tells, in seconds, when. */
const dialledAt = Effect.fnUntraced(function*(
  schedule: Schedule.Schedule<unknown, Reconnect.Lost>,
  lengths: ReadonlyArray<number>
) {
  const times = yield* Ref.make<ReadonlyArray<number>>([])
  const connection = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const { length } = yield* Ref.updateAndGet(times, (times) => [...times, now / 1000])
    const seconds = lengths[length - 1]
    if (seconds === undefined) return yield* Effect.never
    yield* Effect.sleep(Duration.seconds(seconds))
    return yield* Effect.fail(lost(seconds))
  })
  yield* connection.pipe(Effect.retry(schedule), Effect.forkScoped)
  yield* TestClock.adjust("1 hour")
  return yield* Ref.get(times)
})

const largestShare = (times: ReadonlyArray<number>, width: number) => {
  const bins = new Map<number, number>()
  for (const time of times) {
    const bin = Math.floor(time / width)
    bins.set(bin, (bins.get(bin) ?? 0) + 1)
  }
  return Math.max(...bins.values()) / times.length
}

const clients = <A>(one: Effect.Effect<ReadonlyArray<A>>) =>
  Effect.map(Effect.forEach(Array.from({ length: 10_000 }), () => one), (lists) => lists.flat()).pipe(
    Random.withSeed("clients")
  )

describe("Reconnect.resetAfter", () => {
  const schedule = Schedule.exponential("1 second").pipe(Reconnect.resetAfter("30 seconds"))

  it.effect("starts over after a healthy connection", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* dialledAt(schedule, [0, 0, 0, 100, 0, 0]), [0, 1, 3, 7, 108, 110, 114])
    }))

  it.effect("starts over after a connection of exactly the given length", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* dialledAt(schedule, [0, 0, 30, 0]), [0, 1, 3, 34, 36])
    }))

  it.effect("goes on after short connections, however many", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* dialledAt(schedule, [29, 29, 29, 29]), [0, 30, 61, 94, 131])
    }))

  it.effect("does not start over when only the delays were long", () =>
    Effect.gen(function*() {
      const long = Schedule.exponential("40 seconds").pipe(Reconnect.resetAfter("30 seconds"))
      assert.deepStrictEqual(yield* dialledAt(long, [0, 0, 0]), [0, 40, 120, 280])
    }))

  it.effect("starts over when the platform had asked for the dial that failed", () =>
    Effect.gen(function*() {
      const step = yield* Schedule.toStep(schedule)
      const delays = yield* Effect.forEach(
        [lost(0), lost(0), { ...lost(0), woken: true }, { ...lost(0), woken: false }],
        (input) => Effect.map(step(0, input), ([, delay]) => Duration.toSeconds(delay))
      )
      assert.deepStrictEqual(delays, [1, 2, 1, 2])
    }))

  it.effect("takes the schedule first or last", () =>
    Effect.gen(function*() {
      const first = Reconnect.resetAfter(Schedule.exponential("1 second"), "30 seconds")
      assert.deepStrictEqual(yield* dialledAt(first, [0, 0, 100]), [0, 1, 3, 104])
    }))
})

describe("Reconnect.fullJitter", () => {
  const schedule = Reconnect.fullJitter({ floor: "250 millis", base: "1 second", cap: "5 seconds" })

  const delaysWith = (share: number) =>
    Effect.gen(function*() {
      const step = yield* Schedule.toStep(schedule)
      return yield* Effect.forEach([0, 1, 2, 3, 4], (now) => Effect.map(step(now, lost(0)), ([, delay]) => delay))
    }).pipe(
      Effect.map((delays) => delays.map(Duration.toMillis)),
      Effect.provideService(Random.Random, { nextDoubleUnsafe: () => share, nextIntUnsafe: () => 0 })
    )

  it.effect("never waits less than the floor", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* delaysWith(0), [250, 250, 250, 250, 250])
    }))

  it.effect("doubles its range up to the cap", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* delaysWith(0.5), [750, 1250, 2250, 2625, 2625])
      assert.deepStrictEqual(yield* delaysWith(1), [1250, 2250, 4250, 5000, 5000])
    }))

  it.effect("waits the floor where the cap lies below it", () =>
    Effect.gen(function*() {
      const fixed = Reconnect.fullJitter({ floor: "2 seconds", base: "1 second", cap: "1 second" })
      assert.deepStrictEqual(yield* redials(fixed, 7000), [2000, 4000, 6000])
    }))

  it.effect("starts anew for each run", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* delaysWith(1), yield* delaysWith(1))
    }))

  it.effect("repeats itself with a seed", () =>
    Effect.gen(function*() {
      const one = yield* redials(schedule, 60_000).pipe(Random.withSeed("a"))
      const same = yield* redials(schedule, 60_000).pipe(Random.withSeed("a"))
      const other = yield* redials(schedule, 60_000).pipe(Random.withSeed("b"))
      assert.deepStrictEqual(one, same)
      assert.notDeepEqual(one, other)
    }))
})

describe("Reconnect.policy", () => {
  it.effect("dials at most twice in any 500 milliseconds", () =>
    Effect.gen(function*() {
      const spans = yield* clients(Effect.map(redials(Reconnect.policy, 10_000), (redialled) => {
        const times = [0, ...redialled]
        return times.slice(2).map((time, index) => time - (times[index] ?? 0))
      }))
      assert.isAtLeast(spans.reduce((shortest, span) => Math.min(shortest, span)), 500)
    }))

  it.effect("starts over after a healthy connection, and only then", () =>
    Effect.gen(function*() {
      const step = yield* Schedule.toStep(Reconnect.policy)
      const delays = yield* Effect.forEach(
        [0, 29, 0, 29, 0, 0, 30, 0],
        (seconds) => Effect.map(step(0, lost(seconds)), ([, delay]) => Duration.toMillis(delay))
      )
      assert.deepStrictEqual(delays, [1250, 2250, 4250, 8250, 16_250, 30_000, 1250, 2250])
    }).pipe(Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 1, nextIntUnsafe: () => 0 })))

  it.effect("never gives up", () =>
    Effect.gen(function*() {
      const day = yield* redials(Reconnect.policy, 24 * 60 * 60 * 1000)
      assert.isAbove(day.length, 24 * 60 * 2)
      assert.isAbove(day.at(-1) ?? 0, 24 * 60 * 60 * 1000 - 30_000)
    }))

  it.effect("spreads 10,000 clients of a restarted server over the first 5 seconds", () =>
    Effect.gen(function*() {
      const first = yield* clients(Effect.map(redials(Reconnect.policy, 5000), (times) => times.slice(0, 1)))
      assert.strictEqual(first.length, 10_000)
      assert.isAtMost(largestShare(first, 100), 0.12)
    }))

  it.effect("spreads 10,000 clients of a server that stays away", () =>
    Effect.gen(function*() {
      const times = yield* clients(redials(Reconnect.policy, 120_000))
      assert.isAtMost(largestShare(times.filter((time) => time < 5000), 100), 0.12)
      const late = times.filter((time) => time >= 60_000)
      assert.isAtMost(largestShare(late, 100), 0.02)
    }))
})
