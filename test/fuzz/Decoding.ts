/**
 * The decoders of both ends against texts of every kind: they never throw, and what they let through is within bounds.
 */
import { Exit } from "effect"
import * as Frame from "../../src/session/Frame.ts"
import * as Inbound from "../../src/session/Inbound.ts"
import * as Grammar from "./Grammar.ts"
import { mutate } from "./Mutate.ts"

const frameBytes = 2_000

/** The frames that begin with a count. */
const counted: ReadonlySet<string> = new Set(["call", "interrupt", "chunk-ack", "ack", "reply", "refused", "chunk"])

/** What an input is. */
export interface Input {
  readonly side: "client" | "server"
  readonly message: string
}

/** Makes the input of a seed. */
export const generate = (seed: number): Input => {
  const dice = Grammar.makeDice(seed, 0.2)
  const side = dice.pick(["client", "server"] as const)
  const frame = side === "client" ? Grammar.clientFrame : Grammar.serverFrame
  const frames = Array.from({ length: dice.int(0, 5) }, () => frame(dice))
  const message = Grammar.stringify(dice.chance(0.1) ? [Grammar.hello(dice, [], 1), ...frames] : frames)
  return { side, message: dice.chance(0.6) ? mutate(message, dice) : message }
}

/** What is wrong with how an input was decoded; `undefined` if nothing is. */
export const check = ({ message, side }: Input): string | undefined => {
  const exit: Exit.Exit<ReadonlyArray<Frame.ClientFrame | Frame.ServerFrame>, unknown> = side === "client"
    ? Inbound.decodeClient(message, frameBytes)
    : Inbound.decodeServer(message)
  if (Exit.isFailure(exit)) return Exit.hasDies(exit) ? `a defect: ${String(exit.cause)}` : undefined
  const parsed: unknown = JSON.parse(message)
  if (!Array.isArray(parsed) || parsed.length !== exit.value.length) return "other frames came out than went in"
  for (const [i, frame] of exit.value.entries()) {
    if (frame[0] !== parsed[i][0]) return `frame ${i} came out as another one`
    if (counted.has(frame[0]) && !(Number.isSafeInteger(frame[1]) && Number(frame[1]) >= 0)) {
      return `a count of ${frame[1]}`
    }
  }
  return side === "client" ? checkSizes(message, exit.value as ReadonlyArray<Frame.ClientFrame>) : undefined
}

/** The large calls, and no others, are marked. */
const checkSizes = (message: string, frames: ReadonlyArray<Frame.ClientFrame>): string | undefined => {
  const sizes = Inbound.measure(message)
  if (frames.length > 0 && sizes.length !== frames.length) return `${sizes.length} sizes of ${frames.length} frames`
  for (const [i, frame] of frames.entries()) {
    const isMarked = frame[0] === "call" && frame[3] instanceof Inbound.TooLarge
    if (isMarked !== sizes[i]! > frameBytes) {
      return `frame ${i} of ${sizes[i]} bytes is${isMarked ? "" : " not"} refused`
    }
  }
  // Commas and the outer brackets make up the rest.
  const total = sizes.reduce((sum, size) => sum + size, 0) + frames.length + 1
  const length = Frame.byteLength(message.trim())
  // Halves of characters cannot come over a socket.
  return frames.length === 0 || total === length || /\p{Surrogate}/u.test(message)
    ? undefined
    : `${total} bytes were measured and ${length} are there`
}
