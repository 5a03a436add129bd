/**
 * What was said in the room, without a hole: the events of now, and the history where events were missed.
 */
import { DateTime, Effect, Ref, Stream } from "effect"
import type { Message, Room } from "./ChatRoom.ts"

/** How far one has read. */
interface Seen {
  readonly number: number
  readonly at: DateTime.Utc
}

/**
 * The messages of the room after the one with the number `after`, in order and each once, beginning with its history.
 *
 * A gap tells that events may have been missed, and a number that jumps tells that some were. Either way the history has
 * them, and what comes again is known by its number; or by its time, where the room has begun anew and counts from 1.
 */
export const messages = (room: Room, after: number) =>
  Stream.unwrap(Effect.gen(function*() {
    const seen = yield* Ref.make<Seen>({ number: after, at: yield* DateTime.now })
    const history = (after: number) =>
      room.rpc.history({ after }).pipe(
        // The connection was lost once more; the next gap asks again.
        Stream.catchReason("ConnectionError", "OutcomeUnknown", () => Stream.empty)
      )
    const next = (message: Message) =>
      Stream.unwrap(
        Effect.map(Ref.get(seen), ({ number }) => message.number > number + 1 ? history(number) : Stream.make(message))
      )

    return Stream.make(history(after)).pipe(
      // After a gap the room may be another one, whose numbers say nothing of what was read before.
      Stream.merge(Stream.map(room.gaps, () => history(0))),
      Stream.merge(Stream.map(room.events.posted, next)),
      Stream.flatten(),
      Stream.filterEffect((message) =>
        Ref.modify(seen, (seen) => isNew(message, seen) ? [true, message] : [false, seen])
      )
    )
  }))

const isNew = (message: Message, seen: Seen) =>
  message.number > seen.number || DateTime.isGreaterThan(message.at, seen.at)
