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
import { Suspended } from "../PlatformSignals.ts"
import type { Lost } from "../Reconnect.ts"
import * as Wakeups from "./Wakeups.ts"

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
  /** What the platform tells; `undefined` where it tells nothing. */
  readonly wakeups: Wakeups.Wakeups | undefined
}

/** The time from one dial to the next, at least, where a wake cuts the wait between them short. */
const wakeSpacing = 1_000_000_000n

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
 * A wake of the platform cuts a delay of the schedule short, but not a
 * `retryAfter`. While the platform has suspended the client it waits for the
 * end of that, and the schedule is not stepped.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lives = <E, R>(life: Effect.Effect<Lost, E, R>, policy: Policy): Stream.Stream<Lost, E, R> =>
  Schedule.toStep(policy.schedule).pipe(
    Effect.map((step) => {
      const self: Dialler = { policy, step, dialledAt: 0n, seen: 0, woken: false }
      return Stream.fromEffectRepeat(dial(self, life)).pipe(
        Stream.takeWhileEffect((lost) => wait(self, lost))
      )
    }),
    Stream.unwrap
  )

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Lost, never, never>>>

interface Dialler {
  readonly policy: Policy
  readonly step: Step
  /** When the last dial began, in monotonic nanoseconds. */
  dialledAt: bigint
  /** The wakes that there had been by then, or when the connection that came of it was lost. */
  seen: number
  /** Whether there was one since, so that the dial was due. */
  woken: boolean
}

const dial = <E, R>(self: Dialler, life: Effect.Effect<Lost, E, R>): Effect.Effect<Lost, E, R> =>
  Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
    self.dialledAt = now
    self.seen = self.policy.wakeups?.count ?? 0
    return life
  })

/** Waits for the time of the next dial; `false` if there is none. */
const wait = (self: Dialler, lost: Lost): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const { cap, onWait, wakeups } = self.policy
    if (wakeups !== undefined && !Duration.isZero(lost.connectedFor)) {
      // The wakes until now concern the connection that is lost.
      self.seen = wakeups.count
      self.woken = false
    }
    if (wakeups !== undefined && lost.cause instanceof Suspended) {
      yield* onWait(lost, Duration.infinity)
      yield* wakeups.resumed
      // The resume is a wake.
      self.seen = wakeups.count - 1
      yield* rest(self, wakeups, Duration.infinity, true)
      return true
    }
    const now = yield* Clock.currentTimeMillis
    const [, scheduled] = yield* self.step(now, self.woken ? { ...lost, woken: true } : lost)
    const longest = cap(yield* Clock.monotonicTimeNanos)
    const asked = isReason(lost.cause) ? DisconnectReason.retryAfter(lost.cause) : Option.none()
    const delay = Option.getOrElse(asked, () => capped(scheduled, longest))
    yield* onWait(lost, delay)
    yield* wakeups === undefined ? Effect.sleep(delay) : rest(self, wakeups, delay, Option.isNone(asked))
    return true
  }).pipe(Pull.catchDone(() => Effect.succeed(false)))

/** Lets the delay pass, or less of it where a wake may cut it, and then a suspension. */
const rest = Effect.fnUntraced(function*(
  self: Dialler,
  wakeups: Wakeups.Wakeups,
  delay: Duration.Duration,
  mayBeCut: boolean
) {
  const now = yield* Clock.monotonicTimeNanos
  const end = Option.match(Duration.toNanos(delay), { onNone: () => never, onSome: (nanos) => now + nanos })
  const earliest = mayBeCut ? min(self.dialledAt + wakeSpacing, end) : end
  yield* Wakeups.sleepUntil(wakeups, { end, earliest, seen: self.seen })
  yield* wakeups.resumed
  self.woken = wakeups.count > self.seen
})

/** Later than any timer, in monotonic nanoseconds. */
const never = 2n ** 62n

const min = (a: bigint, b: bigint): bigint => a < b ? a : b

const capped = (delay: Duration.Duration, cap: Duration.Duration | undefined): Duration.Duration =>
  cap === undefined ? delay : Duration.min(delay, cap)

const isReason = Schema.is(DisconnectReason.DisconnectReason)
