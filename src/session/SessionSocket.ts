/**
 * One socket of a session: reads its frames, answers pings, acknowledges, and
 * ends it when the peer falls silent. Both ends use it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { SocketError } from "effect/socket/Socket"
import type { Deadline, Waiter } from "./Deadlines.ts"
import type { Engine } from "./Engine.ts"
import * as Frame from "./Frame.ts"
import { Heartbeat, type Watched } from "./Heartbeat.ts"
import type { Link } from "./Link.ts"
import { Outgoing, type Owner } from "./Outgoing.ts"
import { ProtocolViolation } from "./ProtocolViolation.ts"
import type { Session } from "./Session.ts"
import * as SessionState from "./SessionState.ts"

/**
 * What is left to do after a frame or a message; `undefined` where all of it is done.
 *
 * @category models
 * @since 0.1.0
 */
export type Rest<E> = Effect.Effect<void, ProtocolViolation | E> | undefined

/**
 * The frames that the session has no use for itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Handed<F> = Exclude<F, readonly ["ack" | "ping" | "pong", ...ReadonlyArray<any>]>

/**
 * What a socket works for: it knows what the frames mean.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler<F extends Frame.ClientFrame | Frame.ServerFrame, E> {
  /** The next messages, where they are not to be read as fast as they come. */
  readonly pull?: Link["pull"] | undefined
  readonly decode: (message: string) => Exit.Exit<ReadonlyArray<F>, Schema.SchemaError | ProtocolViolation>
  readonly maxBatchBytes: () => number
  /** Acts on a frame. */
  readonly onFrame: (frame: Handed<F>) => Rest<E>
  /** Anything has come in. */
  readonly onMessage?: () => void
  /** An acknowledgement has come in: there may be room again. */
  readonly onAck?: () => Rest<E>
  /** The peer has been silent for too long. */
  readonly onSilence: () => void
}

/**
 * An acknowledgement is written after `ackEvery` frames or messages of
 * `ackLength` together, but at least after each part of what the peer may keep;
 * after the delay in milliseconds; or with a message that leaves anyway if it is
 * for `ackRides` frames at least or the first one in that time. To acknowledge
 * every call or event by itself would cost as much as they do.
 */
const ackEvery = 128
const ackLength = 65_536
const ackPart = 1 / 8
const ackRides = 8
const ackDelay = 1_000

const ping = Frame.encode(["ping"])
const pong = Frame.encode(["pong"])

