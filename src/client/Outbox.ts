/**
 * The calls that were never sent: a bounded queue, from which an interrupted
 * call is taken out again.
 *
 * @since 0.1.0
 */
import { ConnectionError, QueueFull } from "../ConnectionError.ts"
import { CallQueue, type Queued } from "./CallQueue.ts"

/**
 * A call that waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting extends Queued {
  /** Its encoded frame. */
  readonly frame: string
}

/**
 * A queue for `capacity` calls, and those that wait for room in it, in the order in which they came.
 *
 * @category models
 * @since 0.1.0
 */
export class Outbox<A extends Waiting> {
  private readonly capacity: number
  private readonly onFull: "suspend" | "fail"
  private readonly queue = new CallQueue<A>()
  private readonly outside = new CallQueue<A>()
  private closed: ConnectionError<unknown> | undefined

  constructor(options: { readonly capacity: number; readonly onFull: "suspend" | "fail" }) {
    this.capacity = options.capacity
    this.onFull = options.onFull
  }

  /** How many calls are in the queue, those that wait for room not counted. */
  get size(): number {
    return this.queue.size
  }

  /** Adds a call, or lets it wait for room, as the client was told to; returns why it does neither. */
  offer(call: A): ConnectionError<unknown> | undefined {
    if (this.closed !== undefined) return this.closed
    // Nobody overtakes those who wait for room already.
    if (this.outside.size === 0 && this.hasRoom) this.queue.add(call)
    else if (this.onFull === "suspend") this.outside.add(call)
    else return new ConnectionError<unknown>({ reason: new QueueFull({ capacity: this.capacity }) })
    return undefined
  }

  /** Takes out the oldest call. */
  take(): A | undefined {
    const call = this.queue.take()
    this.letIn()
    return call
  }

  /** Takes out a call; `false` if it has left already. */
  remove(id: number): boolean {
    const removed = this.queue.remove(id) || this.outside.remove(id)
    this.letIn()
    return removed
  }

  /** Takes out all calls, and lets none in from now on. */
  close(error: ConnectionError<unknown>): ReadonlyArray<A> {
    this.closed = error
    return [...this.queue.takeAll(), ...this.outside.takeAll()]
  }

  private get hasRoom(): boolean {
    return this.queue.size < this.capacity
  }

  private letIn(): void {
    while (this.outside.size > 0 && this.hasRoom) this.queue.add(this.outside.take()!)
  }
}
