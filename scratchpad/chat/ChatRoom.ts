/**
 * The contract of the chat room: what a client and the server agree on. No code of either.
 */
import { Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import { DisconnectReason } from "../../src/DisconnectReason.ts"

export const Role = Schema.Literals(["admin", "member"])

export class Member extends Schema.Class<Member>("ChatRoom/Member")({
  name: Schema.String,
  role: Role
}) {}

/**
 * A member and where they stand: `joined` with a live socket at least, `suspended` while away but still able to come
 * back to where they were, `gone` for good.
 */
export class Presence extends Schema.Class<Presence>("ChatRoom/Presence")({
  ...Member.fields,
  standing: Schema.Literals(["joined", "suspended", "gone"])
}) {}

/** What one may say in one go. */
export const Text = Schema.NonEmptyString.check(Schema.isMaxLength(2000))

/** The name that a client gives to a message before it sends it. */
const Draft = Schema.String.check(Schema.isMaxLength(64))

/** Numbered from 1 without a gap, so that a client can tell what it has missed and what it has seen already. */
export class Message extends Schema.Class<Message>("ChatRoom/Message")({
  number: Schema.Int,
  from: Schema.String,
  text: Schema.String,
  at: Schema.DateTimeUtcFromMillis,
  draft: Schema.optionalKey(Draft)
}) {}

/** Why a client was not let in. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("ChatRoom/Unauthorized")("Unauthorized", {
  name: Schema.String,
  hint: Schema.String
}) {
  override get message() {
    return `${this.name} may not enter: ${this.hint}`
  }
}

/** Nobody of that name is here. */
export class NotInRoom extends Schema.TaggedError<NotInRoom>("ChatRoom/NotInRoom")("NotInRoom", {
  name: Schema.String
}) {
  override get message() {
    return `${this.name} is not in the room`
  }
}

/** The member's role does not allow it. */
export class NotAllowed extends Schema.TaggedError<NotAllowed>("ChatRoom/NotAllowed")("NotAllowed", {
  needed: Role
}) {
  override get message() {
    return `only an ${this.needed} may do that`
  }
}

export class ChatRoom extends Actor.make("ChatRoom", {
  params: { authToken: Schema.RedactedFromValue(Schema.String) },
  connectionState: Member,
  state: { messages: Schema.Array(Message), gone: Schema.Array(Presence) },
  rejection: Unauthorized,
  events: {
    posted: Message,
    joined: Member,
    left: { name: Schema.String, reason: DisconnectReason },
    // All who are or were here, to those who come; then those whose standing has changed.
    presence: { members: Schema.Array(Presence), complete: Schema.Boolean },
    directMessage: { from: Schema.String, text: Schema.String, at: Schema.DateTimeUtcFromMillis },
    announced: { text: Schema.String }
  },
  rpcs: [
    // Says it once, however often it is called with one draft: who cannot tell whether it ran may call again.
    Rpc.make("post", { payload: { text: Text, draft: Schema.optionalKey(Draft) } }),
    Rpc.make("sendDirectMessage", { payload: { to: Schema.String, text: Text }, error: NotInRoom }),
    Rpc.make("who", { success: Schema.Array(Presence) }),
    Rpc.make("history", { payload: { after: Schema.Int }, success: Message, stream: true }),
    Rpc.make("kick", {
      payload: { name: Schema.String, reason: Schema.String.check(Schema.isMaxLength(200)) },
      error: Schema.Union([NotAllowed, NotInRoom])
    })
  ],
  internal: [Rpc.make("announce", { payload: { text: Schema.String } })]
}) {}

/** A client of the chat room. */
export type Room = Actor.ClientOf<typeof ChatRoom>
