/**
 * What happens, in plain words; the terminal and the page say it alike.
 */
import { Duration } from "effect"
import * as DisconnectReason from "../../src/DisconnectReason.ts"

/** How somebody else has left. */
export const left = (reason: DisconnectReason.DisconnectReason): string => {
  switch (reason._tag) {
    case "ClientLeft":
      return `has left${because(reason.reason)}`
    case "Kicked":
      return `was kicked${because(reason.reason)}`
    case "Lost":
      return "has lost the connection"
    default:
      return `is gone: ${DisconnectReason.describe(reason)}`
  }
}

/** How one's own connection has ended. */
export const ended = (reason: DisconnectReason.DisconnectReason): string => {
  switch (reason._tag) {
    case "ClientLeft":
      return "gone"
    case "Kicked":
      return `kicked${because(reason.reason)}`
    default:
      return `disconnected: ${DisconnectReason.describe(reason)}`
  }
}

export const seconds = (duration: Duration.Duration): string => `${Duration.toSeconds(duration).toFixed(1)} s`

export const messages = (count: number): string => `${count} ${count === 1 ? "message" : "messages"}`

const because = (reason: string | undefined) => reason === undefined || reason === "" ? "" : `: ${reason}`
