/**
 * A socket takes up a connection: admission, attaching, and the frames until
 * the socket ends.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Headers from "effect/http/Headers"
import type * as Scope from "effect/Scope"
import * as DisconnectReason from "../DisconnectReason.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import * as Heartbeat from "../session/Heartbeat.ts"
import * as Inbound from "../session/Inbound.ts"
import type { Link } from "../session/Link.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as Session from "../session/Session.ts"
import { slowDown, Throttle } from "../session/Throttle.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as Admission from "./Admission.ts"
import * as Refusal from "./Refusal.ts"
import * as Replies from "./Replies.ts"
import { dismiss, type ServerConnection } from "./ServerConnection.ts"

/** How long a last message may take to leave before the socket is dropped. */
const farewellTimeout = "1 second"

/**
 * Serves a socket whose `hello` has been read, until it ends. What outlives
 * the socket, the connection, belongs to the instance.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serve: (
  self: ActorInstance,
  socket: {
    readonly hello: Frame.Hello
    readonly link: Link
    readonly headers: Headers.Headers
    /** Bytes that were written and have not left yet, where the transport can tell. */
    readonly backlog?: (() => number) | undefined
    /** Where it comes from, where the server can tell. */
    readonly remoteAddress?: string | undefined
    /** Called when the socket has taken up a connection. */
    readonly onAttached: () => void
  }
) => Effect.Effect<void, never, Scope.Scope> = Effect.fnUntraced(
  function*(self, { backlog, headers, hello, link, onAttached, remoteAddress }) {
    const { heartbeat, limits, rate } = self.settings
    let connection: ServerConnection | undefined
    let isAnswered = false
    let lostBy = "the socket ended"
    const session = () => connection?.session
    const outgoing = yield* Session.makeOutgoing(link, {
      maxBatchBytes: () => limits.batchBytes,
      session,
      onEnd: link.abort
    })
    const activity = yield* Heartbeat.makeActivity
    const ping = Frame.encode(["ping"])
    const throttle = new Throttle(yield* Clock.Clock, rate)

    const receiving = Session.receive<Frame.ClientFrame>({
      link: slowDown(link, {
        throttle,
        done: outgoing.done,
        backlog: () => outgoing.waiting() + (backlog?.() ?? 0),
        maxBacklog: limits.bufferBytes,
        interval: Math.max(1, heartbeat.interval / 2),
        stillHere: () => {
          activity.mark()
          outgoing.pushOnce(ping)
        }
      }),
      outgoing,
      session,
      decode: (message) => {
        const frames = Inbound.decodeClient(message, limits.frameBytes)
        throttle.take(Exit.isSuccess(frames) ? frames.value.length : 0, message.length)
        return frames
      },
      activity: {
        last: activity.last,
        mark: () => {
          activity.mark()
          if (connection?.session.socket === outgoing) connection.confirm()
        }
      },
      onFrame: (frame) => onFrame(self, connection, outgoing, frame)
    })
    const admission = Admission.run(self, { hello, headers, outgoing }, (admitted) => {
      connection = admitted
      connection.address = remoteAddress
      onAttached()
    })
    const attending = self.telemetry.traceAdmission(hello, admission).pipe(
      Effect.tap(() => {
        isAnswered = true
        return Effect.void
      }),
      Effect.andThen(
        Heartbeat.awaitSilence(activity, heartbeat, () => outgoing.push(ping))
      ),
      Effect.andThen(Effect.sync(() => {
        lostBy = "the client fell silent"
        outgoing.end(EndCode.silent, "no sign of life")
      }))
    )

    // Before the admission is forked, so that it has ended when the scope gets here: what it attached is left.
    yield* Effect.addFinalizer(() => connection === undefined ? Effect.void : leave(self, connection, outgoing, lostBy))
    // The socket is read by the fiber that serves it; whoever else ends it drops the link, which ends the reading.
    yield* attending.pipe(
      Effect.catchCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : failed(self, outgoing, cause)),
      Effect.forkScoped
    )
    yield* receiving.pipe(
      Effect.catchTags({
        ProtocolViolation: (violation) => fault(self, connection, outgoing, violation),
        // Who was refused, suspended or ended has a line already.
        SocketError: () => isAnswered ? Effect.void : Effect.logDebug("a client left before it got in")
      })
    )
  }
)

