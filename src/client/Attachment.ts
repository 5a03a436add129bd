/**
 * One socket of a client: dial, handshake, frames, end.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { ConnectionId } from "../Connection.ts"
import { type Gap, Status } from "../ConnectionStatus.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import { Suspended } from "../PlatformSignals.ts"
import type { Lost } from "../Reconnect.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import * as Heartbeat from "../session/Heartbeat.ts"
import * as Inbound from "../session/Inbound.ts"
import type { InOrder } from "../session/InOrder.ts"
import * as Link from "../session/Link.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as Session from "../session/Session.ts"
import type { Calls } from "./Calls.ts"
import type { ClientSession } from "./ClientSession.ts"
import type { ClientSettings } from "./ClientSettings.ts"
import { type ClientTelemetry, describeLoss } from "./ClientTelemetry.ts"
import type { Subscriptions } from "./Subscriptions.ts"
import type { Wakeups } from "./Wakeups.ts"

/** Largest message of several frames sent to one; a single frame is bounded by what the server announces. */
const maxOutboundBytes = 262_144

/**
 * The end of a client, for good.
 *
 * @category errors
 * @since 0.1.0
 */
export class Ended extends Data.TaggedError("Ended")<{
  /** What becomes the client's status. */
  readonly status: FinalStatus
  /** How many data frames the server took in, where it said so. */
  readonly taken: number | undefined
}> {}

/**
 * The statuses that a client never leaves.
 *
 * @category models
 * @since 0.1.0
 */
export type FinalStatus = Extract<Status<unknown>, { readonly _tag: "Rejected" | "Disconnected" }>

/** The end of one socket. */
class Dropped extends Data.TaggedError("Dropped")<{ readonly cause: unknown }> {}

/**
 * What consumers of events are handed, in order.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery = Extract<Frame.ServerFrame, readonly ["event", ...ReadonlyArray<any>]> | Gap

/**
 * What a socket works for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly actor: string
  readonly key: string
  readonly dial: Effect.Effect<Socket.Socket>
  readonly settings: ClientSettings
  /** Evaluates and encodes the params, in time. */
  readonly params: Effect.Effect<unknown, unknown>
  readonly decodeRejection: (encoded: unknown) => Effect.Effect<unknown, Schema.SchemaError>
  readonly session: ClientSession
  readonly telemetry: ClientTelemetry
  readonly calls: Calls
  readonly subscriptions: Subscriptions
  /** Where events are handed out, beside the reader of the socket. */
  readonly deliveries: InOrder<Delivery>
  readonly setStatus: (status: Status<unknown>) => Effect.Effect<void>
  readonly announceGap: (gap: Gap) => Effect.Effect<void>
  /** What the platform tells; `undefined` where it tells nothing. */
  readonly wakeups: Wakeups | undefined
}

/**
 * Dials once and stays until the socket ends; succeeds with how it was lost.
 *
 * @category constructors
 * @since 0.1.0
 */
export const live = (self: Parts): Effect.Effect<Lost, Ended> =>
  Effect.gen(function*() {
    yield* self.setStatus(Status.Connecting({ attempt: self.session.attempt }))
    const attempt = ++self.session.attempt
    yield* self.telemetry.dialling(attempt)
    let connectedAt: bigint | undefined
    const onConnected = Effect.map(Clock.monotonicTimeNanos, (now) => {
      connectedAt = now
    })
    const served = Effect.scoped(serve(self, onConnected)).pipe(
      Effect.onExit((exit) => Effect.sync(() => self.telemetry.failed(isRejected(exit) ? "rejected" : "failed", exit))),
      Effect.catchTag("Dropped", (dropped) => Effect.succeed(dropped.cause))
    )
    const { wakeups } = self
    const cause = yield* wakeups === undefined
      ? served
      : Effect.raceFirst(served, Effect.as(wakeups.suspended, new Suspended()))
    yield* Effect.logDebug(
      `${connectedAt === undefined ? "a dial failed" : "the connection was lost"}: ${describeLoss(cause)}`
    )
    const now = yield* Clock.monotonicTimeNanos
    if (connectedAt !== undefined) self.session.awaySince = now
    return connectedAt === undefined
      ? { cause, attempt, connectedFor: Duration.zero }
      : { cause, attempt: ++self.session.attempt, connectedFor: Duration.nanos(now - connectedAt) }
  })

