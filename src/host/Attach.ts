/**
 * A socket takes up a connection: admission, attaching, and the frames until
 * the socket ends.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Headers from "effect/http/Headers"
import { CurrentLogAnnotations } from "effect/References"
import type { SocketError } from "effect/socket/Socket"
import * as DisconnectReason from "../DisconnectReason.ts"
import * as EndCode from "../session/EndCode.ts"
import type * as Frame from "../session/Frame.ts"
import * as Inbound from "../session/Inbound.ts"
import type { Link } from "../session/Link.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import { type Handed, type Handler, type Rest, SessionSocket } from "../session/SessionSocket.ts"
import { type Paced, Throttle } from "../session/Throttle.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as Admission from "./Admission.ts"
import * as Refusal from "./Refusal.ts"
import * as Replies from "./Replies.ts"
import { dismiss, type ServerConnection } from "./ServerConnection.ts"

/** How long a last message may take to leave before the socket is dropped. */
const farewellTimeout = "1 second"

/**
 * A socket whose `hello` has been read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incoming {
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

/**
 * Serves a socket whose `hello` has been read, until it ends. What outlives
 * the socket, the connection, belongs to the instance.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serve = (self: ActorInstance, incoming: Incoming): Effect.Effect<void> =>
  Effect.suspend(() => {
    const client = new ClientSocket(self, incoming)
    client.admit(incoming)
    return client.serve
  })

/** One socket of a client. */
class ClientSocket implements Handler<Frame.ClientFrame, never>, Paced {
  readonly link: Link
  private readonly self: ActorInstance
  private readonly socket: SessionSocket<Frame.ClientFrame>
  private readonly throttle: Throttle
  private readonly unsent: (() => number) | undefined
  private connection: ServerConnection | undefined
  private isAnswered = false
  private isSilent = false
  private admission: Fiber.Fiber<void> | undefined

  constructor(self: ActorInstance, { backlog, link }: Incoming) {
    this.self = self
    this.link = link
    this.unsent = backlog
    this.socket = new SessionSocket(link, self.engine, this)
    this.throttle = new Throttle(self.engine.deadlines, self.settings.rate, this)
  }

