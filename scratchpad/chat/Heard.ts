/**
 * Everything that a member of the room hears, as one stream.
 */
import { Data, type DateTime, Stream } from "effect"
import type { DisconnectReason } from "../../src/DisconnectReason.ts"
import type { Member, Message, Room } from "./ChatRoom.ts"
import * as Transcript from "./Transcript.ts"

export type Heard = Data.TaggedEnum<{
  Posted: { readonly message: Message }
  Joined: { readonly member: Member }
  Left: { readonly name: string; readonly reason: DisconnectReason }
  DirectMessage: { readonly from: string; readonly text: string; readonly at: DateTime.Utc }
  Announced: { readonly text: string }
}>

export const Heard = Data.taggedEnum<Heard>()

/** The events to subscribe to at connect time, so that none is missed before the stream runs. */
export const subscribe = ["posted", "joined", "left", "directMessage", "announced"] as const

/** What is heard in the room until the handle is done, of its history the messages with a number above `after` too. */
export const stream = (room: Room, after = 0) =>
  Stream.mergeAll([
    Stream.map(Transcript.messages(room, after), (message): Heard => Heard.Posted({ message })),
    Stream.map(room.events.joined, (member): Heard => Heard.Joined({ member })),
    Stream.map(room.events.left, (left): Heard => Heard.Left(left)),
    Stream.map(room.events.directMessage, (direct): Heard => Heard.DirectMessage(direct)),
    Stream.map(room.events.announced, (announced): Heard => Heard.Announced(announced))
  ], { concurrency: "unbounded" })