const isRejected = (exit: Exit.Exit<unknown, Ended | Dropped>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) =>
    Cause.isFailReason(reason) && reason.error._tag === "Ended" && reason.error.status._tag === "Rejected"
  )

const serve = Effect.fnUntraced(function*(
  self: Parts,
  onConnected: Effect.Effect<void>
): Effect.fn.Return<unknown, Ended | Dropped, Scope.Scope> {
  const params = yield* Effect.mapError(self.params, (cause) => new Dropped({ cause }))
  const socket = yield* self.dial
  const link = yield* Link.fromSocket(socket, { maxBytes: self.settings.maxMessageBytes }).pipe(
    Effect.timeoutOrElse({ duration: self.settings.openTimeout, orElse: () => Effect.fail(timedOut("open")) }),
    Effect.mapError((cause) => new Dropped({ cause }))
  )
  const welcomed = Latch.makeUnsafe(false)
  const session = () => welcomed.isOpen() ? self.session.session : undefined
  const outgoing = yield* Session.makeOutgoing(link, {
    maxBatchBytes: () => Math.min(maxOutboundBytes, self.session.limits?.batchBytes ?? maxOutboundBytes),
    session
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      self.session.socket = outgoing
    }),
    () =>
      Effect.sync(() => {
        self.session.socket = undefined
        self.session.session.detach(outgoing)
      })
  )
  const activity = yield* Heartbeat.makeActivity
  const subscriptions = self.subscriptions.wanted()
  const hello = {
    protocol: Frame.version,
    actor: self.actor,
    key: self.key,
    params,
    subscriptions,
    ...self.telemetry.trace
  }
  outgoing.push(Frame.encode(["hello", self.session.hello(hello, self.calls.unanswered)]))

  const receiving = Session.receive<Frame.ServerFrame, Ended | Dropped>({
    link,
    outgoing,
    session,
    activity,
    decode: Inbound.decodeServer,
    onAck: self.calls.drain,
    onFrame: (frame) => {
      if (welcomed.isOpen()) return onFrame(self, frame)
      if (frame[0] !== "welcome") return onRefusal(self, frame)
      return onWelcome(self, frame[1], outgoing, subscriptions, welcomed).pipe(Effect.andThen(onConnected))
    }
  })
  const attending = welcomed.await.pipe(
    Effect.timeoutOrElse({ duration: self.settings.handshakeTimeout, orElse: () => Effect.fail(timedOut("welcome")) }),
    Effect.andThen(
      Effect.suspend(() =>
        Heartbeat.awaitSilence(
          activity,
          self.session.welcome!.heartbeat,
          () => outgoing.push(Frame.encode(["ping"])),
          self.wakeups
        )
      )
    ),
    Effect.andThen(Effect.fail(timedOut("pong")))
  )
  return yield* Effect.raceAllFirst([receiving, attending, Effect.andThen(outgoing.ended, Effect.fail(closed))]).pipe(
    Effect.catchTags({
      SocketError: (cause) => Effect.fail(new Dropped({ cause })),
      ProtocolViolation: (violation) => giveUp(self, outgoing, violation)
    })
  )
})

const timedOut = (what: "open" | "welcome" | "pong") =>
  new Socket.SocketError({
    reason: new Socket.SocketOpenError({ kind: "Timeout", cause: new Error(`no ${what} in time`) })
  })

const closed = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

