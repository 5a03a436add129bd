/**
 * Liveness of one socket: an idle end pings, a silent peer is given up.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { HeartbeatTiming } from "./Frame.ts"

/**
 * The times of the last inbound message, in monotonic nanoseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Activity {
  readonly mark: () => void
  readonly last: () => bigint
}

/**
 * Notes when anything was heard of the peer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeActivity: Effect.Effect<Activity> = Clock.clockWith((clock) => {
  let last = clock.monotonicTimeNanosUnsafe()
  return Effect.succeed({
    mark: () => {
      last = clock.monotonicTimeNanosUnsafe()
    },
    last: () => last
  })
})

/**
 * What may ask for a sign of life before the time of the next ping has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wakes {
  /** When that was asked for last, in monotonic nanoseconds. */
  readonly last: bigint
  /** Completes when it is asked for the next time. */
  readonly next: Effect.Effect<void>
}

/**
 * Completes when the peer has been silent for `interval`, or since the last
 * wake, and then left a ping unanswered for `timeout`.
 *
 * **Details**
 *
 * Any inbound message counts as a sign of life. A process that slept for hours
 * sends one ping on waking and gives the peer the whole timeout: the time that
 * passed while it could not listen is not held against the peer. The same where
 * it slept while it waited for the answer: a timer that goes off late says
 * nothing about the peer, whose answer may be there and not be read yet, so
 * that it is asked once more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const awaitSilence = Effect.fnUntraced(function*(
  activity: Activity,
  timing: HeartbeatTiming,
  ping: () => void,
  wakes?: Wakes
): Effect.fn.Return<void> {
  const interval = BigInt(timing.interval) * 1_000_000n
  const patience = BigInt(timing.timeout) * 1_250_000n
  let doubted = false
  while (true) {
    const now = yield* Clock.monotonicTimeNanos
    const heard = activity.last()
    const idle = now - heard
    const isWoken = wakes !== undefined && wakes.last > heard
    if (idle < interval && !isWoken && !doubted) {
      const rest = Effect.sleep(Duration.nanos(interval - idle))
      yield* wakes === undefined ? rest : Effect.raceFirst(rest, wakes.next)
      continue
    }
    ping()
    yield* Effect.sleep(timing.timeout)
    const isSilent = activity.last() === heard
    const isLate = (yield* Clock.monotonicTimeNanos) - now > patience
    if (isSilent && (doubted || !isLate)) return
    doubted = isSilent
  }
})
