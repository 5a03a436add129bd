/**
 * One connection as the host keeps it: identity, state, session and calls.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { ConnectionId } from "../Connection.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyConnection } from "../internal/definition.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import { InOrder, type Worker } from "../session/InOrder.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import type { Session } from "../session/Session.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import type { ActorTelemetry } from "./ActorTelemetry.ts"
import type { Commits } from "./Commits.ts"
import type { ConnectionRecord, Part } from "./ConnectionRecord.ts"
import type { ServerCall } from "./ServerCall.ts"

const none: ReadonlySet<string> = new Set()

/**
 * A connection, from its admission until `onDisconnect` has run.
 *
 * @category models
 * @since 0.1.0
 */
export class ServerConnection {
  readonly id: ConnectionId
  /** The connection's client id in the actor's `RpcServer`. */
  readonly number: number
  /** The instance as its clients see it, or as nodes do, whose session this is then. */
  readonly home: ActorInstance
  /** What the actor sees of it; set when it is listed. */
  view!: AnyConnection
  private readonly parentScope: Scope.Scope
  private ownScope: Scope.Closeable | undefined
  readonly session: Session
  readonly telemetry: ActorTelemetry
  state: unknown
  status: "Connected" | "Suspended" = "Connected"
  /** Made for the first subscription; many connections have none. */
  private subscribed: Set<string> | undefined
  readonly calls = new Map<number, ServerCall>()
  private answered = 0
  readonly ended = Deferred.makeUnsafe<DisconnectReason.DisconnectReason>()
  private readonly onEnd: (connection: ServerConnection) => void
  /** Whether `onConnect` is running. */
  isGreeting = false
  /** Whether its beginning is over, `onConnect` above all: its end does not come before. */
  hasBegun = false
  private quiet: Deferred.Deferred<void> | undefined
  private semaphore: Semaphore.Semaphore | undefined
  /** The data frames that wait to be acted on; closed until `onConnect` has succeeded. */
  readonly inbox: InOrder<Frame.ClientData>
  /** The token to resume with; its hash where the connection is recorded. */
  token = ""
  /** The one before, valid until the client has shown that it has the new one. */
  previousToken: string | undefined
  /** Whether `onSuspend` is owed for the suspension that is going on. */
  suspensionDue = false
  /** Attaches that are being admitted. */
  attaching = 0
  /** The highest attach number so far. */
  attach: number
  /** When it was opened in this process, in milliseconds since 1970. */
  readonly since: number
  /** Where its last socket came from, where the server can tell. */
  address: string | undefined
  /** The last call that went wrong, for people who look after the host. */
  lastError: string | undefined
  /** Whether the client has sent anything after a `welcome`. */
  confirmed = false
  /** Whether `bye` was emitted: nothing follows it. */
  closed = false
  /** What is stored of it, if its actor is durable. */
  record: ConnectionRecord | undefined
  private readonly commits: Commits | undefined

  constructor(options: {
    readonly id: ConnectionId
    readonly number: number
    readonly home: ActorInstance
    readonly state: unknown
    readonly attach: number
    readonly subscriptions: Iterable<string>
    /** The scope of the actor. */
    readonly scope: Scope.Scope
    readonly session: Session
    readonly telemetry: ActorTelemetry
    /** Acts on the data frames. */
    readonly makeWorker: (connection: ServerConnection) => Worker<Frame.ClientData>
    /** Called when the end is decided and the beginning is over. */
    readonly onEnd: (connection: ServerConnection) => void
    readonly commits: Commits | undefined
  }) {
    this.commits = options.commits
    this.id = options.id
    this.number = options.number
    this.home = options.home
    this.state = options.state
    this.attach = options.attach
    for (const event of options.subscriptions) this.subscribe(event)
    this.parentScope = options.scope
    this.session = options.session
    this.telemetry = options.telemetry
    this.since = options.telemetry.wallClock()
    this.inbox = new InOrder(options.makeWorker(this), { closed: true })
    this.onEnd = options.onEnd
  }

  /** Closes before `onDisconnect`; made when it is asked for. */
  get scope(): Scope.Scope {
    return this.ownScope ??= Scope.forkUnsafe(this.parentScope)
  }

  get closeScope(): Effect.Effect<void> {
    return Effect.suspend(() => Scope.close(this.ownScope ??= Scope.makeUnsafe(), Exit.void))
  }

  /** One hook of a connection at a time. */
  get hooks(): Semaphore.Semaphore {
    return this.semaphore ??= Semaphore.makeUnsafe(1)
  }

  /** The events that its client is subscribed to. */
  get subscriptions(): ReadonlySet<string> {
    return this.subscribed ?? none
  }

  subscribe(event: string): void {
    this.subscribed ??= new Set()
    this.subscribed.add(event)
  }

  unsubscribe(event: string): void {
    this.subscribed?.delete(event)
  }

  /** Subscribes to these events and to no other. */
  resubscribe(events: Iterable<string>): void {
    this.subscribed = undefined
    for (const event of events) this.subscribe(event)
  }

  /** Whether `onSuspend` is to run now; `true` once per suspension. */
  takeSuspension(): boolean {
    if (!this.suspensionDue || this.status !== "Suspended" || this.isEnded) return false
    this.suspensionDue = false
    return true
  }

  get isAttaching(): boolean {
    return this.attaching > 0
  }

