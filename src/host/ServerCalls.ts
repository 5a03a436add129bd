/**
 * The calls of an actor's connections: from a frame to the handler. `Replies`
 * is the way back.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import type * as Rpc from "effect/rpc/Rpc"
import { type FromClient, RequestId } from "effect/rpc/RpcMessage"
import { Delivery } from "../Delivery.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import type { CallEnvironment } from "./CallEnvironment.ts"
import { refuse, reply } from "./Replies.ts"
import * as ServerCall from "./ServerCall.ts"
import type { ServerConnection } from "./ServerConnection.ts"

type CallFrame = Extract<Frame.ClientFrame, readonly ["call", ...ReadonlyArray<any>]>

/**
 * Acts on a data frame of a connection.
 *
 * @category combinators
 * @since 0.1.0
 */
export const act = (
  self: CallEnvironment,
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
    case "released":
      return Effect.sync(() => self.callers?.release(frame[1]))
    case "subscribe":
      return Effect.sync(() => {
        connection.subscribe(frame[1])
        connection.change({})
      })
    case "unsubscribe":
      return Effect.sync(() => {
        connection.unsubscribe(frame[1])
        connection.change({})
      })
  }
}

/** Runs a call, or refuses it alone: its neighbours and the connection go on. */
const call = (
  self: CallEnvironment,
  connection: ServerConnection,
  [, id, tag, payload, meta]: CallFrame
): Effect.Effect<void> => {
  // Before anything else: what had run must not be said to have never run.
  if (connection.replyAgain(id)) return Effect.void
  if (connection.isEnded) return refuse(connection, id, "ConnectionEnded", "the connection had ended")
  const rpc = self.actor.protocol.requests.get(tag)
  if (rpc === undefined) {
    return refuse(connection, id, "UnknownRpc", `${self.actor.type} has no RPC ${JSON.stringify(tag)}`)
  }
  if (connection.calls.has(id)) {
    const message = `the id of call ${id} is in use`
    return Effect.sync(() => void connection.end(DisconnectReason.ProtocolError.make({ message })))
  }
  const record = ServerCall.make(id, rpc, meta?.discard === true, self.telemetry.now())
  connection.calls.set(id, record)
  return Effect.matchEffect(RpcCodec.withServices(RpcCodec.of(rpc).decodePayload(payload), self.context), {
    onFailure: (error) =>
      Effect.andThen(
        refuse(connection, id, "InvalidPayload", error.message),
        Effect.sync(() => connection.settle(record))
      ),
    onSuccess: (decoded) => {
      const cycle = self.callers?.enter(record, meta?.chain ?? [])
      return cycle !== undefined ? reply(self, connection, record, Exit.fail(cycle)) : self.telemetry.traceCall(
        connection,
        record,
        meta?.trace,
        write(self, connection, {
          _tag: "Request",
          id: RequestId(id),
          tag: tag as never,
          payload: decoded as never,
          headers: meta?.headers === undefined ? Headers.empty : Headers.fromInput(meta.headers)
        })
      )
    }
  })
}

/**
 * Answers for a frame whose `act` has died: a call that has not begun is refused, since its payload's schema is what
 * failed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onDefect = (
  connection: ServerConnection,
  frame: Frame.ClientData,
  cause: Cause.Cause<never>
): Effect.Effect<void> => {
  const logged = Effect.logError(`acting on a ${frame[0]} frame failed`, cause)
  const record = frame[0] === "call" ? connection.calls.get(frame[1]) : undefined
  if (record === undefined || record.started || record.settled) return logged
  connection.settle(record)
  return Effect.andThen(
    logged,
    refuse(
      connection,
      record.id,
      "InvalidPayload",
      "the payload could not be decoded; the log of the server has the cause"
    )
  )
}

const interrupt = (self: CallEnvironment, connection: ServerConnection, id: number): Effect.Effect<void> =>
  connection.calls.has(id)
    ? write(self, connection, { _tag: "Interrupt", requestId: RequestId(id), interruptors: [] })
    : Effect.void

/**
 * Notes that a handler begins: its call can no longer be refused. A call whose
 * result is discarded is answered now, so that "done" means that it runs;
 * `RpcServer` would say so before its turn has come. One that is made again in
 * a new epoch does not begin where its first run left no trace: beside the
 * turns.
 *
 * @category combinators
 * @since 0.1.0
 */
export const start = (
  connection: ServerConnection | undefined,
  id: number,
  beside: boolean
): Effect.Effect<void> => {
  if (connection === undefined) return Effect.void
  const self: CallEnvironment = connection.home
  const record = connection.calls.get(id)
  // Refused meanwhile: then it must not run.
  if (record === undefined) return Effect.interrupt
  if ((beside || !self.isSerial) && mayHaveRun(connection, record)) {
    return Effect.andThen(
      refuse(connection, id, "OutcomeUnknown", ""),
      Effect.suspend(() => {
        record.settled = true
        connection.settle(record)
        return Effect.interrupt
      })
    )
  }
  record.started = true
  self.telemetry.started(record)
  record.beside = beside
  if (!record.discard) return Effect.void
  connection.answer(record)
  return reply(self, connection, record, Exit.void)
}

const mayHaveRun = (connection: ServerConnection, record: ServerCall.ServerCall): boolean =>
  connection.record?.repeated.has(record.id) === true &&
  Context.get(record.rpc.annotations, Delivery) !== "idempotent"

/** Lets a stream go on after the client has consumed a chunk. */
const acknowledgeChunk = (connection: ServerConnection, id: number): void => {
  const record = connection.calls.get(id)
  if (record === undefined || record.chunks === 0) return
  record.chunks--
  record.isWindowOpen = true
  record.window.open()
}

/**
 * Settles the calls of a connection that has ended: those not started are
 * refused; with `letFinish` those whose turn it is go on for a grace time;
 * everything else is interrupted. Where the connection is kept for the next
 * incarnation its client makes those again that have no answer: they are not
 * refused, and one that had begun and was cut short is stored as such.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = Effect.fnUntraced(function*(
  self: CallEnvironment,
  connection: ServerConnection,
  { isKept, letFinish }: { readonly letFinish: boolean; readonly isKept: boolean }
): Effect.fn.Return<void> {
  const refuseEnded = (id: number) =>
    isKept ? Effect.void : refuse(connection, id, "ConnectionEnded", "the connection had ended")
  for (const frame of connection.inbox.takeAll()) if (frame[0] === "call") yield* refuseEnded(frame[1])
  for (const record of Array.from(connection.calls.values())) {
    if (record.started && !record.beside && letFinish) continue
    if (!record.started) yield* refuseEnded(record.id)
    record.settled = true
    self.telemetry.settled(record, Exit.interrupt())
    connection.settle(record)
    yield* write(self, connection, { _tag: "Interrupt", requestId: RequestId(record.id), interruptors: [] })
  }
  const awaitQuiet = connection.awaitQuiet.pipe(Effect.interruptible, Effect.timeoutOption(self.settings.kickGrace))
  yield* awaitQuiet
  for (const record of connection.calls.values()) {
    record.settled = true
    record.onSettled?.()
    record.isCutShort = isKept
    self.telemetry.settled(record, Exit.interrupt())
  }
  yield* self.server.disconnect(connection.number)
  if (isKept) yield* awaitQuiet
})

/** From the inbox, whose fibers have the services of the connection's calls, and so have its handlers. */
const write = (
  self: CallEnvironment,
  connection: ServerConnection,
  message: FromClient<Rpc.Any>
): Effect.Effect<void> => self.server.write(connection.number, message)
