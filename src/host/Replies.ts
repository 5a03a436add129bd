/**
 * The way back of a call: exits, chunks and refusals become frames.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as Rpc from "effect/rpc/Rpc"
import type { FromServer } from "effect/rpc/RpcMessage"
import * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import type { CallEnvironment } from "./CallEnvironment.ts"
import type { ServerCall } from "./ServerCall.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/** What was refused may be named in the text, and may be long. */
const maxText = 1_000

/**
 * Cuts a text that says what was wrong with what a peer sent.
 *
 * @category formatting
 * @since 0.1.0
 */
export const cut = (text: string): string => text.length > maxText ? `${text.slice(0, maxText)}...` : text

/**
 * Refuses a call that has not run and never will.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refuse = (
  connection: ServerConnection,
  id: number,
  cause: Frame.Refusal,
  message: string
): Effect.Effect<void> =>
  Effect.sync(() => {
    connection.telemetry.refused(connection.calls.get(id), cause)
    connection.sendBeside(Frame.encode(["refused", id, cause, cut(message)]))
  })

/**
 * Sends what a handler of a connection's call has given: its exit, or a chunk
 * of its stream.
 *
 * @category combinators
 * @since 0.1.0
 */
export const respond = (
  self: CallEnvironment,
  connection: ServerConnection,
  response: FromServer<Rpc.Any>
): Effect.Effect<void> => {
  if (response._tag !== "Exit" && response._tag !== "Chunk") return Effect.void
  const record = connection.calls.get(response.requestId as number)
  if (record !== undefined && response._tag === "Exit") {
    self.telemetry.settled(record, response.exit)
    if (Exit.isFailure(response.exit)) connection.lastError = `${record.rpc._tag}: ${kindOf(response.exit.cause)}`
  }
  if (record?.isCutShort === true && response._tag === "Exit" && !record.answered) {
    connection.reply(record.id, Frame.encode(["refused", record.id, "OutcomeUnknown", ""]))
    connection.settle(record)
    return Effect.void
  }
  if (record?.answered === true && response._tag === "Exit") {
    connection.settle(record)
    return Exit.isSuccess(response.exit) ? Effect.void : Effect.asVoid(mask(self, connection, record, response.exit))
  }
  if (record === undefined || record.settled) return Effect.void
  return response._tag === "Exit"
    ? reply(self, connection, record, response.exit)
    : sendChunk(self, connection, record, response.values)
}

/** What went wrong, without what the error holds. */
const kindOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasDies(cause)) return "defect"
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return "interrupted"
  return Predicate.hasProperty(failure.error, "_tag") ? String(failure.error._tag) : "failure"
}

/**
 * Answers a call with its exit: it ran.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reply = (
  self: CallEnvironment,
  connection: ServerConnection,
  record: ServerCall,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> => {
  if (Exit.isFailure(exit)) return replyFailure(self, connection, record, exit)
  const codec = RpcCodec.of(record.rpc)
  const value = record.discard || codec.isStream ? Exit.succeed(null) : codec.encodeSuccess(exit.value)
  return Effect.matchEffect(RpcCodec.withServices(value, self.context), {
    onFailure: (error) =>
      Effect.andThen(
        Effect.logError(`the reply of ${record.rpc._tag} does not encode`, error),
        replyFailure(self, connection, record, Exit.die(masked(self)))
      ),
    onSuccess: (value) => send(self, connection, record, { _tag: "Success", value })
  })
}

const replyFailure = (
  self: CallEnvironment,
  connection: ServerConnection,
  record: ServerCall,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> => {
  const { encodeDiscardedExit, encodeExit } = RpcCodec.of(record.rpc)
  return mask(self, connection, record, exit).pipe(
    Effect.flatMap((exit) => RpcCodec.withServices(encodeExit(exit), self.context)),
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logError(`the failure of ${record.rpc._tag} does not encode`, error),
        Effect.orDie(encodeDiscardedExit(Exit.die(masked(self))))
      )
    ),
    Effect.flatMap((encoded) => send(self, connection, record, encoded))
  )
}

const send = (
  self: CallEnvironment,
  connection: ServerConnection,
  record: ServerCall,
  exit: unknown
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (record.settled) return Effect.void
    const frame = Frame.encode(["reply", record.id, exit])
    if (Frame.exceeds(frame, self.settings.limits.frameBytes)) {
      return Effect.andThen(
        tooLarge(self, connection, record, frame),
        Effect.sync(() => connection.settle(record))
      )
    }
    if (record.answered) connection.sendBeside(frame)
    else connection.reply(record.id, frame)
    // Last: who waits for the connection to be quiet goes on within this step, and says goodbye.
    if (!record.answered) connection.settle(record)
    return Effect.void
  })

const tooLarge = (self: CallEnvironment, connection: ServerConnection, record: ServerCall, frame: string) =>
  Effect.sync(() => {
    connection.telemetry.refused(record, "ReplyTooLarge")
    const sizes = `${Frame.byteLength(frame)} ${self.settings.limits.frameBytes}`
    connection.reply(record.id, Frame.encode(["refused", record.id, "ReplyTooLarge", sizes]))
  })

const masked = (self: CallEnvironment) =>
  new Error(`internal error in ${self.actor.type}; the cause is in the log of the server`)

/** A defect is the server's own business: it is logged, and the client is told no more than that it happened. */
const mask = (
  self: CallEnvironment,
  connection: ServerConnection,
  record: ServerCall,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<Exit.Exit<unknown, unknown>> => {
  // Other nodes are told as server code on this one is.
  if (Exit.isSuccess(exit) || !Cause.hasDies(exit.cause) || self.callers !== undefined) return Effect.succeed(exit)
  return Effect.as(
    Effect.annotateLogs(
      Effect.logError(`the handler of ${record.rpc._tag} failed`, exit.cause),
      { connection: connection.id, rpc: record.rpc._tag }
    ),
    Exit.die(masked(self))
  )
}

/** Asked again after each wait: room that was made for all may have been taken by another stream. */
const awaitRoom = (connection: ServerConnection, record: ServerCall, length: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { room } = connection.session
    const gate = record.isWindowOpen ? connection.session.hasRoom(length) ? undefined : room : record.window
    if (gate === undefined || record.settled) return Effect.void
    gate.close()
    return Effect.andThen(gate.await, awaitRoom(connection, record, length))
  })

const sendChunk = Effect.fnUntraced(function*(
  self: CallEnvironment,
  connection: ServerConnection,
  record: ServerCall,
  values: ReadonlyArray<unknown>
): Effect.fn.Return<void> {
  const { frameBytes, streamWindow } = self.settings.limits
  const encode = RpcCodec.of(record.rpc).encodeChunkValue
  const parts: Array<string> = []
  for (const value of values) {
    parts.push(Frame.encodeValue(yield* Effect.orDie(RpcCodec.withServices(encode(value), self.context))))
  }
  for (const frame of Frame.encodeChunks(record.id, parts, frameBytes)) {
    yield* awaitRoom(connection, record, frame.length)
    if (record.settled) return
    if (Frame.exceeds(frame, frameBytes)) {
      record.settled = true
      yield* tooLarge(self, connection, record, frame)
      connection.settle(record)
      return yield* Effect.die(new Error(`a value of the stream ${record.rpc._tag} is larger than a frame may be`))
    }
    record.isWindowOpen = ++record.chunks < streamWindow
    connection.sendBeside(frame)
  }
})
