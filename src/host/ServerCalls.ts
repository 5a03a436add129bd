/**
 * The calls of an actor's connections: from a frame to the handler and back to
 * a reply.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import type * as Rpc from "effect/rpc/Rpc"
import { type FromClient, type FromServer, RequestId } from "effect/rpc/RpcMessage"
import type * as RpcServer from "effect/rpc/RpcServer"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import { makeCall, type ServerCall, type ServerConnection } from "./ServerConnection.ts"
import type { Settings } from "./Settings.ts"

/**
 * What an instance needs to run calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly actor: AnyActor
  readonly address: string
  readonly context: Context.Context<never>
  readonly settings: Settings
  readonly server: RpcServer.RpcServer<Rpc.Any>
}

type CallFrame = Extract<Frame.ClientFrame, readonly ["call", ...ReadonlyArray<any>]>

/**
 * Acts on a data frame of a connection.
 *
 * @category combinators
 * @since 0.1.0
 */
export const act = (
  self: Environment,
  connection: ServerConnection,
  frame: Frame.ClientData
): Effect.Effect<void> => {
  switch (frame[0]) {
    case "call":
      return call(self, connection, frame)
    case "interrupt":
      return interrupt(self, connection, frame[1])
    case "chunk-ack":
      return Effect.sync(() => acknowledgeChunk(connection, frame[1]))
    case "subscribe":
      return Effect.sync(() => {
        connection.subscriptions.add(frame[1])
      })
    case "unsubscribe":
      return Effect.sync(() => {
        connection.subscriptions.delete(frame[1])
      })
  }
}

/** Runs a call, or refuses it alone: its neighbours and the connection go on. */
const call = (
  self: Environment,
  connection: ServerConnection,
  [, id, tag, payload, meta]: CallFrame
): Effect.Effect<void> => {
  if (connection.isEnded) return refuse(connection, id, "ConnectionEnded", "the connection had ended")
  const rpc = self.actor.protocol.requests.get(tag)
  if (rpc === undefined) {
    return refuse(connection, id, "UnknownRpc", `${self.actor.type} has no RPC ${JSON.stringify(tag)}`)
  }
  if (connection.calls.has(id)) {
    const message = `the id of call ${id} is in use`
    return Effect.sync(() => connection.end(DisconnectReason.ProtocolError.make({ message })))
  }
  const record = makeCall(id, rpc, meta?.discard === true)
  connection.calls.set(id, record)
  connection.quiet.close()
  return Effect.matchEffect(RpcCodec.withServices(RpcCodec.of(rpc).decodePayload(payload), self.context), {
    onFailure: (error) =>
      Effect.andThen(
        refuse(connection, id, "InvalidPayload", error.message),
        Effect.sync(() => connection.settle(record))
      ),
    onSuccess: (decoded) =>
      write(self, connection, {
        _tag: "Request",
        id: RequestId(id),
        tag: tag as never,
        payload: decoded as never,
        headers: meta?.headers === undefined ? Headers.empty : Headers.fromInput(meta.headers)
      })
  })
}

const interrupt = (self: Environment, connection: ServerConnection, id: number): Effect.Effect<void> =>
  connection.calls.has(id)
    ? write(self, connection, { _tag: "Interrupt", requestId: RequestId(id), interruptors: [] })
    : Effect.void

/**
 * Notes that a handler begins: its call can no longer be refused. A call whose
 * result is discarded is answered now, so that "done" means that it runs;
 * `RpcServer` would say so before its turn has come.
 *
 * @category combinators
 * @since 0.1.0
 */
export const start = (
  self: Environment,
  connection: ServerConnection | undefined,
  id: number,
  beside: boolean
): Effect.Effect<void> => {
  if (connection === undefined) return Effect.void
  const record = connection.calls.get(id)
  // Refused meanwhile: then it must not run.
  if (record === undefined) return Effect.interrupt
  record.started = true
  record.beside = beside
  if (!record.discard) return Effect.void
  connection.answer(record)
  return reply(self, connection, record, Exit.void)
}

