/**
 * One socket as the session sees it: text messages both ways.
 *
 * A WebSocket keeps the bounds of messages itself and delivers text. A byte
 * stream (TCP, a pipe) does not: there every message ends in a line feed,
 * which JSON text never contains. Writers always add it.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Frame from "./Frame.ts"
import { ProtocolViolation } from "./ProtocolViolation.ts"

/**
 * A socket that carries messages of frames.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** The next messages, in order; fails when the socket has ended. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string>, Socket.SocketError | ProtocolViolation>
  /** Hands one message to the socket. */
  readonly write: (message: string) => Effect.Effect<void, Socket.SocketError>
  /** Drops the socket without a word: `pull` fails. */
  readonly abort: Effect.Effect<void>
  /** Closes the socket; `reason` is cut to what a close frame may hold. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
}

/**
 * Opens a socket as a link for as long as the scope is open. A message of more
 * than `maxBytes` fails the pull.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket: (
  socket: Socket.Socket,
  options: { readonly maxBytes: number }
) => Effect.Effect<Link, Socket.SocketError, Scope.Scope> = Effect.fnUntraced(function*(socket, options) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const writer = yield* Scope.provide(socket.writer, scope)
  const { pull } = yield* Scope.provide(socket.reader, scope)
  const lines: Lines = { decoder: undefined, rest: "" }
  const next: Link["pull"] = Effect.flatMap(pull, (chunks) => {
    const read = readMessages(chunks, lines, options.maxBytes)
    return Effect.filterOrElse(read, isNonEmpty, () => next)
  })
  return {
    pull: next,
    write: (message) => writer.write(message + "\n"),
    abort: Scope.close(scope, Exit.void),
    close: (code, reason) => Effect.ignore(writer.write(new Socket.CloseEvent(code, truncateReason(reason))))
  }
})

/**
 * A socket that may be a byte stream, which has no close codes: it ends with its scope, after what was written to it.
 *
 * **Details**
 *
 * A `CloseEvent` with a code makes a TCP socket of Node drop what it has not written yet, the `bye` above all, and fail
 * with an error that nobody may be listening for. The reason of an end travels in its `bye` anyway.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutCloseCodes = (socket: Socket.Socket): Socket.Socket =>
  Socket.make({
    reader: socket.reader,
    writer: Effect.map(socket.writer, (writer) => ({
      write: (chunk) => Socket.isCloseEvent(chunk) ? Effect.void : writer.write(chunk),
      writeAll: writer.writeAll
    }))
  })

const isNonEmpty = (messages: ReadonlyArray<string>): messages is NonEmptyReadonlyArray<string> => messages.length > 0

const tooLong = (maxBytes: number) =>
  new ProtocolViolation({ message: `a message is longer than the ${maxBytes} bytes that are allowed` })

interface Lines {
  /** Made for the first bytes; a WebSocket sends text. */
  decoder: TextDecoder | undefined
  rest: string
}

const readMessages = (
  chunks: ReadonlyArray<string | Uint8Array>,
  lines: Lines,
  maxBytes: number
): Effect.Effect<ReadonlyArray<string>, ProtocolViolation> => {
  if (!chunks.every((chunk) => typeof chunk === "string")) return readLines(chunks, lines, maxBytes)
  return chunks.some((chunk) => Frame.exceeds(chunk, maxBytes + 1))
    ? Effect.fail(tooLong(maxBytes))
    : Effect.succeed(chunks)
}

const readLines = (
  chunks: ReadonlyArray<string | Uint8Array>,
  lines: Lines,
  maxBytes: number
): Effect.Effect<ReadonlyArray<string>, ProtocolViolation> =>
  Effect.flatMap(
    Effect.try({
      try: () =>
        chunks.map((chunk) =>
          typeof chunk === "string"
            ? chunk
            : (lines.decoder ??= new TextDecoder("utf-8", { fatal: true })).decode(chunk, { stream: true })
        ).join(
          ""
        ),
      catch: () => new ProtocolViolation({ message: "a message is not valid UTF-8" })
    }),
    (text) => {
      const parts = (lines.rest + text).split("\n")
      lines.rest = parts.pop()!
      return parts.some((part) => Frame.exceeds(part, maxBytes)) || Frame.exceeds(lines.rest, maxBytes)
        ? Effect.fail(tooLong(maxBytes))
        : Effect.succeed(parts)
    }
  )

const maxCloseReasonBytes = 123

/**
 * Cuts a close reason to the 123 bytes that a WebSocket allows, at a character.
 *
 * @category formatting
 * @since 0.1.0
 */
export const truncateReason = (reason: string): string => {
  if (!Frame.exceeds(reason, maxCloseReasonBytes)) return reason
  const bytes = new TextEncoder().encode(reason).subarray(0, maxCloseReasonBytes)
  return new TextDecoder().decode(bytes, { stream: true })
}
