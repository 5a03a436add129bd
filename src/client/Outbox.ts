/**
 * The calls that were never sent: a bounded queue, from which an interrupted
 * call is taken out again.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
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
  /** The next call that still wants to run. */
  readonly take: Effect.Effect<Option.Option<A>>
  /** Takes out a call; `false` if it has left already. Its place is free at once. */
  readonly remove: (id: number) => Effect.Effect<boolean>
  /** Takes out all calls and fails those that wait for room, now and later. */
  readonly close: (error: ConnectionError<unknown>) => Effect.Effect<ReadonlyArray<A>>
  /** How many calls wait, those that wait for room not counted. */
  readonly size: () => number
}

/**
 * Makes a queue for `capacity` calls.
 *
 * **Details**
 *
 * `Queue` cannot take an element out of its middle. An interrupted call leaves
 * a gap that `take` skips; the semaphore, which counts the live ones, is what
 * bounds the queue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A extends Waiting>(options: {
  readonly capacity: number
  readonly onFull: "suspend" | "fail"
}): Effect.fn.Return<Outbox<A>> {
  const queue = yield* Queue.unbounded<A>()
  const room = yield* Semaphore.make(options.capacity)
  const closed = yield* Deferred.make<never, ConnectionError<unknown>>()
  const live = new Map<number, A>()
  let waiting = 0

  const waitForRoom = Effect.suspend(() => {
    waiting++
    return room.take(1).pipe(
      Effect.raceFirst(Deferred.await(closed)),
      Effect.ensuring(Effect.sync(() => waiting--))
    )
  })

  const add = (call: A) =>
    Effect.suspend((): Effect.Effect<void, ConnectionError<unknown>> => {
      if (Deferred.isDoneUnsafe(closed)) return Deferred.await(closed)
      live.set(call.id, call)
      Queue.offerUnsafe(queue, call)
      return Effect.void
    })

  const take: Outbox<A>["take"] = Effect.suspend(() => {
    while (true) {
      const next = Queue.takeUnsafe(queue)
      if (next === undefined || Exit.isFailure(next)) return Effect.succeedNone
      const call = next.value
      if (live.delete(call.id)) return Effect.as(room.release(1), Option.some(call))
    }
  })

  return {
    offer: (call) =>
      Effect.flatMap(
        // Nobody overtakes those who wait for room already.
        waiting > 0 ? Effect.succeed(false) : room.takeIfAvailable(1),
        (free) => {
          if (free) return add(call)
          return options.onFull === "suspend"
            ? Effect.andThen(waitForRoom, add(call))
            : Effect.fail(new ConnectionError<unknown>({ reason: new QueueFull({ capacity: options.capacity }) }))
        }
      ),
    take,
    remove: (id) => Effect.suspend(() => live.delete(id) ? Effect.as(room.release(1), true) : Effect.succeed(false)),
    close: (error) =>
      Effect.sync(() => {
        Deferred.doneUnsafe(closed, Exit.fail(error))
        const calls = Array.from(live.values())
        live.clear()
        return calls
      }),
    size: () => live.size
  }
})
