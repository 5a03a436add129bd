/**
 * Work that is done one after the other, without making the one who brings it
 * wait.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { attempt, exitOf } from "./Attempt.ts"

/**
 * What is done with an item, and the fiber that does it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Worker<in A> {
  readonly act: (item: A) => Effect.Effect<void>
  /** Answers for an item whose `act` has died; the later items go on in any case. */
  readonly onDefect?: ((item: A, cause: Cause.Cause<never>) => Effect.Effect<void>) | undefined
  readonly context: Context.Context<never>
  /** Owns the fibers of what takes its time. */
  readonly scope: Scope.Scope
}

/**
 * Acts on items in the order in which they were offered.
 *
 * **Details**
 *
 * An item whose work is done when `act` returns costs no fiber, and one that
 * finishes at once no turn of the scheduler. One that
 * takes its time (a payload that decodes by an asynchronous schema, a consumer
 * that reads slowly) holds back the later items and nobody else. Its fiber
 * belongs to the scope; when it is interrupted the later items stay undone.
 *
 * @category models
 * @since 0.1.0
 */
export class InOrder<A> {
  private readonly items: Array<A> = []
  private busy: boolean
  private readonly worker: Worker<A>

  /** With `closed` nothing is acted on before `open`. */
  constructor(worker: Worker<A>, options?: { readonly closed: boolean }) {
    this.worker = worker
    this.busy = options?.closed ?? false
  }

  /** Items that wait. */
  get size(): number {
    return this.items.length
  }

  offer(item: A): void {
    if (this.busy) {
      this.items.push(item)
    } else {
      this.start(item)
      this.drain()
    }
  }

  /** Lets through what waited since the beginning. */
  open(): void {
    this.busy = false
    this.drain()
  }

  /** Takes out the first item of its kind that was not acted on yet. */
  take(is: (item: A) => boolean): A | undefined {
    const index = this.items.findIndex(is)
    return index === -1 ? undefined : this.items.splice(index, 1)[0]
  }

  /** Takes out everything. */
  takeAll(): ReadonlyArray<A> {
    return this.items.splice(0)
  }

  private drain(): void {
    while (!this.busy && this.items.length > 0) this.start(this.items.shift()!)
  }

  private start(item: A): void {
    this.busy = true
    // What `act` throws is a defect of this item and not of the one who brings it.
    const effect = attempt(() => this.worker.act(item))
    const done = exitOf(effect)
    if (done !== undefined) {
      this.busy = false
      this.look(item, done)
      return
    }
    const fiber = Effect.runForkWith(this.worker.context)(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      this.busy = false
      this.look(item, exit)
      return
    }
    Fiber.runIn(fiber, this.worker.scope)
    fiber.addObserver((exit) => {
      // Its scope has closed: what comes after the item that was not done must not be done either.
      if (Exit.hasInterrupts(exit)) return
      this.busy = false
      this.look(item, exit)
      this.drain()
    })
  }

  private look(item: A, exit: Exit.Exit<void>): void {
    if (Exit.isSuccess(exit) || this.worker.onDefect === undefined || !Exit.hasDies(exit)) return
    const { context, scope } = this.worker
    Fiber.runIn(Effect.runForkWith(context)(this.worker.onDefect(item, exit.cause)), scope)
  }
}
