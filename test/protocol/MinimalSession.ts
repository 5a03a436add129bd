/**
 * What a client keeps from one socket to the next, written from docs/PROTOCOL.md alone.
 *
 * @since 0.1.0
 */

/**
 * A frame as JSON gives it.
 *
 * @category models
 * @since 0.1.0
 */
export type Frame = readonly [name: string, ...rest: ReadonlyArray<any>]

/**
 * The answer to a `hello`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Welcome {
  readonly connection: string
  readonly epoch: string
  readonly token: string
  readonly resumed: boolean
  readonly durable?: true
  readonly received: number
  readonly limits: {
    readonly frameBytes: number
    readonly callsInFlight: number
    readonly bufferFrames: number
    readonly bufferBytes: number
  }
  readonly heartbeat: { readonly interval: number; readonly timeout: number }
}

const encoder = new TextEncoder()

/**
 * The size of a text in UTF-8.
 *
 * @category getters
 * @since 0.1.0
 */
export const byteLength = (text: string): number => encoder.encode(text).length

/**
 * The counts of one session, and the data frames that the server has not acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export class MinimalSession {
  private welcome: Welcome
  private acknowledged = 0
  sent = 0
  received = 0
  /** As JSON, oldest first. */
  kept: Array<string> = []

  constructor(welcome: Welcome) {
    this.welcome = welcome
  }

  get limits(): Welcome["limits"] {
    return this.welcome.limits
  }

  get isDurable(): boolean {
    return this.welcome.durable === true
  }

  get epoch(): string {
    return this.welcome.epoch
  }

  /** The part of a `hello` by which the session is resumed. */
  claim(unanswered: () => ReadonlyArray<number>) {
    const { connection, durable, epoch, token } = this.welcome
    const claim = { connection, token, epoch, received: this.received }
    return durable === undefined ? claim : { ...claim, calls: unanswered() }
  }

  /** Takes the session up on another socket; what is left in `kept` is to be sent again. */
  resume(welcome: Welcome): void {
    if (welcome.connection !== this.welcome.connection) throw new Error("the server resumes another connection")
    this.welcome = welcome
    this.acknowledge(welcome.received)
  }

  /** Counts a data frame and returns its number. */
  send(frame: string): number {
    this.kept.push(frame)
    return ++this.sent
  }

  acknowledge(count: number): void {
    if (count > this.sent) throw new Error("the server acknowledges what was never sent")
    this.kept.splice(0, count - this.acknowledged)
    this.acknowledged = Math.max(this.acknowledged, count)
  }

  /** Whether another call may be sent: an eighth of the buffer is kept for other frames. */
  get hasRoom(): boolean {
    const bytes = this.kept.reduce((sum, frame) => sum + byteLength(frame), 0)
    return this.kept.length < this.limits.bufferFrames * 7 / 8 && bytes < this.limits.bufferBytes * 7 / 8
  }
}
