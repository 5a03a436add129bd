/**
 * Decodes messages: frames that come all the time by hand, all others by their
 * schemas.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { maxNameLength } from "../internal/names.ts"
import * as Frame from "./Frame.ts"

/**
 * Decodes a message of a client, as `Frame.decodeClient` does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeClient = (message: string): Exit.Exit<ReadonlyArray<Frame.ClientFrame>, Schema.SchemaError> =>
  areAll(parse(message), isPlainClientFrame) ?? Frame.decodeClient(message)

/**
 * Decodes a message of a server, as `Frame.decodeServer` does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeServer = (message: string): Exit.Exit<ReadonlyArray<Frame.ServerFrame>, Schema.SchemaError> =>
  areAll(parse(message), isPlainServerFrame) ?? Frame.decodeServer(message)

const parse = (message: string): unknown =>
  Result.getOrUndefined(Result.try({ try: (): unknown => JSON.parse(message), catch: () => undefined }))

/** What is not plain may be right all the same: the schema says so, and what is wrong with it otherwise. */
const areAll = <F>(frames: unknown, isPlain: (frame: unknown) => frame is F): Exit.Exit<ReadonlyArray<F>> | undefined =>
  Array.isArray(frames) && frames.every(isPlain) ? Exit.succeed(frames) : undefined

const isPlainClientFrame = (frame: unknown): frame is Frame.ClientFrame => {
  if (!Array.isArray(frame)) return false
  switch (frame[0]) {
    case "call":
      return frame.length === 4 && isCount(frame[1]) && isName(frame[2])
    case "interrupt":
    case "chunk-ack":
    case "ack":
      return frame.length === 2 && isCount(frame[1])
    case "subscribe":
    case "unsubscribe":
      return frame.length === 2 && isName(frame[1])
    case "ping":
    case "pong":
      return frame.length === 1
    default:
      return false
  }
}

const isPlainServerFrame = (frame: unknown): frame is Frame.ServerFrame => {
  if (!Array.isArray(frame)) return false
  switch (frame[0]) {
    case "reply":
      return frame.length === 3 && isCount(frame[1])
    case "chunk":
      return frame.length === 3 && isCount(frame[1]) && Array.isArray(frame[2])
    case "event":
      return frame.length === 3 && isName(frame[1])
    case "ack":
      return frame.length === 2 && isCount(frame[1])
    case "ping":
    case "pong":
      return frame.length === 1
    default:
      return false
  }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const isName = (value: unknown): boolean => typeof value === "string" && value.length <= maxNameLength