const failed = (self: ActorInstance, outgoing: Outgoing, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.andThen(
    Effect.logError("the admission of a client failed", cause),
    Effect.sync(() => {
      self.telemetry.metrics.rejected("InternalError")
      dismiss(outgoing, DisconnectReason.InternalError.make({}), 0)
    })
  )

const fault = (
  self: ActorInstance,
  connection: ServerConnection | undefined,
  outgoing: Outgoing,
  violation: ProtocolViolation
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const reason = DisconnectReason.ProtocolError.make({ message: violation.message })
    if (connection === undefined) self.telemetry.metrics.rejected(reason._tag)
    if (connection?.session.socket === outgoing) connection.end(reason)
    else dismiss(outgoing, reason, 0)
    const line = Effect.logInfo(`a client broke the protocol: ${violation.message}`)
    return connection === undefined ? line : Effect.annotateLogs(line, { connection: connection.id })
  }).pipe(
    Effect.andThen(Effect.timeoutOption(outgoing.done, farewellTimeout)),
    Effect.asVoid
  )

/** The socket is gone: the connection waits for another one, if it may. */
const leave = (
  self: ActorInstance,
  connection: ServerConnection,
  outgoing: Outgoing,
  lostBy: string
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!connection.session.detach(outgoing) || connection.isEnded) return Effect.void
    if (connection.confirmed && self.canSuspend) {
      return Effect.andThen(
        Effect.annotateLogs(Effect.logDebug(`connection suspended: ${lostBy}`), { connection: connection.id }),
        self.suspend(connection)
      )
    }
    return Effect.sync(() => connection.end(DisconnectReason.Lost.make({})))
  })

type Left = Effect.Effect<void, ProtocolViolation> | undefined

/** What can be done at once is; only what is left to do is returned. */
const onFrame = (
  self: ActorInstance,
  connection: ServerConnection | undefined,
  outgoing: Outgoing,
  frame: Frame.ClientData | Extract<Frame.ClientFrame, readonly ["hello" | "bye", any]>
): Left => {
  if (frame[0] === "hello") return violation("a second hello")
  if (frame[0] !== "bye") return connection === undefined ? undefined : onData(self, connection, frame)
  const { reason } = frame[1]
  const left = reason._tag === "ClientLeft" || reason._tag === "ProtocolError"
    ? reason
    : DisconnectReason.ClientLeft.make({})
  if (connection === undefined) dismiss(outgoing, left, 0)
  else connection.end(left)
  return undefined
}

const onData = (self: ActorInstance, connection: ServerConnection, frame: Frame.ClientData): Left => {
  const { subscriptions } = self.settings.limits
  if (connection.inbox.size >= self.settings.maxWaitingFrames) {
    return violation("too many frames before the connection was ready")
  }
  switch (frame[0]) {
    case "call": {
      if (connection.calls.has(frame[1])) return violation(`the id of call ${frame[1]} is in use`)
      const refusal = Refusal.of(connection, frame[3], self.settings)
      if (refusal !== undefined) return Replies.refuse(connection, frame[1], ...refusal)
      break
    }
    case "subscribe":
      if (!self.actor.eventSchemas.has(frame[1])) return undefined
      if (connection.subscriptions.size >= subscriptions && !connection.subscriptions.has(frame[1])) {
        return violation(`more than ${subscriptions} subscriptions`)
      }
      break
    case "interrupt":
      if (connection.inbox.take(([tag, id]) => tag === "call" && id === frame[1]) !== undefined) {
        return Replies.refuse(connection, frame[1], "Interrupted", "")
      }
  }
  connection.inbox.offer(frame)
  return undefined
}

const violation = (message: string) => Effect.fail(new ProtocolViolation({ message }))
