/**
 * How fast the peer of one socket is read: a rate of frames and bytes, and no faster than it reads itself.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Link } from "./Link.ts"

/**
 * What a peer may send in the long run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rate {
  readonly framesPerSecond: number
  readonly bytesPerSecond: number
}

/** So many seconds' worth of its rate a peer may send at once. */
const burstSeconds = 2

/** How often what was written is looked at while a peer does not read, in milliseconds. */
const backlogInterval = 100

/**
 * A token bucket of frames and one of bytes.
 *
 * **Details**
 *
 * What has arrived is always taken in; what it costs above the rate delays the next read. An endless rate costs nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Throttle {
  private readonly clock: Clock.Clock
  private readonly rate: Rate
  private frames: number
  private bytes: number
  private since: bigint

  constructor(clock: Clock.Clock, rate: Rate) {
    this.clock = clock
    this.rate = rate
    this.frames = rate.framesPerSecond * burstSeconds
    this.bytes = rate.bytesPerSecond * burstSeconds
    this.since = clock.monotonicTimeNanosUnsafe()
  }

  /** Takes what has come in one message. One without frames counts as one. */
  take(frames: number, bytes: number): void {
    this.frames -= Math.max(1, frames)
    this.bytes -= bytes
  }

  /** How long not to read, in whole milliseconds. */
  delay(): number {
    const { bytesPerSecond, framesPerSecond } = this.rate
    const now = this.clock.monotonicTimeNanosUnsafe()
    const seconds = Number(now - this.since) / 1e9
    this.since = now
    this.frames = refill(this.frames, framesPerSecond, seconds)
    this.bytes = refill(this.bytes, bytesPerSecond, seconds)
    return Math.ceil(1000 * Math.max(debt(this.frames, framesPerSecond), debt(this.bytes, bytesPerSecond)))
  }
}

const refill = (tokens: number, rate: number, seconds: number): number =>
  rate === Infinity ? Infinity : Math.min(rate * burstSeconds, tokens + rate * seconds)

const debt = (tokens: number, rate: number): number => tokens < 0 ? -tokens / rate : 0

/**
 * A link that is read as slowly as its peer must be.
 *
 * **Details**
 *
 * Two things hold the reading back: the rate, and words of this end that the peer does not read (`backlog`). Neither is an
 * error; over TCP the peer feels it as a network that is slow.
 *
 * While the rate holds the reading back the silence is this end's own: `stillHere` is called at least every `interval`
 * milliseconds and says so to both ends. While the peer does not read it is called only if something has left.
 *
 * @category combinators
 * @since 0.1.0
 */
export const slowDown = (link: Link, options: {
  readonly throttle: Throttle
  readonly interval: number
  readonly stillHere: () => void
  /** Bytes that were written and have not left yet. */
  readonly backlog: () => number
  /** So many of them are no reason to wait. */
  readonly maxBacklog: number
  /** Completes when this end has ended the socket: waiting is over then. */
  readonly done: Effect.Effect<void>
}): Link => {
  const { backlog, done, interval, maxBacklog, stillHere, throttle } = options

  const awaitRate = (delay: number): Effect.Effect<void> =>
    Effect.flatMap(Effect.sleep(Math.min(delay, interval)), () => {
      stillHere()
      const rest = throttle.delay()
      return rest > 0 ? awaitRate(rest) : Effect.void
    })
  const awaitReader = (before: number): Effect.Effect<void> =>
    Effect.flatMap(Effect.sleep(backlogInterval), () => {
      const now = backlog()
      if (now < before) stillHere()
      return now > maxBacklog ? awaitReader(now) : Effect.void
    })

  const pull: Link["pull"] = Effect.suspend(() => {
    const delay = throttle.delay()
    if (delay > 0) return Effect.andThen(Effect.raceFirst(awaitRate(delay), done), pullNow)
    return pullNow
  })
  const pullNow: Link["pull"] = Effect.suspend(() => {
    const waiting = backlog()
    return waiting > maxBacklog
      ? Effect.andThen(Effect.raceFirst(awaitReader(waiting), done), link.pull)
      : link.pull
  })
  return { ...link, pull }
}