  /** Decides beside the reading of the socket, which may end meanwhile. */
  admit({ headers, hello, onAttached, remoteAddress }: Incoming): void {
    const { outgoing } = this.socket
    const admission = Admission.run(this.self, { hello, headers, outgoing }, (connection) => {
      this.connection = connection
      connection.address = remoteAddress
      this.socket.attach(connection.session)
      onAttached()
    })
    const answered = this.self.telemetry.traceAdmission(hello, admission).pipe(
      Effect.andThen(Effect.sync(() => {
        this.isAnswered = true
        this.socket.watch(this.self.settings.heartbeat)
      })),
      Effect.catchCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : this.failed(cause))
    )
    const fiber = this.self.engine.fork(this.annotate(answered), this.link.scope)
    if (fiber.pollUnsafe() !== undefined) return
    this.admission = fiber
    fiber.addObserver(() => this.admission = undefined)
  }

  get serve(): Effect.Effect<void> {
    return this.socket.read.pipe(
      Effect.onExit((exit) => this.finish(exit)),
      Effect.catch(() => Effect.void)
    )
  }

  get pull(): Link["pull"] {
    return this.throttle.pull
  }

  decode(message: string): ReturnType<typeof Inbound.decodeClient> {
    const frames = Inbound.decodeClient(message, this.self.settings.limits.frameBytes)
    this.throttle.take(Exit.isSuccess(frames) ? frames.value.length : 0, message.length)
    return frames
  }

  get interval(): number {
    return Math.max(1, this.self.settings.heartbeat.interval / 2)
  }

  get maxBacklog(): number {
    return this.self.settings.limits.bufferBytes
  }

  backlog(): number {
    return this.socket.outgoing.waiting() + (this.unsent?.() ?? 0)
  }

  stillHere(): void {
    this.socket.stillHere()
  }

  get done(): Effect.Effect<void> {
    return this.socket.outgoing.done
  }

  maxBatchBytes(): number {
    return this.self.settings.limits.batchBytes
  }

  onMessage(): void {
    if (this.socket.isAttached) this.connection?.confirm()
  }

  onFrame(frame: Handed<Frame.ClientFrame>): Rest<never> {
    if (frame[0] === "hello") return violation("a second hello")
    if (frame[0] !== "bye") return this.connection === undefined ? undefined : onData(this.self, this.connection, frame)
    const { reason } = frame[1]
    this.end(
      reason._tag === "ClientLeft" || reason._tag === "ProtocolError" ? reason : DisconnectReason.ClientLeft.make({})
    )
    return undefined
  }

  onSilence(): void {
    this.isSilent = true
    this.socket.outgoing.end(EndCode.silent, "no sign of life")
  }

  private end(reason: DisconnectReason.DisconnectReason): void {
    if (this.connection !== undefined && this.socket.isAttached) this.connection.end(reason)
    else dismiss(this.socket.outgoing, reason, 0)
  }

  private failed(cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.andThen(
      Effect.logError("the admission of a client failed", cause),
      Effect.sync(() => {
        this.self.telemetry.rejected("InternalError")
        dismiss(this.socket.outgoing, DisconnectReason.InternalError.make({}), 0)
      })
    )
  }

  private finish(exit: Exit.Exit<never, SocketError | ProtocolViolation>): Effect.Effect<void> {
    return this.annotate(Effect.andThen(this.explain(exit), Effect.suspend(() => this.leave())))
  }

  private explain(exit: Exit.Exit<never, SocketError | ProtocolViolation>): Effect.Effect<void> {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return Effect.void
    const error = Cause.squash(exit.cause)
    if (error instanceof ProtocolViolation) return this.fault(error)
    if (Cause.hasDies(exit.cause)) return Effect.logError("a socket of a client failed", exit.cause)
    // Who was refused, suspended or ended has a line already.
    return this.isAnswered ? Effect.void : Effect.logDebug("a client left before it got in")
  }

  private fault({ message }: ProtocolViolation): Effect.Effect<void> {
    return Effect.suspend(() => {
      const reason = DisconnectReason.ProtocolError.make({ message })
      if (this.connection === undefined) this.self.telemetry.rejected(reason._tag)
      this.end(reason)
      return Effect.logInfo(`a client broke the protocol: ${message}`)
    }).pipe(
      Effect.andThen(Effect.timeoutOption(this.socket.outgoing.done, farewellTimeout)),
      Effect.asVoid
    )
  }

  /** What was attached is left when the admission has ended: it may still attach. */
  private leave(): Effect.Effect<void> {
    const { admission, connection, self } = this
    if (admission !== undefined) {
      return Effect.andThen(Fiber.interrupt(admission), Effect.suspend(() => this.leave()))
    }
    const isLast = connection?.session.detach(this.socket.outgoing) === true && !connection.isEnded
    this.socket.release()
    if (connection === undefined || !isLast) return Effect.void
    if (connection.confirmed && self.canSuspend) {
      const lostBy = this.isSilent ? "the client fell silent" : "the socket ended"
      return Effect.andThen(Effect.logDebug(`connection suspended: ${lostBy}`), self.suspend(connection))
    }
    connection.end(DisconnectReason.Lost.make({}))
    return Effect.void
  }

  private annotate<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() =>
      Effect.annotateLogs(effect, {
        ...Context.get(this.self.context, CurrentLogAnnotations),
        ...(this.connection === undefined ? {} : { connection: this.connection.id })
      })
    )
  }
}

/** What can be done at once is; only what is left to do is returned. */
const onData = (self: ActorInstance, connection: ServerConnection, frame: Frame.ClientData): Rest<never> => {
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
    case "released":
      if (self.callers === undefined) return violation("a client has no turns to give back")
      break
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
