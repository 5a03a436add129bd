/**
 * Liveness of one socket: an idle end pings, a silent peer is given up.
 *
 * @since 0.1.0
 */
import type { Deadline, Deadlines, Waiter } from "./Deadlines.ts"
import type { HeartbeatTiming } from "./Frame.ts"

/**
 * The socket that is watched over.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watched {
  readonly ping: () => void
  /** The peer has been silent for the interval and then left a ping unanswered. */
  readonly onSilence: () => void
}

/** An answer is late where a timer goes off after so many times the timeout. */
const patience = 1.25

/**
 * Watches over a socket: pings when the peer has been silent for `interval`,
 * or when it is woken, and gives the peer up when that was left unanswered for
 * `timeout`.
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
 * @category models
 * @since 0.1.0
 */
export class Heartbeat implements Waiter {
  private readonly deadlines: Deadlines
  private readonly watched: Watched
  private timing: HeartbeatTiming | undefined
  private deadline: Deadline | undefined
  /** When the peer was last heard of, in monotonic microseconds, as all times here. */
  private heard: number
  /** What asks for a sign of life before its time has come: when that was last. */
  private woken = -Infinity
  /** The ping that waits for its answer: when it was sent, and what `heard` was then. */
  private ping: { readonly at: number; readonly heard: number } | undefined
  /** Whether the last answer may only not have been read yet. */
  private doubted = false

  constructor(deadlines: Deadlines, watched: Watched) {
    this.deadlines = deadlines
    this.watched = watched
    this.heard = deadlines.now()
  }

  /** Notes that something was heard of the peer; returns the time, in monotonic microseconds. */
  mark(): number {
    return this.heard = this.deadlines.now()
  }

  /** When something was last heard of the peer, in monotonic microseconds. */
  get lastHeard(): number {
    return this.heard
  }

  start(timing: HeartbeatTiming): void {
    this.timing = timing
    this.check(timing)
  }

  /** Asks for a sign of life now, or again once the answer to an earlier ping is there. */
  wake(): void {
    this.woken = this.deadlines.now()
    if (this.timing === undefined || this.ping !== undefined) return
    this.deadlines.cancel(this.deadline)
    this.check(this.timing)
  }

  stop(): void {
    this.timing = undefined
    this.deadlines.cancel(this.deadline)
  }

  onDeadline(): void {
    const { ping, timing } = this
    if (timing === undefined) return
    if (ping !== undefined) {
      this.ping = undefined
      const isSilent = this.heard === ping.heard
      const isLate = this.deadlines.now() - ping.at > timing.timeout * 1000 * patience
      if (isSilent && (this.doubted || !isLate)) return this.watched.onSilence()
      this.doubted = isSilent
    }
    this.check(timing)
  }

  private check(timing: HeartbeatTiming): void {
    const now = this.deadlines.now()
    const rest = timing.interval * 1000 - (now - this.heard)
    if (rest > 0 && this.woken <= this.heard && !this.doubted) {
      this.deadline = this.deadlines.set(rest / 1000, this)
    } else {
      this.ping = { at: now, heard: this.heard }
      this.watched.ping()
      this.deadline = this.deadlines.set(timing.timeout, this)
    }
  }
}
