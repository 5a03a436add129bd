/**
 * Calls in the order in which they came.
 *
 * @since 0.1.0
 */

/**
 * A call in a queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface Queued {
  readonly id: number
}

/**
 * A queue out of whose middle a call can be taken as well.
 *
 * @category models
 * @since 0.1.0
 */
export class CallQueue<A extends Queued> {
  private readonly calls = new Map<number, A>()
  /** Always before the oldest call: a walk over a map sees what is added meanwhile, and what was taken it has passed. */
  private readonly walk = this.calls.values()

  get size(): number {
    return this.calls.size
  }

  /** All calls, the oldest first. */
  get all(): ReadonlyArray<A> {
    return Array.from(this.calls.values())
  }

  add(call: A): void {
    this.calls.set(call.id, call)
  }

  /** Takes out the oldest call. */
  take(): A | undefined {
    // A walk that has once come to its end stays there.
    if (this.calls.size === 0) return undefined
    const call = this.walk.next().value!
    this.calls.delete(call.id)
    return call
  }

  /** Takes out a call; `false` if it is not here. */
  remove(id: number): boolean {
    return this.calls.delete(id)
  }

  /** Takes out everything, the oldest first. */
  takeAll(): ReadonlyArray<A> {
    const calls = this.all
    this.calls.clear()
    return calls
  }
}