/**
 * A socket that has not taken up a session yet, or has.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionSocket<F extends Frame.ClientFrame | Frame.ServerFrame, E = never>
  implements Owner, Watched, Waiter
{
  readonly outgoing: Outgoing
  private readonly heartbeat: Heartbeat
  private readonly link: Link
  private readonly engine: Engine
  private readonly handler: Handler<F, E>
  private session: Session | undefined
  private ackDeadline: Deadline | undefined
  /** What was sent before the messages came that are being read: nobody can have had more of it. */
  private acknowledgeable = Infinity
  /** When the last acknowledgement was written, in monotonic microseconds. */
  private reportedAt = -Infinity
  /** Length of the messages since then, in UTF-16 code units. */
  private unreportedLength = 0

  constructor(link: Link, engine: Engine, handler: Handler<F, E>) {
    this.link = link
    this.engine = engine
    this.handler = handler
    this.outgoing = new Outgoing(link, engine, this)
    this.heartbeat = new Heartbeat(engine.deadlines, this)
  }

  /** Takes up a session: its frames are those of this socket from now on. */
  attach(session: Session): void {
    this.session = session
    session.socket = this.outgoing
  }

  /** Whether this socket has taken up a session that no other one has taken up since. */
  get isAttached(): boolean {
    return this.session !== undefined && this.session.socket === this.outgoing
  }

  /** Watches over the peer from now on. */
  watch(timing: Frame.HeartbeatTiming): void {
    this.heartbeat.start(timing)
  }

  /** Notes a sign of life of this end's own making: who does not read must not hold the silence against the peer. */
  stillHere(): void {
    this.heartbeat.mark()
    this.outgoing.pushOnce(ping)
  }

  /** Asks the peer for a sign of life now. */
  wake(): void {
    this.heartbeat.wake()
  }

  /** The socket has ended: nothing is written or awaited any more. */
  release(): void {
    this.heartbeat.stop()
    this.engine.deadlines.cancel(this.ackDeadline)
    this.outgoing.stop()
  }

  /**
   * Reads the socket until it ends: answers pings, takes in acknowledgements, counts data frames and hands the rest on.
   * Frames of a socket that the session has left are ignored.
   */
  get read(): Effect.Effect<never, SocketError | ProtocolViolation | E> {
    const next = Effect.flatMap(this.handler.pull ?? this.link.pull, (messages) => {
      const now = this.heartbeat.mark()
      this.acknowledgeable = this.session?.state.sent ?? Infinity
      this.handler.onMessage?.()
      // What is answered at once leaves as one message, without a turn of the scheduler.
      return this.outgoing.batch(now, () => inOrder(messages, (message) => this.onMessage(message))) ?? Effect.void
    })
    return Effect.forever(next, { disableYield: true })
  }

  private onMessage(message: string): Rest<E> {
    this.unreportedLength += message.length
    const frames = this.handler.decode(message)
    return Exit.isSuccess(frames)
      ? inOrder(frames.value, (frame) => this.onFrame(frame), () => this.outgoing.relieve())
      : notFrames(frames)
  }

  private onFrame(frame: F): Rest<E> {
    const { session } = this
    switch (frame[0]) {
      case "pong":
        return undefined
      case "ping":
        return void this.outgoing.pushOnce(pong)
      case "ack":
        if (!this.isAttached) return undefined
        return frame[1] <= this.acknowledgeable && session!.acknowledge(frame[1])
          ? this.handler.onAck?.()
          : violation(`frame ${frame[1]} was acknowledged and never sent`)
      default:
        if (session !== undefined && !this.isAttached) return undefined
        if (!Frame.isData(frame)) return this.handler.onFrame(frame as Handed<F>)
        if (session === undefined) return violation(`a ${frame[0]} frame came before the handshake was over`)
        SessionState.receive(session.state)
        this.acknowledge(session)
        return this.handler.onFrame(frame as Handed<F>)
    }
  }

  /** Sees to it that what was taken in will be acknowledged. */
  private acknowledge(session: Session): void {
    const { bytes, frames } = session.bounds
    session.ackDue ||= session.unreported >= Math.min(ackEvery, frames * ackPart) ||
      this.unreportedLength >= Math.min(ackLength, bytes * ackPart)
    if (session.ackDue) this.outgoing.nudge()
    this.ackDeadline ??= this.engine.deadlines.set(ackDelay, this)
  }

  /** It is time for an acknowledgement, however small. */
  onDeadline(): void {
    this.ackDeadline = undefined
    if (this.session === undefined || this.session.unreported === 0) return
    this.session.ackDue = true
    this.outgoing.nudge()
  }

  ping(): void {
    this.outgoing.push(ping)
  }

  onSilence(): void {
    this.handler.onSilence()
  }

  maxBatchBytes(): number {
    return this.handler.maxBatchBytes()
  }

  beforeWrite(): string | undefined {
    const { session } = this
    if (session === undefined || !this.isAttached) return undefined
    const isRecent = this.heartbeat.lastHeard - this.reportedAt < ackDelay * 1000
    if (!session.ackDue && session.unreported < ackRides && isRecent) return undefined
    session.ackDue = false
    const count = SessionState.report(session.state)
    if (count === undefined) return undefined
    this.reportedAt = this.heartbeat.lastHeard
    this.unreportedLength = 0
    return Frame.encode(["ack", count])
  }

  onEnd(): void {
    this.engine.fork(this.link.abort)
  }
}

/** So many frames are acted on before others have a turn. */
const turn = 1_024

/** Acts on items one after the other, at once where that can be. */
const inOrder = <A, E>(items: ReadonlyArray<A>, act: (item: A) => Rest<E>, after?: () => void, from = 0): Rest<E> => {
  const rest = (next: number) => Effect.suspend(() => inOrder(items, act, after, next) ?? Effect.void)
  const until = Math.min(items.length, from + turn)
  for (let i = from; i < until; i++) {
    const effect = act(items[i]!)
    if (effect !== undefined) return Effect.andThen(effect, rest(i + 1))
    after?.()
  }
  return until < items.length ? Effect.andThen(Effect.yieldNow, rest(until)) : undefined
}

const violation = (message: string) => Effect.fail(new ProtocolViolation({ message }))

const notFrames = (
  exit: Exit.Exit<unknown, Schema.SchemaError | ProtocolViolation>
): Effect.Effect<never, ProtocolViolation> =>
  Option.match(Exit.findErrorOption(exit), {
    onNone: () => unknownFrames,
    onSome: (error) => error._tag === "ProtocolViolation" ? Effect.fail(error) : unknownFrames
  })

const unknownFrames = violation("a message is not an array of the frames that the protocol knows")