const onWelcome = Effect.fnUntraced(function*(
  self: Parts,
  welcome: Frame.Welcome,
  outgoing: Outgoing,
  subscribed: ReadonlyArray<string>,
  welcomed: Latch.Latch
): Effect.fn.Return<void, ProtocolViolation> {
  const { previous, session, welcome: last } = self.session
  const tail = self.session.attachTo(outgoing, welcome)
  if (tail === undefined) return yield* violation("the server resumes a session with counts that are not its own")
  welcomed.openUnsafe()
  // At once: any frame shows the server that its new token has arrived.
  outgoing.push(Frame.encode(["ack", session.state.received]))
  session.state.reported = session.state.received
  for (const frame of tail) outgoing.push(frame)
  const id = ConnectionId.make(welcome.connection)
  const isContinued = welcome.resumed && last?.epoch === welcome.epoch
  self.telemetry.welcomed(
    id,
    isContinued ? "exact" : welcome.resumed ? "recovered" : previous === undefined ? "fresh" : "lost"
  )
  if (!isContinued) {
    subscribeAnew(self, subscribed)
    yield* (welcome.resumed ? self.calls.recovered : self.calls.sessionLost(undefined, undefined))
  }
  const gap = isContinued || previous === undefined ? undefined : self.session.takeGap(previous, id)
  yield* self.setStatus(Status.Connected({ id, resumed: welcome.resumed, ...(gap === undefined ? {} : { gap }) }))
  if (gap !== undefined) yield* self.announceGap(gap)
  yield* self.calls.drain
})

/** What has changed since the `hello` was written, which named the subscriptions of then. */
const subscribeAnew = (self: Parts, subscribed: ReadonlyArray<string>): void => {
  const wanted = self.subscriptions.wanted()
  for (const event of wanted) {
    if (!subscribed.includes(event)) self.session.session.send(Frame.encode(["subscribe", event]))
  }
  for (const event of subscribed) {
    if (!wanted.includes(event)) self.session.session.send(Frame.encode(["unsubscribe", event]))
  }
}

type Handed = Exclude<Frame.ServerFrame, readonly ["ack" | "ping" | "pong", ...ReadonlyArray<any>]>

const onFrame = (
  self: Parts,
  frame: Handed
): Effect.Effect<void, ProtocolViolation | Ended | Dropped> | undefined => {
  switch (frame[0]) {
    case "event":
      self.deliveries.offer(frame)
      return undefined
    case "reply":
    case "refused":
    case "chunk":
      return self.calls.onFrame(frame)
    case "bye":
      return onBye(self, frame[1], true)
    default:
      return violation(`a ${frame[0]} frame after the welcome`)
  }
}

const onRefusal = (self: Parts, frame: Handed): Effect.Effect<never, ProtocolViolation | Ended | Dropped> => {
  switch (frame[0]) {
    case "bye":
      return onBye(self, frame[1], false)
    case "rejected":
      return Effect.suspend(() => self.decodeRejection(frame[1])).pipe(
        Effect.mapError((error) =>
          new ProtocolViolation({ message: `the rejection does not decode: ${error.message}` })
        ),
        Effect.catchDefect(() => violation("the schema of the rejection died")),
        Effect.flatMap((rejection) =>
          Effect.fail(new Ended({ status: Status.Rejected({ rejection }), taken: undefined }))
        )
      )
    default:
      return violation(`a ${frame[0]} frame before the welcome`)
  }
}

/** The server ends the socket, the session or the connection: the reason tells which. */
const onBye = (self: Parts, bye: Frame.Bye, attached: boolean): Effect.Effect<never, Ended | Dropped> =>
  Effect.suspend((): Effect.Effect<never, Ended | Dropped> => {
    const { reason } = bye
    const taken = attached ? bye.received : undefined
    if (DisconnectReason.isTerminal(reason)) {
      return Effect.fail(new Ended({ status: Status.Disconnected({ reason }), taken }))
    }
    const dropped = Effect.fail(new Dropped({ cause: reason }))
    const durable = self.session.welcome?.durable === true
    if (EndCode.keepsSession(reason, { attached, durable })) return dropped
    self.session.forget(reason)
    return Effect.andThen(self.calls.sessionLost(reason, taken), dropped)
  })

const violation = (message: string) => Effect.fail(new ProtocolViolation({ message }))

const giveUp = (self: Parts, outgoing: Outgoing, { message }: ProtocolViolation): Effect.Effect<never, Ended> =>
  Effect.suspend(() => {
    const reason = DisconnectReason.ProtocolError.make({ message })
    outgoing.push(Frame.encodeBye(reason, self.session.session.state.received))
    outgoing.end(EndCode.codes.ProtocolError, message)
    return outgoing.done.pipe(
      Effect.timeoutOption("1 second"),
      Effect.andThen(Effect.fail(new Ended({ status: Status.Disconnected({ reason }), taken: undefined })))
    )
  })
