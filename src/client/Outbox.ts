/**
 * The calls that were never sent: a bounded queue, from which an interrupted
 * call is taken out again.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import { ConnectionError, QueueFull } from "../ConnectionError.ts"

/**
 * A call that waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting {
  readonly id: number
  /** Its encoded frame. */
  readonly frame: string
}

/**
 * The queue of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outbox<A extends Waiting> {
  /** Adds a call; waits for room, or fails with `QueueFull`, as the client was told to. */
  readonly offer: (call: A) => Effect.Effect<void, ConnectionError<unknown>>
  /**
   * The next call that still wants to run. In one step, so that a call is never between the queue and those that were
   * sent. Its place is free when `grant` is called.
   */
  readonly take: () => A | undefined
  /** Gives free places to those who wait for room; they go on within the call. */
  readonly grant: () => void
  /** Takes out a call; `false` if it has left already. Its place is free at once. */
  readonly remove: (id: number) => boolean
  /** Takes out all calls and fails those that wait for room, now and later. */
  readonly close: (error: ConnectionError<unknown>) => ReadonlyArray<A>
  /** How many calls wait, those that wait for room not counted. */
  readonly size: () => number
}

/**
 * Makes a queue for `capacity` calls.
 *
 * **Details**
 *
 * `Queue` cannot take an element out of its middle: an interrupted call leaves
 * a gap that `take` skips, and what bounds the queue is the number of the live
 * ones. Those who wait for room get it in the order in which they came.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A extends Waiting>(options: {
  readonly capacity: number
  readonly onFull: "suspend" | "fail"
}): Effect.fn.Return<Outbox<A>> {
  const queue = yield* Queue.unbounded<A>()
  const live = new Map<number, A>()
  const waiters = new Set<Deferred.Deferred<void, ConnectionError<unknown>>>()
  // Places that were promised to waiters who have not taken them yet.
  let promised = 0
  let closed: ConnectionError<unknown> | undefined

  const hasRoom = () => live.size + promised < options.capacity

  const grant = () => {
    for (const waiter of waiters) {
      if (!hasRoom()) return
      waiters.delete(waiter)
      promised++
      Deferred.doneUnsafe(waiter, Exit.void)
    }
  }
  const add = (call: A): Effect.Effect<void, ConnectionError<unknown>> => {
    if (closed !== undefined) return Effect.fail(closed)
    live.set(call.id, call)
    Queue.offerUnsafe(queue, call)
    return Effect.void
  }
  const waitForRoom = (call: A) =>
    Effect.uninterruptibleMask((restore) => {
      const waiter = Deferred.makeUnsafe<void, ConnectionError<unknown>>()
      waiters.add(waiter)
      const giveUp = Effect.sync(() => {
        if (waiters.delete(waiter) || closed !== undefined) return
        promised--
        grant()
      })
      return restore(Deferred.await(waiter)).pipe(
        Effect.onInterrupt(() => giveUp),
        Effect.andThen(Effect.suspend(() => {
          promised--
          return add(call)
        }))
      )
    })

  return {
    offer: (call) =>
      Effect.suspend(() => {
        // Nobody overtakes those who wait for room already.
        if (closed !== undefined || (waiters.size === 0 && hasRoom())) return add(call)
        return options.onFull === "suspend"
          ? waitForRoom(call)
          : Effect.fail(new ConnectionError<unknown>({ reason: new QueueFull({ capacity: options.capacity }) }))
      }),
    take: () => {
      while (true) {
        const next = Queue.takeUnsafe(queue)
        if (next === undefined || Exit.isFailure(next)) return undefined
        if (live.delete(next.value.id)) return next.value
      }
    },
    grant,
    remove: (id) => {
      const removed = live.delete(id)
      if (removed) grant()
      return removed
    },
    close: (error) => {
      closed = error
      const calls = Array.from(live.values())
      live.clear()
      for (const waiter of waiters) Deferred.doneUnsafe(waiter, Exit.fail(error))
      waiters.clear()
      return calls
    },
    size: () => live.size
  }
})
