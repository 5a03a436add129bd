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
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { ConnectionId } from "../Connection.ts"
import { type Gap, Status } from "../ConnectionStatus.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import { Suspended } from "../PlatformSignals.ts"
import type { Lost } from "../Reconnect.ts"
import type { Deadline } from "../session/Deadlines.ts"
import * as EndCode from "../session/EndCode.ts"
import type { Engine } from "../session/Engine.ts"
import * as Frame from "../session/Frame.ts"
import * as Inbound from "../session/Inbound.ts"
import type { InOrder } from "../session/InOrder.ts"
import * as Link from "../session/Link.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import { type Handed, type Handler, type Rest, SessionSocket } from "../session/SessionSocket.ts"
import type { Calls } from "./Calls.ts"
import type { ClientSession } from "./ClientSession.ts"
import type { ClientSettings } from "./ClientSettings.ts"
import type { ClientTelemetry } from "./ClientTelemetry.ts"
import { describeLoss } from "./Observing.ts"
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
  readonly engine: Engine
  readonly telemetry: ClientTelemetry | undefined
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
    if (self.telemetry !== undefined) yield* self.telemetry.dialling(attempt)
    let connectedAt: bigint | undefined
    const clock = yield* Clock.Clock
    const onConnected = () => {
      connectedAt = clock.monotonicTimeNanosUnsafe()
    }
    const served = Effect.scoped(serve(self, onConnected)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => self.telemetry?.failed(isRejected(exit) ? "rejected" : "failed", exit))
      ),
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
  onConnected: () => void
): Effect.fn.Return<unknown, Ended | Dropped, Scope.Scope> {
  const params = yield* Effect.mapError(self.params, (cause) => new Dropped({ cause }))
  const socket = yield* self.dial
  const link = yield* Link.fromSocket(socket, { maxBytes: self.settings.maxMessageBytes }).pipe(
    Effect.timeoutOrElse({ duration: self.settings.openTimeout, orElse: () => Effect.fail(timedOut("open")) }),
    Effect.mapError((cause) => new Dropped({ cause }))
  )
  const server = new ServerSocket(self, link, onConnected)
  if (self.wakeups !== undefined) yield* self.wakeups.onWake(() => server.socket.wake())
  return yield* server.serve(params).pipe(
    Effect.catchTags({
      SocketError: (cause) => Effect.fail(new Dropped({ cause: server.timedOut ?? cause })),
      ProtocolViolation: (violation) => giveUp(self, server.socket.outgoing, violation)
    }),
    Effect.ensuring(Effect.sync(() => server.release()))
  )
})

/** One socket to the server. */
class ServerSocket implements Handler<Frame.ServerFrame, Ended | Dropped> {
  readonly socket: SessionSocket<Frame.ServerFrame, Ended | Dropped>
  /** What did not come in time, where that is why the socket was dropped. */
  timedOut: Socket.SocketError | undefined
  private readonly self: Parts
  private readonly link: Link.Link
  private readonly onConnected: () => void
  /** The subscriptions that the `hello` names. */
  private readonly subscribed: ReadonlyArray<string>
  private handshake: Deadline | undefined
  private isWelcome = false

  constructor(self: Parts, link: Link.Link, onConnected: () => void) {
    this.self = self
    this.link = link
    this.onConnected = onConnected
    this.socket = new SessionSocket(link, self.engine, this)
    this.subscribed = self.subscriptions.wanted()
  }

  /** Says who wants what, and stays until the socket ends. */
  serve(params: unknown): Effect.Effect<never, Socket.SocketError | ProtocolViolation | Ended | Dropped> {
    return Effect.suspend(() => {
      const { actor, calls, engine, key, session, settings, telemetry } = this.self
      session.socket = this.socket.outgoing
      const hello = {
        protocol: Frame.version,
        actor,
        key,
        params,
        subscriptions: this.subscribed,
        ...telemetry?.trace
      }
      this.socket.outgoing.push(Frame.encode(["hello", session.hello(hello, calls.unanswered)]))
      this.handshake = engine.deadlines.set(Duration.toMillis(settings.handshakeTimeout), {
        onDeadline: () => this.drop("welcome")
      })
      return this.socket.read
    })
  }

