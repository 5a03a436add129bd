/**
 * Colours and plain words for the terminal; no colours where it is none or `NO_COLOR` is set.
 */
import { Effect } from "effect"
import { TerminalCapabilities } from "effect/cli"
import type { Status } from "../../src/ConnectionStatus.ts"
import type { Presence, Unauthorized } from "./ChatRoom.ts"
import { Heard } from "./Heard.ts"
import * as Words from "./Words.ts"

type Paint = (text: string) => string

export interface Format {
  readonly bold: Paint
  readonly dim: Paint
  readonly good: Paint
  readonly bad: Paint
  readonly warn: Paint
  /** A name in the colour that it always has. */
  readonly name: Paint
  /** A line of the conversation. */
  readonly said: (from: string, text: string) => string
  readonly heard: (heard: Heard) => string
  readonly members: (members: ReadonlyArray<Presence>) => string
  /** Where the client of `name` stands; `queued` messages wait. */
  readonly status: (name: string, status: Status<Unauthorized>, queued: number) => string
}

const nameColours = [32, 33, 34, 35, 36, 92, 93, 94, 95, 96, 91]

export const make = (canColor: boolean): Format => {
  const paint = (code: number): Paint => (text) => canColor ? `\u001b[${code}m${text}\u001b[0m` : text
  const name: Paint = (text) => paint(colourOf(text))(text)
  const [bold, dim, good, bad, warn] = [paint(1), paint(2), paint(32), paint(31), paint(33)]
  const said = (from: string, text: string) => `${name(from)}: ${text}`
  return {
    bold,
    dim,
    good,
    bad,
    warn,
    name,
    said,
    heard: Heard.$match({
      Posted: ({ message }) => said(message.from, message.text),
      Joined: ({ member }) => `${name(member.name)} ${dim("has joined")}`,
      Left: ({ name: who, reason }) => `${name(who)} ${dim(Words.left(reason))}`,
      DirectMessage: ({ from, text }) => `${name(from)} ${warn("to you alone")}: ${text}`,
      Announced: ({ text }) => bold(`* ${text}`)
    }),
    members: (members) =>
      members.map((member) => {
        const notes = [member.role === "admin" ? "admin" : "", member.standing === "suspended" ? "away" : ""]
        const known = notes.filter((note) => note !== "").join(", ")
        return name(member.name) + (known === "" ? "" : dim(` (${known})`))
      }).join(", "),
    status: (who, status, queued) => {
      const words = statusInWords(status, queued)
      return `${name(who)} is ${status._tag === "Connected" ? good(words) : warn(words)}`
    }
  }
}

/** The format that suits the terminal. */
export const Format = Effect.map(TerminalCapabilities.TerminalCapabilities, ({ canColor }) => make(canColor))

const colourOf = (name: string) => {
  const index = Array.from(name).reduce((sum, letter) => (sum * 7 + letter.charCodeAt(0)) % nameColours.length, 0)
  return nameColours[index] ?? 0
}

const statusInWords = (status: Status<Unauthorized>, queued: number): string => {
  switch (status._tag) {
    case "Connecting":
      return status.attempt === 0 ? "connecting" : `connecting again${waiting(queued)}`
    case "Connected":
      return "connected"
    case "Waiting":
      return `away: next try in ${Words.seconds(status.delay)}${waiting(queued)}`
    case "Rejected":
      return `refused: ${status.rejection.hint}`
    case "Disconnected":
      return Words.ended(status.reason)
  }
}

const waiting = (queued: number) => queued === 0 ? "" : `, ${Words.messages(queued)} queued`
