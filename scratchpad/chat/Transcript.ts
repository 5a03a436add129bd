/**
 * What was said in the room, without a hole: the events of now, and the history where events were missed.
 */
import { Effect, Ref, Stream } from "effect"
import type { Message, Room } from "./ChatRoom.ts"

/**
 * The messages of the room after the one with the number `after`, in order and each once, beginning with its history.
 *
 * A gap tells that events may have been missed, and a number that jumps tells that some were. Either way the history has
 * them, and what comes again is known by its number.
 */
export const messages = (room: Room, after: number) =>
  Stream.unwrap(Effect.gen(function*() {
    const seen = yield* Ref.make(after)
    const missed = Stream.unwrap(Effect.map(Ref.get(seen), (after) => room.rpc.history({ after }))).pipe(
      // The connection was lost once more; the next gap asks again.
      Stream.catchReason("ConnectionError", "OutcomeUnknown", () => Stream.empty)
    )
    const next = (message: Message) =>
      Stream.unwrap(Effect.map(Ref.get(seen), (last) => message.number > last + 1 ? missed : Stream.make(message)))

    return Stream.make("the beginning").pipe(
      Stream.merge(room.gaps),
      Stream.map(() => missed),
      Stream.merge(Stream.map(room.events.posted, next)),
      Stream.flatten(),
      Stream.filterEffect((message) =>
        Ref.modify(seen, (last) => [message.number > last, Math.max(last, message.number)])
      )
    )
  }))
