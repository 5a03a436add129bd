/**
 * A session on its sockets: counts, keeps, acknowledges and replays data
 * frames. Both ends use it; what the frames mean is not its business.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { SocketError } from "effect/socket/Socket"
import * as Frame from "./Frame.ts"
import { Gate } from "./Gate.ts"
import type { Activity } from "./Heartbeat.ts"
import type { Link } from "./Link.ts"
import * as Outgoing from "./Outgoing.ts"
import { ProtocolViolation } from "./ProtocolViolation.ts"
import * as SessionState from "./SessionState.ts"

/**
 * How many frames, and how many bytes of them, an end keeps unacknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly frames: number
  readonly bytes: number
}

/**
 * One end of a session and the socket that it is attached to, if any.
 *
 * @category models
 * @since 0.1.0
 */
export class Session {
  state = SessionState.make()
  bounds: Bounds
  /** The socket in use; its identity is the session's generation. */
  socket: Outgoing.Outgoing | undefined
  /** Open while there is room for frames that may wait, as chunks of a stream. */
  readonly room = new Gate()
  /** Whether the next message carries an acknowledgement, however small. */
  ackDue = false

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  /** Counts a data frame as sent and writes it if a socket is attached. */
  send(frame: string): void {
    SessionState.send(this.state, frame)
    if (!this.hasRoom()) this.room.close()
    this.socket?.push(frame)
  }

  /** Frames taken in since the last acknowledgement. */
  get unreported(): number {
    return this.state.received - this.state.reported
  }

  /**
   * Whether a frame of this length that may wait should be sent now: an eighth of the bound is kept for those that may
   * not. One that is larger than all the room there is goes alone.
   */
  hasRoom(length = 0): boolean {
    const bounds = { frames: this.bounds.frames * 7 / 8, bytes: this.bounds.bytes * 7 / 8 - length }
    return SessionState.hasRoom(this.state, bounds)
      || (length > 0 && SessionState.unacknowledged(this.state) === 0 && this.bounds.frames > 0)
  }

  /** Whether more waits for acknowledgement than the bounds allow. */
  isOver(): boolean {
    return SessionState.isOver(this.state, this.bounds)
  }

  /** Starts anew: nothing sent, nothing received. */
  reset(): void {
    this.state = SessionState.make()
    this.room.open()
  }

  /** Takes in an acknowledgement; `false` for one of frames that were never sent. */
  acknowledge(count: number): boolean {
    const known = SessionState.acknowledge(this.state, count)
    this.makeRoom()
    return known
  }

  /** Whether the frames after what the peer has taken in are all kept. */
  canResume(received: number): boolean {
    return SessionState.canResume(this.state, received)
  }

  /** The frames after what the peer has taken in; `undefined` if they are not whole. */
  resume(received: number): ReadonlyArray<string> | undefined {
    return SessionState.resume(this.state, received)
  }

  /**
   * Lets those go on who wait for room, if there is some. They send at once: what was to be sent before them, the tail
   * of a resumed session above all, must have been handed to the socket.
   */
  makeRoom(): void {
    if (this.hasRoom()) this.room.open()
  }

  /** Leaves the socket, unless another one was attached meanwhile. */
  detach(socket: Outgoing.Outgoing): boolean {
    if (this.socket !== socket) return false
    this.socket = undefined
    return true
  }
}

/**
 * An acknowledgement is written after `ackEvery` frames, after the delay in
 * milliseconds, or with a message that leaves anyway if it is for `ackRides`
 * frames at least: to acknowledge every call by itself would cost as much as
 * the calls.
 */
const ackEvery = 32
const ackRides = 8
const ackDelay = 250

/**
 * Starts the writer of a socket; acknowledgements of the session that is
 * attached to it ride on every message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeOutgoing: (
  link: Link,
  options: {
    readonly maxBatchBytes: () => number
    readonly session: () => Session | undefined
    readonly onEnd?: Effect.Effect<void> | undefined
  }
) => Effect.Effect<Outgoing.Outgoing, never, Scope.Scope> = Effect.fnUntraced(function*(link, options) {
  const outgoing: Outgoing.Outgoing = yield* Outgoing.make(link, {
    maxBatchBytes: options.maxBatchBytes,
    onEnd: options.onEnd,
    beforeWrite: () => {
      const session = options.session()
      if (session === undefined || session.socket !== outgoing) return undefined
      if (!session.ackDue && session.unreported < ackRides) return undefined
      session.ackDue = false
      const count = SessionState.report(session.state)
      return count === undefined ? undefined : Frame.encode(["ack", count])
    }
  })
  return outgoing
})

/**
 * Reads a socket until it ends: answers pings, takes in acknowledgements,
 * counts data frames and hands the rest on. Frames of a socket that the
 * session has left are ignored.
 *
 * @category combinators
 * @since 0.1.0
 */
