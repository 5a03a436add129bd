/**
 * The limits of what a client may put into one message, checked before its schemas see any of it.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as Envelope from "./Envelope.ts"
import * as Frame from "./Frame.ts"
import { ProtocolViolation } from "./ProtocolViolation.ts"

/**
 * Stands for the payload of a call that is larger than a frame may be.
 *
 * @category models
 * @since 0.1.0
 */
export class TooLarge {
  /** Size of the call's frame in bytes. */
  readonly bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }
}

/**
 * Decodes a message of a client. A call of more than `frameBytes` comes with `TooLarge` as its payload, so that it can
 * be refused alone; another frame of that size, or more frames than a message may hold, break the protocol.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeClient = (
  message: string,
  frameBytes: number
): Exit.Exit<ReadonlyArray<Frame.ClientFrame>, Schema.SchemaError | ProtocolViolation> => {
  // Nearly always: no frame can be larger than the message that it came in.
  if (!Frame.exceeds(message, frameBytes)) return checkNumber(Envelope.decodeClient(message))
  const sizes = measure(message)
  if (sizes.length > Frame.maxFrames) return tooMany
  const frames = Envelope.decodeClient(message)
  if (Exit.isFailure(frames)) return frames
  const checked: Array<Frame.ClientFrame> = []
  for (const [i, frame] of frames.value.entries()) {
    const bytes = sizes[i] ?? 0
    if (bytes <= frameBytes) {
      checked.push(frame)
    } else if (frame[0] === "call") {
      checked.push(["call", frame[1], frame[2], new TooLarge(bytes)])
    } else {
      return violation(`a ${frame[0]} frame has ${bytes} bytes and ${frameBytes} are allowed`)
    }
  }
  return Exit.succeed(checked)
}

const violation = (message: string) => Exit.fail(new ProtocolViolation({ message }))

const tooMany = violation(`a message holds more than the ${Frame.maxFrames} frames that are allowed`)

const checkNumber = <F, E>(
  frames: Exit.Exit<ReadonlyArray<F>, E>
): Exit.Exit<ReadonlyArray<F>, E | ProtocolViolation> =>
  Exit.isSuccess(frames) && frames.value.length > Frame.maxFrames ? tooMany : frames

/**
 * Decodes a message of a server; one of more frames than a message may hold breaks the protocol.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeServer = (
  message: string
): Exit.Exit<ReadonlyArray<Frame.ServerFrame>, Schema.SchemaError | ProtocolViolation> =>
  checkNumber(Envelope.decodeServer(message))

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

/**
 * The sizes of the elements of a JSON array, in bytes of UTF-8. What it says of a text that is no JSON array means
 * nothing.
 *
 * @category getters
 * @since 0.1.0
 */
export const measure = (text: string): ReadonlyArray<number> => {
  const sizes: Array<number> = []
  let depth = 0
  let bytes = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    bytes += char < 0x80 ? 1 : char < 0x800 || (char >= 0xd800 && char < 0xe000) ? 2 : 3
    if (inString) {
      if (char === quote) {
        inString = false
      } else if (char === backslash) {
        i++
        bytes++
      }
    } else if (char === quote) {
      inString = true
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth === 1) bytes = 0
    } else if (char === 0x5d || char === 0x7d || (char === comma && depth === 1)) {
      if (char !== comma && --depth > 0) continue
      sizes.push(bytes - 1)
      bytes = 0
    }
  }
  return sizes
}

/**
 * Whether a JSON value nests arrays and objects deeper than so many levels. What it calls is never deeper than that
 * either.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDeeper = (value: unknown, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return false
  if (levels <= 0) return true
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (isDeeper(value[i], levels - 1)) return true
    }
    return false
  }
  for (const key in value) {
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
}
