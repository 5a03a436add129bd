/**
 * When a client dials again: schedules whose input is what is known about the loss.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual, pipe } from "effect/Function"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/**
 * What a reconnect schedule is told before each delay.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lost {
  /**
   * Why the client is away: the `DisconnectReason` of the other end, the `SocketError` of the transport, the failure of
   * the `params` effect, or `PlatformSignals.Suspended`.
   */
  readonly cause: unknown
  /** Which dial the next one is since the client was last connected, from 1. */
  readonly attempt: number
  /** How long the connection had lasted that was lost; zero if the dial failed. */
  readonly connectedFor: Duration.Duration
  /** Whether the platform had asked for the dial that failed, since the network had changed. Default: `false`. */
  readonly woken?: boolean
}

/**
 * Starts the schedule over when the connection that was lost had lasted at least `uptime`, or when the platform had asked
 * for the last dial.
 *
 * **When to use**
 *
 * Use for every reconnect schedule that grows, so that the first dial after a long healthy connection waits the shortest
 * delay again.
 *
 * **Gotchas**
 *
 * A schedule never starts over by itself. One without this grows its delays over days of single short losses. Short
 * connections don't count: a server that accepts and drops at once is not dialled in a hot loop.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resetAfter: {
  (uptime: Duration.Input): <Output, Input, Error, Env>(
    self: Schedule.Schedule<Output, Input, Error, Env>
  ) => Schedule.Schedule<Output, Input & Lost, Error, Env>
  <Output, Input, Error, Env>(
    self: Schedule.Schedule<Output, Input, Error, Env>,
    uptime: Duration.Input
  ): Schedule.Schedule<Output, Input & Lost, Error, Env>
} = dual(2, <Output, Input, Error, Env>(
  self: Schedule.Schedule<Output, Input, Error, Env>,
  uptime: Duration.Input
): Schedule.Schedule<Output, Input & Lost, Error, Env> => {
  const healthy = Duration.fromInputUnsafe(uptime)
  return Schedule.fromStep(Effect.gen(function*() {
    let step = yield* Schedule.toStep(self)
    return Effect.fnUntraced(function*(now: number, input: Input & Lost) {
      if (input.woken === true || Duration.isGreaterThanOrEqualTo(input.connectedFor, healthy)) {
        step = yield* Schedule.toStep(self)
      }
      return yield* step(now, input)
    })
  }))
})

/**
 * Endless exponential backoff with full jitter: delay `n`, from 0, is `floor` and a random share of
 * `min(cap - floor, base * 2^n)`.
 *
 * **When to use**
 *
 * Use where many clients lose one server at once. Each delay is drawn from the whole range and not from around its end,
 * so that they come back spread evenly, also after the cap is reached.
 *
 * **Details**
 *
 * Known as "full jitter" from "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015); the clients of Centrifugo
 * have it with a floor, too. Outputs the delay. Draws from `Random`, so that a seed repeats it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fullJitter = (options: {
  /** The shortest delay. */
  readonly floor: Duration.Input
  /** The width of the first range. */
  readonly base: Duration.Input
  /** The longest delay. */
  readonly cap: Duration.Input
}): Schedule.Schedule<Duration.Duration> => {
  const floor = Duration.toMillis(options.floor)
  const base = Duration.toMillis(options.base)
  const widest = Math.max(0, Duration.toMillis(options.cap) - floor)
  return Schedule.fromStep(Effect.sync(() => {
    let width = base
    return () =>
      Effect.map(Random.next, (share) => {
        const delay = Duration.millis(floor + share * Math.min(widest, width))
        width = Math.min(widest, width * 2)
        return [delay, delay] as [Duration.Duration, Duration.Duration]
      })
  }))
}

/**
 * The reconnect schedule of a client that names none: full jitter from 250 milliseconds, growing from a range of 1 second
 * to 30 seconds, starting over after a connection of at least 30 seconds.
 *
 * **Details**
 *
 * Endless: the client never gives up. At most two dials fall into any 500 milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const policy: Schedule.Schedule<Duration.Duration, Lost> = pipe(
  fullJitter({ floor: "250 millis", base: "1 second", cap: "30 seconds" }),
  resetAfter("30 seconds")
)