  /** Whether the end of the connection has been decided. */
  get isEnded(): boolean {
    return Deferred.isDoneUnsafe(this.ended)
  }

  /**
   * Sends a data frame, in order. A client that leaves more unacknowledged than
   * the bounds allow loses its session.
   */
  send(frame: string): void {
    if (this.closed) return
    if (this.commits === undefined) this.write(frame)
    else this.commits.emit(() => this.write(frame))
  }

  /** Sends the answer of a call, together with what its turn has changed. */
  reply(call: number, frame: string): void {
    const { closed, commits, record } = this
    if (commits === undefined || record === undefined) return closed ? undefined : this.write(frame)
    commits.answer({ client: this.number, request: call }, { record, call, reply: frame }, (isKept) => {
      if (closed) return
      this.write(frame)
      if (isKept) record.noteReply(call, this.session.state.sent)
    })
  }

  /** As `send`, for what does not come from a turn of the actor: does not wait for what such a one may change. */
  sendBeside(frame: string): void {
    if (this.commits === undefined) this.send(frame)
    else if (!this.closed) this.commits.emitBeside(() => this.write(frame))
  }

  /** Answers a call that was answered in an earlier epoch; `false` if it was not. */
  replyAgain(call: number): boolean {
    const { commits, record } = this
    const frame = record?.replies.get(call)
    if (commits === undefined || record === undefined || frame === undefined) return false
    commits.emitBeside(() => {
      this.write(frame)
      record.noteReply(call, this.session.state.sent)
    })
    return true
  }

  private write(frame: string): void {
    this.session.send(frame)
    if (this.session.isOver()) {
      this.end(DisconnectReason.SlowConsumer.make({
        frames: this.session.state.sent - this.session.state.acknowledged,
        bytes: this.session.state.keptLength
      }))
    }
  }

  /** Sends an event, unless the connection is about to end. */
  sendEvent(frame: string): void {
    if (!this.isEnded) this.send(frame)
  }

  /** Decides the end; the first reason counts. What follows is the lifecycle's. */
  end(reason: DisconnectReason.DisconnectReason): boolean {
    if (this.isEnded) return false
    if (this.record !== undefined && !EndCode.isParting(reason)) this.change({ ended: reason })
    // Who waits for the end goes on within the next line: a beginning that is still under way sees to the end itself.
    const { hasBegun } = this
    Deferred.doneUnsafe(this.ended, Exit.succeed(reason))
    if (hasBegun) this.onEnd(this)
    return true
  }

  /** Changes what is stored, together with what the current turn changes. */
  change(change: Partial<Part>): void {
    if (this.record === undefined) return
    this.record.change(change)
    this.commits?.putRecord(this.record)
  }

  /** Any frame on the new socket shows that the client has the new token: the one before is worthless, also when stored. */
  confirm(): void {
    this.confirmed = true
    if (this.record !== undefined) this.record.isRecovered = false
    if (this.previousToken === undefined) return
    this.previousToken = undefined
    this.change({})
  }

  /**
   * The last frame: why, and how much was taken in. Closes the socket. Completes when the frame has left, or cannot any
   * more.
   */
  sayGoodbye(reason: DisconnectReason.DisconnectReason): Effect.Effect<void> {
    this.closed = true
    let left: Effect.Effect<void> = Effect.void
    const leave = () => {
      const socket = this.session.socket
      this.session.socket = undefined
      if (socket === undefined) return
      dismiss(socket, reason, this.session.state.received)
      left = socket.done
    }
    if (this.commits === undefined) {
      leave()
      return left
    }
    this.commits.emit(leave, () => this.drop())
    return Effect.flatMap(this.commits.settled, () => left)
  }

  /** Has what is stored removed, together with what the current turn changes. */
  forget(): void {
    if (this.record === undefined || this.record.isRemoved) return
    this.record.isRemoved = true
    this.commits?.removeRecord(this.id)
  }

  /** Drops the socket without a word: the client comes back. */
  drop(): void {
    const socket = this.session.socket
    this.session.socket = undefined
    this.closed = true
    socket?.end(EndCode.restarting, "the actor starts again from what is stored")
  }

  /** Calls that the client waits for. */
  get callsInFlight(): number {
    return this.calls.size - this.answered
  }

  /** Answers a call whose handler goes on. */
  answer(call: ServerCall): void {
    call.answered = true
    this.answered++
    call.onSettled?.()
  }

  /** Forgets a call. */
  settle(call: ServerCall): void {
    call.onSettled?.()
    if (this.calls.delete(call.id) && call.answered) this.answered--
    if (this.calls.size === 0) this.home.callers?.rest()
    if (this.calls.size === 0 && this.quiet !== undefined) Deferred.doneUnsafe(this.quiet, Exit.void)
  }

  /** Completes when no call is left. */
  get awaitQuiet(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.calls.size === 0) return Effect.void
      this.quiet ??= Deferred.makeUnsafe()
      return Deferred.await(this.quiet)
    })
  }
}

/**
 * Ends a socket with a `bye`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const dismiss = (socket: Outgoing, reason: DisconnectReason.DisconnectReason, received: number): void => {
  socket.push(Frame.encodeBye(reason, received))
  socket.end(EndCode.codes[reason._tag], DisconnectReason.describe(reason))
}
