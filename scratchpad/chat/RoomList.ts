/**
 * The contract of the list of rooms: one actor that the rooms report to, and that tells its clients.
 */
import { Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import { Unauthorized } from "./ChatRoom.ts"

/** What a room may be called to be listed: it is the key of its actor. */
export const RoomName = Schema.String.check(Schema.isPattern(/^[\p{L}\p{N}][\p{L}\p{N} '-]{0,29}$/u))

export class RoomInfo extends Schema.Class<RoomInfo>("RoomList/RoomInfo")({
  name: RoomName,
  /** How many members are there or may still come back. */
  members: Schema.Int,
  /** The number of its last message; 0 if there is none. */
  last: Schema.Int
}) {}

const rooms = Schema.Array(RoomInfo)

export class RoomList extends Actor.make("RoomList", {
  params: { authToken: Schema.RedactedFromValue(Schema.String) },
  state: { rooms },
  rejection: Unauthorized,
  // Always the whole list, so that a client needs the last one alone.
  events: { rooms: { rooms } },
  internal: [Rpc.make("report", { payload: RoomInfo })]
}) {}

/** The key of the one instance. */
export const key = "all"
