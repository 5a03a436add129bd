/**
 * The status of a client as it changes, in words.
 */
import { Clock, Duration, Effect, Stream, SubscriptionRef } from "effect"
import type { Waiting } from "../../src/ConnectionStatus.ts"
import type { Room } from "./ChatRoom.ts"
import type { Format } from "./Format.ts"

/** A line for each status, and with `live` ten a second while the client waits, with the time that is left. */
export const stream = (
  room: Room,
  options: { readonly name: string; readonly format: Format; readonly live: boolean }
) =>
  SubscriptionRef.changes(room.status).pipe(
    Stream.switchMap((status) => status._tag === "Waiting" && options.live ? countdown(status) : Stream.make(status)),
    Stream.mapEffect((status) =>
      Effect.map(room.queued, (queued) => options.format.status(options.name, status, queued))
    )
  )

const countdown = (status: Waiting) =>
  Stream.unwrap(
    Effect.map(Clock.currentTimeMillis, (start) =>
      Stream.tick("100 millis").pipe(Stream.mapEffect(() =>
        Effect.map(Clock.currentTimeMillis, (now): Waiting => ({
          ...status,
          delay: Duration.max(Duration.zero, Duration.subtract(status.delay, Duration.millis(now - start)))
        }))
      )))
  )
