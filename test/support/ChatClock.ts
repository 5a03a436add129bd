/**
 * A clock that leaps ahead, as that of a machine does which was asleep.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/**
 * Runs a test on the test clock with a clock in front of it. Its time leaps ahead by what is passed to `leap`, while no
 * timer goes off before its own time is over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLeaps = <A, E, R>(
  body: (leap: (duration: Duration.Input) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  TestClock.testClockWith((clock) => {
    let ahead = 0
    const nanos = () => BigInt(ahead) * 1_000_000n
    const millisUnsafe = () => clock.currentTimeMillisUnsafe() + ahead
    const nanosUnsafe = () => clock.currentTimeNanosUnsafe() + nanos()
    const monotonicUnsafe = () => clock.monotonicTimeNanosUnsafe() + nanos()
    const leaping: TestClock.TestClock = {
      ...clock,
      currentTimeMillisUnsafe: millisUnsafe,
      currentTimeMillis: Effect.sync(millisUnsafe),
      currentTimeNanosUnsafe: nanosUnsafe,
      currentTimeNanos: Effect.sync(nanosUnsafe),
      monotonicTimeNanosUnsafe: monotonicUnsafe,
      monotonicTimeNanos: Effect.sync(monotonicUnsafe)
    }
    const leap = (duration: Duration.Input) => Effect.sync(() => void (ahead += Duration.toMillis(duration)))
    return Effect.provideService(body(leap), Clock.Clock, leaping)
  })
