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
  /** Open as long as the socket is. */
  readonly scope: Scope.Scope
  /** The next messages, in order; fails when the socket has ended. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string>, Socket.SocketError | ProtocolViolation>
  /** Hands one message to the socket; it may have its line feed already. */
  write(message: string): Effect.Effect<void, Socket.SocketError>
  /** Drops the socket without a word: `pull` fails. */
  readonly abort: Effect.Effect<void>
  /** Closes the socket; `reason` is cut to what a close frame may hold. */
  close(code: number, reason: string): Effect.Effect<void>
}

/**
 * Opens a socket as a link for as long as the scope is open. A message of more
 * than `maxBytes` fails the pull; it is asked before each read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket = (
  socket: Socket.Socket,
  options: { readonly maxBytes: number | (() => number) }
): Effect.Effect<Link, Socket.SocketError, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (parent) => {
    const scope = Scope.forkUnsafe(parent)
    return Effect.flatMap(socket.writer, (writer) =>
      Effect.map(socket.reader, ({ pull }) => new SocketLink(writer, pull, scope, options.maxBytes))).pipe(
        Scope.provide(scope)
      )
  })

class SocketLink implements Link {
  readonly scope: Scope.Closeable
  readonly pull: Link["pull"]
  private readonly writer: Socket.Writer
  private readonly maxBytes: number | (() => number)
  /** Made for the first bytes; a WebSocket sends text. */
  private lines: Lines | undefined

  constructor(
    writer: Socket.Writer,
    pull: Socket.Reader["pull"],
    scope: Scope.Closeable,
    maxBytes: number | (() => number)
  ) {
    this.writer = writer
    this.scope = scope
    this.maxBytes = maxBytes
    this.pull = Effect.flatMap(pull, (chunks) => this.read(chunks))
  }

  get abort(): Effect.Effect<void> {
    return Scope.close(this.scope, Exit.void)
  }

  write(message: string): Effect.Effect<void, Socket.SocketError> {
    return this.writer.write(message.endsWith("\n") ? message : message + "\n")
  }

  close(code: number, reason: string): Effect.Effect<void> {
    return Effect.ignore(this.writer.write(new Socket.CloseEvent(code, truncateReason(reason))))
  }

  private read(chunks: ReadonlyArray<string | Uint8Array>): Link["pull"] {
    const maxBytes = typeof this.maxBytes === "number" ? this.maxBytes : this.maxBytes()
    if (isText(chunks)) {
      return chunks.some((chunk) => Frame.exceeds(chunk, maxBytes + 1))
        ? Effect.fail(tooLong(maxBytes))
        : Effect.succeed(chunks)
    }
    return Effect.filterOrElse(readLines(chunks, this.lines ??= new Lines(), maxBytes), isNonEmpty, () => this.pull)
  }
}

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

/** A batch of a WebSocket, which is never empty. */
const isText = (chunks: ReadonlyArray<string | Uint8Array>): chunks is NonEmptyReadonlyArray<string> =>
  chunks.every((chunk) => typeof chunk === "string")

const tooLong = (maxBytes: number) =>
  new ProtocolViolation({ message: `a message is longer than the ${maxBytes} bytes that are allowed` })

/** So many pieces of a line are put together, so that a stream of single bytes costs no more than its length. */
const maxPieces = 1_024

/** The line that has begun and not ended yet. */
class Lines {
  private decoder: TextDecoder | undefined
  private pieces: Array<string> = []
  private bytes = 0

  /** Throws where the bytes are no UTF-8. */
  decode(chunk: string | Uint8Array): string {
    if (typeof chunk === "string") return chunk
    this.decoder ??= new TextDecoder("utf-8", { fatal: true })
    return this.decoder.decode(chunk, { stream: true })
  }

  /** Adds the lines that a text ends to `ended`; `false` if one is too long. */
  read(text: string, ended: Array<string>, maxBytes: number): boolean {
    let from = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      if (!this.add(text.slice(from, end), maxBytes)) return false
      ended.push(this.pieces.join(""))
      this.pieces = []
      this.bytes = 0
      from = end + 1
    }
    return from === text.length || this.add(text.slice(from), maxBytes)
  }

  private add(piece: string, maxBytes: number): boolean {
    this.bytes += Frame.byteLength(piece)
    if (this.pieces.length >= maxPieces) this.pieces = [this.pieces.join("")]
    this.pieces.push(piece)
    return this.bytes <= maxBytes
  }
}

const readLines = (
  chunks: ReadonlyArray<string | Uint8Array>,
  lines: Lines,
  maxBytes: number
): Effect.Effect<ReadonlyArray<string>, ProtocolViolation> =>
  Effect.flatMap(
    Effect.try({
      try: () => chunks.map((chunk) => lines.decode(chunk)),
      catch: () => new ProtocolViolation({ message: "a message is not valid UTF-8" })
    }),
    (texts) => {
      const ended: Array<string> = []
      return texts.every((text) => lines.read(text, ended, maxBytes))
        ? Effect.succeed(ended)
        : Effect.fail(tooLong(maxBytes))
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
