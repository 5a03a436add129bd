/**
 * The status of the connection, in plain words for the one whose it is.
 */
import type { Status } from "../../../src/ConnectionStatus.ts"
import * as DisconnectReason from "../../../src/DisconnectReason.ts"
import type { Unauthorized } from "../ChatRoom.ts"
import * as Words from "../Words.ts"

/** How the rope between the page and the room hangs. */
export type Rope = "taut" | "slack" | "parted"

export interface StatusWords {
  readonly rope: Rope
  readonly title: string
  readonly detail: string
}

/** Where one stands with `unsent` messages that wait; an undefined status is one that is not known yet. */
export const of = (status: Status<Unauthorized> | undefined, unsent: number): StatusWords => {
  switch (status?._tag) {
    case "Connected":
      return { rope: "taut", ...connected(status.resumed, status.gap !== undefined) }
    case "Waiting":
      return { rope: "parted", title: "Away", detail: waits(unsent, "The connection is lost.") }
    case "Rejected":
      return { rope: "parted", title: "Not let in", detail: `${sentence(status.rejection.hint)}` }
    case "Disconnected":
      return { rope: "parted", ...ended(status.reason) }
    default:
      return status === undefined || status.attempt === 0
        ? { rope: "slack", title: "Connecting", detail: waits(unsent, "On the way to the room.") }
        : { rope: "slack", title: "Coming back", detail: waits(unsent, "Trying to reach the room again.") }
  }
}

const connected = (resumed: boolean, gap: boolean) => {
  if (gap && resumed) {
    return { title: "Connected", detail: "The server was started again; the room was read anew, and nothing was lost." }
  }
  if (gap) {
    return { title: "Connected", detail: "You were away too long to take up where you were; the room was read anew." }
  }
  return {
    title: "Connected",
    detail: resumed ? "You are back, and nothing was lost." : "All that is said arrives at once."
  }
}

/** How the stay ended, for the one who has left or was made to leave. */
const ended = (reason: DisconnectReason.DisconnectReason) => {
  if (reason._tag !== "Kicked") return { title: "Gone", detail: DisconnectReason.describe(reason) }
  const why = reason.reason ?? ""
  return { title: "Removed", detail: why === "" ? "You were removed from the room." : sentence(why) }
}

const waits = (unsent: number, otherwise: string) =>
  unsent === 0 ? otherwise : `${Words.messages(unsent)} ${unsent === 1 ? "waits" : "wait"} to be sent.`

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`
