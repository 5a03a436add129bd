/**
 * Where dials wait until somebody accepts them.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Socket from "effect/socket/Socket"
import { refusal } from "./Passage.ts"

/**
 * A meeting point of guests and hosts, in order of arrival.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lobby<Guest> {
  /**
   * Waits until a host has taken the guest in. Interruption withdraws the guest.
   */
  readonly wait: (guest: Guest) => Effect.Effect<void, Socket.SocketError>
  /**
   * Takes in guests, one after the other, for ever. A guest that was taken is welcomed, whatever interrupts the host.
   */
  readonly host: <R>(welcome: (guest: Guest) => Effect.Effect<void, never, R>) => Effect.Effect<never, never, R>
  /**
   * Refuses everybody who waits.
   */
  readonly shut: () => void
}

interface Waiting<Guest> {
  readonly guest: Guest
  readonly outcome: Deferred.Deferred<void, Socket.SocketError>
}

/**
 * Creates an empty lobby.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Guest>(): Lobby<Guest> => {
  const queue = new Set<Waiting<Guest>>()
  const occupied = Latch.makeUnsafe(false)

  const takeFirst = (): Waiting<Guest> | undefined => {
    for (const waiting of queue) {
      queue.delete(waiting)
      return waiting
    }
    occupied.closeUnsafe()
    return undefined
  }
  return {
    wait: (guest) =>
      Effect.suspend(() => {
        const waiting: Waiting<Guest> = { guest, outcome: Deferred.makeUnsafe() }
        queue.add(waiting)
        occupied.openUnsafe()
        return Effect.onInterrupt(Deferred.await(waiting.outcome), () => Effect.sync(() => queue.delete(waiting)))
      }),
    host: (welcome) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(occupied.await), () => {
          const waiting = takeFirst()
          if (waiting === undefined) return Effect.void
          return Effect.andThen(welcome(waiting.guest), Deferred.succeed(waiting.outcome, undefined))
        })
      ).pipe(Effect.forever),
    shut() {
      const waiting = Array.from(queue)
      queue.clear()
      waiting.forEach(({ outcome }) => Deferred.doneUnsafe(outcome, Exit.fail(refusal)))
    }
  }
}
