/**
 * Many deadlines and one fiber that sleeps until the first of them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** What a timer can hold, in milliseconds; a peer may ask for more. */
const longestSleep = 2_147_483_647

/**
 * What is to be told of a deadline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiter {
  readonly onDeadline: () => void
}

/**
 * A deadline that was set. One that is called off stays in the heap until its time has come, without its waiter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deadline {
  readonly at: number
  waiter: Waiter | undefined
}

/**
 * Tells waiters when their time has come, by the monotonic clock.
 *
 * **Details**
 *
 * A timer and a fiber for each would cost a connection about a kilobyte.
 * Waiters are told one after the other; they must not wait themselves.
 *
 * @category models
 * @since 0.1.0
 */
export class Deadlines {
  private readonly heap: Array<Deadline> = []
  private readonly context: Context.Context<never>
  private readonly scope: Scope.Scope
  private readonly clock: Clock.Clock
  private sleeper: Fiber.Fiber<void> | undefined
  private wakesAt = Infinity
  private isAwake = false

  constructor(context: Context.Context<never>, scope: Scope.Scope) {
    this.context = context
    this.scope = scope
    this.clock = Context.get(context, Clock.Clock)
  }

  /** Monotonic time, in milliseconds. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Sets a deadline so many milliseconds from now. */
  set(millis: number, waiter: Waiter): Deadline {
    const now = this.now()
    const deadline: Deadline = { at: now + millis, waiter }
    push(this.heap, deadline)
    // Also where the sleeper is late: its timer stood still while time went on.
    if (deadline.at < this.wakesAt || this.wakesAt < now) this.sleep()
    return deadline
  }

  /** Calls a deadline off. */
  cancel(deadline: Deadline | undefined): void {
    if (deadline !== undefined) deadline.waiter = undefined
  }

  private sleep(): void {
    const first = this.heap[0]
    if (first === undefined || this.isAwake) return
    this.sleeper?.interruptUnsafe()
    this.wakesAt = first.at
    const millis = Math.min(Math.max(0, Math.ceil(first.at - this.now())), longestSleep)
    const wake = Effect.delay(Effect.sync(() => this.wake()), millis)
    this.sleeper = Fiber.runIn(Effect.runForkWith(this.context)(wake), this.scope)
  }

  private wake(): void {
    this.sleeper = undefined
    this.isAwake = true
    const now = this.now()
    while (this.heap.length > 0 && this.heap[0]!.at <= now) pop(this.heap).waiter?.onDeadline()
    this.isAwake = false
    this.wakesAt = Infinity
    this.sleep()
  }
}

/** A binary heap: no element is later than those at twice its index plus one and plus two. */
const push = (heap: Array<Deadline>, deadline: Deadline): void => {
  let index = heap.length
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (heap[parent]!.at <= deadline.at) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = deadline
}

const pop = (heap: Array<Deadline>): Deadline => {
  const first = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return first
  let index = 0
  while (true) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++
    if (heap[child]!.at >= last.at) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
  return first
}