export const receive = <F extends Frame.ClientFrame | Frame.ServerFrame, E = never>(options: {
  readonly link: Link
  readonly outgoing: Outgoing.Outgoing
  readonly activity: Activity
  readonly decode: (message: string) => Exit.Exit<ReadonlyArray<F>, Schema.SchemaError | ProtocolViolation>
  /** The session that is attached to this socket, once there is one. */
  readonly session: () => Session | undefined
  /** Runs after an acknowledgement: there may be room again. */
  readonly onAck?: Effect.Effect<void> | undefined
  /** Acts on a frame; returns an effect only where something is left to do. */
  readonly onFrame: (
    frame: Exclude<F, readonly ["ack" | "ping" | "pong", ...ReadonlyArray<any>]>
  ) => Effect.Effect<void, ProtocolViolation | E> | undefined
}): Effect.Effect<never, SocketError | ProtocolViolation | E, Scope.Scope> =>
  Effect.flatMap(Effect.context<Scope.Scope>(), (context) => {
    const { activity, link, outgoing } = options
    // What was sent before the messages came that are being read: nobody can have had more of it.
    let acknowledgeable = Infinity
    const acks = makeAckTimer(outgoing, context)

    const onFrame = (frame: F): Effect.Effect<void, ProtocolViolation | E> | undefined => {
      const session = options.session()
      switch (frame[0]) {
        case "pong":
          return undefined
        case "ping":
          return void outgoing.pushOnce(Frame.encode(["pong"]))
        case "ack":
          if (session?.socket !== outgoing) return undefined
          return frame[1] <= acknowledgeable && session.acknowledge(frame[1])
            ? options.onAck
            : violation(`frame ${frame[1]} was acknowledged and never sent`)
        default: {
          if (session !== undefined && session.socket !== outgoing) return undefined
          if (!Frame.isData(frame)) return options.onFrame(frame as never)
          if (session === undefined) return violation(`a ${frame[0]} frame came before the handshake was over`)
          SessionState.receive(session.state)
          acks(session)
          return options.onFrame(frame as never)
        }
      }
    }
    const relieve = () => outgoing.relieve()
    const onMessage = (message: string) => {
      const frames = options.decode(message)
      return Exit.isSuccess(frames) ? inOrder(frames.value, onFrame, relieve) : notFrames(frames)
    }

    const next = Effect.flatMap(link.pull, (messages) => {
      activity.mark()
      acknowledgeable = options.session()?.state.sent ?? Infinity
      // What is answered at once leaves as one message, without a turn of the scheduler.
      return outgoing.batch(() => inOrder(messages, onMessage, nothing)) ?? Effect.void
    })
    return Effect.forever(next, { disableYield: true })
  })

const nothing = () => {}

/** So many frames are acted on before others have a turn. */
const turn = 1_024

/** Acts on items one after the other, at once where that can be. */
const inOrder = <A, E>(
  items: ReadonlyArray<A>,
  act: (item: A) => Effect.Effect<void, E> | undefined,
  after: () => void,
  from = 0
): Effect.Effect<void, E> | undefined => {
  const rest = (next: number) => Effect.suspend(() => inOrder(items, act, after, next) ?? Effect.void)
  const until = Math.min(items.length, from + turn)
  for (let i = from; i < until; i++) {
    const effect = act(items[i]!)
    if (effect !== undefined) return Effect.andThen(effect, rest(i + 1))
    after()
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

const makeAckTimer = (outgoing: Outgoing.Outgoing, context: Context.Context<Scope.Scope>) => {
  let waiting = false
  const later = (session: Session) =>
    Effect.delay(
      Effect.sync(() => {
        waiting = false
        session.ackDue = true
        outgoing.nudge()
      }),
      ackDelay
    )
  return (session: Session): void => {
    if (session.unreported >= ackEvery) outgoing.nudge()
    if (waiting) return
    waiting = true
    Fiber.runIn(Effect.runForkWith(context)(later(session)), Context.get(context, Scope.Scope))
  }
}