  release(): void {
    const { engine, session } = this.self
    engine.deadlines.cancel(this.handshake)
    session.socket = undefined
    session.session.detach(this.socket.outgoing)
    this.socket.release()
  }

  readonly decode = Inbound.decodeServer

  maxBatchBytes(): number {
    return Math.min(maxOutboundBytes, this.self.session.limits?.batchBytes ?? maxOutboundBytes)
  }

  onAck(): Rest<never> {
    this.self.calls.drain()
    return undefined
  }

  onFrame(frame: Handed<Frame.ServerFrame>): Rest<Ended | Dropped> {
    if (this.isWelcome) return onFrame(this.self, frame)
    return frame[0] === "welcome" ? this.onWelcome(frame[1]) : onRefusal(this.self, frame)
  }

  onSilence(): void {
    this.drop("pong")
  }

  private drop(missing: "welcome" | "pong"): void {
    this.timedOut = timedOut(missing)
    this.self.engine.fork(this.link.abort)
  }

  private onWelcome(welcome: Frame.Welcome): Effect.Effect<void, ProtocolViolation> {
    const { engine, session } = this.self
    const { outgoing } = this.socket
    const { previous, welcome: last } = session
    const tail = session.attachTo(this.socket, welcome)
    if (tail === undefined) return violation("the server resumes a session with counts that are not its own")
    this.isWelcome = true
    engine.deadlines.cancel(this.handshake)
    this.socket.watch(welcome.heartbeat)
    // At once: any frame shows the server that its new token has arrived.
    outgoing.push(Frame.encode(["ack", session.session.state.received]))
    session.session.state.reported = session.session.state.received
    for (const frame of tail) outgoing.push(frame)
    this.onConnected()
    return begin(this.self, welcome, {
      previous,
      subscribed: this.subscribed,
      isContinued: welcome.resumed && last?.epoch === welcome.epoch
    })
  }
}

/** Goes on with calls and events, on the session that was resumed or on a fresh one. */
const begin = Effect.fnUntraced(function*(self: Parts, welcome: Frame.Welcome, options: {
  readonly previous: ConnectionId | undefined
  readonly subscribed: ReadonlyArray<string>
  /** Whether the session goes on, and not only the connection, in a new epoch. */
  readonly isContinued: boolean
}): Effect.fn.Return<void> {
  const { isContinued, previous, subscribed } = options
  const id = ConnectionId.make(welcome.connection)
  self.telemetry?.welcomed(
    id,
    isContinued ? "exact" : welcome.resumed ? "recovered" : previous === undefined ? "fresh" : "lost"
  )
  if (!isContinued) {
    subscribeAnew(self, subscribed)
    if (welcome.resumed) self.calls.recovered()
    else self.calls.sessionLost(undefined, undefined)
  }
  const gap = isContinued || previous === undefined ? undefined : self.session.takeGap(previous, id)
  yield* self.setStatus(Status.Connected({ id, resumed: welcome.resumed, ...(gap === undefined ? {} : { gap }) }))
  if (gap !== undefined) yield* self.announceGap(gap)
  self.calls.drain()
})

const timedOut = (what: "open" | "welcome" | "pong") =>
  new Socket.SocketError({
    reason: new Socket.SocketOpenError({ kind: "Timeout", cause: new Error(`no ${what} in time`) })
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

const onFrame = (
  self: Parts,
  frame: Handed<Frame.ServerFrame>
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

const onRefusal = (
  self: Parts,
  frame: Handed<Frame.ServerFrame>
): Effect.Effect<never, ProtocolViolation | Ended | Dropped> => {
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
    self.calls.sessionLost(reason, taken)
    return dropped
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
