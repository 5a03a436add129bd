/**
 * How fast the peer of one socket is read: a rate of frames and bytes, and no faster than it reads itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Deadlines } from "./Deadlines.ts"
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
 * The socket that is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Paced {
  readonly link: Link
  /** So often at least, in milliseconds, `stillHere` is called while the rate holds the reading back. */
  readonly interval: number
  /** So many bytes of backlog are no reason to wait. */
  readonly maxBacklog: number
  /** Bytes that were written and have not left yet. */
  readonly backlog: () => number
  /** Says to both ends that the silence is this end's own. */
  readonly stillHere: () => void
  /** Completes when this end has ended the socket: waiting is over then. */
  readonly done: Effect.Effect<void>
}

/**
 * A token bucket of frames and one of bytes.
 *
 * **Details**
 *
 * What has arrived is always taken in; what it costs above the rate delays the next read.
 *
 * Two things hold the reading back: the rate, and words of this end that the peer does not read (`backlog`). Neither is an
 * error; over TCP the peer feels it as a network that is slow. While the peer does not read, `stillHere` is called only
 * if something has left.
 *
 * @category models
 * @since 0.1.0
 */
export class Throttle {
  private readonly deadlines: Deadlines
  private readonly rate: Rate
  private readonly paced: Paced
  private frames: number
  private bytes: number
  private since: number
  /** The next messages of the link, as slowly as they are to be read. */
  readonly pull: Link["pull"]

  constructor(deadlines: Deadlines, rate: Rate, paced: Paced) {
    this.deadlines = deadlines
    this.rate = rate
    this.paced = paced
    this.frames = rate.framesPerSecond * burstSeconds
    this.bytes = rate.bytesPerSecond * burstSeconds
    this.since = deadlines.now()
    this.pull = Effect.suspend(() => {
      const delay = this.delay()
      return delay > 0
        ? Effect.andThen(Effect.raceFirst(this.awaitRate(delay), paced.done), Effect.suspend(() => this.pullNow()))
        : this.pullNow()
    })
  }

  /** Takes what has come in one message. One without frames counts as one. */
  take(frames: number, bytes: number): void {
    this.frames -= Math.max(1, frames)
    this.bytes -= bytes
  }

  /** How long not to read, in whole milliseconds. */
  private delay(): number {
    const { bytesPerSecond, framesPerSecond } = this.rate
    const now = this.deadlines.now()
    const seconds = (now - this.since) / 1000
    this.since = now
    this.frames = refill(this.frames, framesPerSecond, seconds)
    this.bytes = refill(this.bytes, bytesPerSecond, seconds)
    return Math.ceil(1000 * Math.max(debt(this.frames, framesPerSecond), debt(this.bytes, bytesPerSecond)))
  }

  private awaitRate(delay: number): Effect.Effect<void> {
    const { interval } = this.paced
    return Effect.flatMap(Effect.sleep(Math.min(delay, interval)), () => {
      this.paced.stillHere()
      const rest = this.delay()
      return rest > 0 ? this.awaitRate(rest) : Effect.void
    })
  }

  private pullNow(): Link["pull"] {
    const { done, link, maxBacklog } = this.paced
    const waiting = this.paced.backlog()
    return waiting > maxBacklog
      ? Effect.andThen(Effect.raceFirst(this.awaitReader(waiting), done), link.pull)
      : link.pull
  }

  private awaitReader(before: number): Effect.Effect<void> {
    return Effect.flatMap(Effect.sleep(backlogInterval), () => {
      const now = this.paced.backlog()
      if (now < before) this.paced.stillHere()
      return now > this.paced.maxBacklog ? this.awaitReader(now) : Effect.void
    })
  }
}

const refill = (tokens: number, rate: number, seconds: number): number =>
  rate === Infinity ? Infinity : Math.min(rate * burstSeconds, tokens + rate * seconds)

const debt = (tokens: number, rate: number): number => tokens < 0 ? -tokens / rate : 0