/** Lets a stream go on after the client has consumed a chunk. */
const acknowledgeChunk = (connection: ServerConnection, id: number): void => {
  const record = connection.calls.get(id)
  if (record === undefined || record.chunks === 0) return
  record.chunks--
  record.isWindowOpen = true
  record.window.open()
}

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
): Effect.Effect<void> => Effect.sync(() => connection.send(Frame.encode(["refused", id, cause, message])))

/**
 * Settles the calls of a connection that has ended: those not started are
 * refused; with `letFinish` those whose turn it is go on for a grace time;
 * everything else is interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = Effect.fnUntraced(function*(
  self: Environment,
  connection: ServerConnection,
  letFinish: boolean
): Effect.fn.Return<void> {
  for (const frame of connection.inbox.takeAll()) {
    if (frame[0] === "call") yield* refuse(connection, frame[1], "ConnectionEnded", "the connection had ended")
  }
  for (const record of Array.from(connection.calls.values())) {
    if (record.started && !record.beside && letFinish) continue
    if (!record.started) yield* refuse(connection, record.id, "ConnectionEnded", "the connection had ended")
    record.settled = true
    connection.settle(record)
    yield* write(self, connection, { _tag: "Interrupt", requestId: RequestId(record.id), interruptors: [] })
  }
  yield* connection.quiet.await.pipe(
    Effect.interruptible,
    Effect.timeoutOption(self.settings.kickGrace)
  )
  for (const record of connection.calls.values()) record.settled = true
  yield* self.server.disconnect(connection.number)
})

/**
 * Sends what a handler of a connection's call has given: its exit, or a chunk
 * of its stream.
 *
 * @category combinators
 * @since 0.1.0
 */
export const respond = (
  self: Environment,
  connection: ServerConnection,
  response: FromServer<Rpc.Any>
): Effect.Effect<void> => {
  if (response._tag !== "Exit" && response._tag !== "Chunk") return Effect.void
  const record = connection.calls.get(response.requestId as number)
  if (record?.answered === true && response._tag === "Exit") {
    connection.settle(record)
    return Exit.isSuccess(response.exit) ? Effect.void : Effect.asVoid(mask(self, record, response.exit))
  }
  if (record === undefined || record.settled) return Effect.void
  return response._tag === "Exit"
    ? reply(self, connection, record, response.exit)
    : sendChunk(self, connection, record, response.values)
}

/** From the inbox, whose fibers have the services of the connection's calls, and so have its handlers. */
const write = (
  self: Environment,
  connection: ServerConnection,
  message: FromClient<Rpc.Any>
): Effect.Effect<void> => self.server.write(connection.number, message)

const reply = (
  self: Environment,
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
  self: Environment,
  connection: ServerConnection,
  record: ServerCall,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> => {
  const { encodeDiscardedExit, encodeExit } = RpcCodec.of(record.rpc)
  return mask(self, record, exit).pipe(
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
  self: Environment,
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
    connection.send(frame)
    // Last: who waits for the connection to be quiet goes on within this step, and says goodbye.
    if (!record.answered) connection.settle(record)
    return Effect.void
  })

const tooLarge = (self: Environment, connection: ServerConnection, record: ServerCall, frame: string) =>
  refuse(
    connection,
    record.id,
    "ReplyTooLarge",
    `${Frame.byteLength(frame)} ${self.settings.limits.frameBytes}`
  )

const masked = (self: Environment) =>
  new Error(`internal error in ${self.actor.type}; the cause is in the log of the server`)

/** A defect is the server's own business: it is logged, and the client is told no more than that it happened. */
const mask = (
  self: Environment,
  record: ServerCall,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<Exit.Exit<unknown, unknown>> => {
  if (Exit.isSuccess(exit) || !Cause.hasDies(exit.cause)) return Effect.succeed(exit)
  return Effect.as(
    Effect.annotateLogs(
      Effect.logError(`the handler of ${record.rpc._tag} failed`, exit.cause),
      { actor: self.address, rpc: record.rpc._tag }
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
  self: Environment,
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
    connection.send(frame)
  }
})
