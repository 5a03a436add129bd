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
 * Completes when the peer has been silent for `interval` and then left a ping
 * unanswered for `timeout`.
 *
 * **Details**
 *
 * Any inbound message counts as a sign of life. A process that slept for hours
 * sends one ping on waking and gives the peer the whole timeout: the time that
 * passed while it could not listen is not held against the peer.
 *
 * @category combinators
 * @since 0.1.0
 */
export const awaitSilence = Effect.fnUntraced(function*(
  activity: Activity,
  timing: HeartbeatTiming,
  ping: () => void
): Effect.fn.Return<void> {
  const interval = BigInt(timing.interval) * 1_000_000n
  while (true) {
    const idle = (yield* Clock.monotonicTimeNanos) - activity.last()
    if (idle < interval) {
      yield* Effect.sleep(Duration.nanos(interval - idle))
      continue
    }
    const heard = activity.last()
    ping()
    yield* Effect.sleep(timing.timeout)
    if (activity.last() === heard) return
  }
})
