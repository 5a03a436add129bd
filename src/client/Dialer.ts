/**
 * When to dial: a stream of sockets' lives, with the waits between them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { Lost } from "../Reconnect.ts"

/**
 * How a dialler waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  readonly schedule: Schedule.Schedule<unknown, Lost>
  /** The longest wait while a session can be resumed, at a monotonic time in nanoseconds. */
  readonly cap: (now: bigint) => Duration.Duration | undefined
  readonly onWait: (lost: Lost, delay: Duration.Duration) => Effect.Effect<void>
}

/**
 * Lives one socket after the other: `life` dials and succeeds with how the
 * socket was lost. The stream emits each loss after the wait that followed it
 * and ends when the schedule does; it fails with what `life` fails with.
 *
 * **Details**
 *
 * A `retryAfter` of the server replaces the delay of the schedule, which is
 * stepped all the same. While a session can be resumed, delays of the schedule
 * are capped, so that the client is back in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lives = <E, R>(life: Effect.Effect<Lost, E, R>, policy: Policy): Stream.Stream<Lost, E, R> =>
  Schedule.toStep(policy.schedule).pipe(
    Effect.map((step) =>
      Stream.fromEffectRepeat(life).pipe(
        Stream.takeWhileEffect((lost) => wait(step, lost, policy))
      )
    ),
    Stream.unwrap
  )

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Lost, never, never>>>

const wait = (step: Step, lost: Lost, policy: Policy): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const [, scheduled] = yield* step(now, lost)
    const cap = policy.cap(yield* Clock.monotonicTimeNanos)
    const asked = isReason(lost.cause) ? DisconnectReason.retryAfter(lost.cause) : Option.none()
    const delay = Option.getOrElse(asked, () => capped(scheduled, cap))
    yield* policy.onWait(lost, delay)
    yield* Effect.sleep(delay)
    return true
  }).pipe(Pull.catchDone(() => Effect.succeed(false)))

const capped = (delay: Duration.Duration, cap: Duration.Duration | undefined): Duration.Duration =>
  cap === undefined ? delay : Duration.min(delay, cap)

const isReason = Schema.is(DisconnectReason.DisconnectReason)
