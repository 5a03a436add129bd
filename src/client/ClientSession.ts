/**
 * What a client keeps from one socket to the next.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { ConnectionId } from "../Connection.ts"
import type { Gap } from "../ConnectionStatus.ts"
import type { DisconnectReason } from "../DisconnectReason.ts"
import type * as Frame from "../session/Frame.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import { Session } from "../session/Session.ts"

/** A socket that can take up a session. */
interface Attachable {
  readonly attach: (session: Session) => void
}

/**
 * The client's end of its session.
 *
 * @category models
 * @since 0.1.0
 */
export class ClientSession {
  readonly session = new Session({ frames: 0, bytes: 0 })
  /** What the server said in the welcome of the session; `undefined` without one. */
  welcome: Frame.Welcome | undefined
  /** What the server allowed when it was last heard of. */
  limits: Frame.Limits | undefined
  /** The connection that was last had, to tell of a gap. */
  previous: ConnectionId | undefined
  /** Why the server ended the last session, if it said so. */
  endedBy: DisconnectReason | undefined
  /** Dials since the client was last connected. */
  attempt = 0
  /** The socket that is open, attached or not yet. */
  socket: Outgoing | undefined
  /** When the last socket that was attached ended, in monotonic nanoseconds. */
  awaySince: bigint | undefined
  private attach = 0

  /** The longest wait between dials while the session can be resumed: a sixth of its window. */
  longestWait(now: bigint): Duration.Duration | undefined {
    if (this.welcome === undefined || this.awaySince === undefined) return undefined
    const window = Duration.millis(this.welcome.resumeWindow)
    return Duration.isLessThan(Duration.nanos(now - this.awaySince), window)
      ? Duration.divideUnsafe(window, 6)
      : undefined
  }

  /** Whether a call may leave now. */
  get hasRoom(): boolean {
    return this.session.socket !== undefined && this.session.hasRoom()
  }

  /** `unanswered` are the calls that are made again if the actor has begun a new epoch. */
  hello(
    options: Pick<Frame.Hello, "protocol" | "actor" | "key" | "params" | "subscriptions" | "trace">,
    unanswered: () => ReadonlyArray<number>
  ): Frame.Hello {
    const hello = { ...options, attach: ++this.attach }
    return this.welcome === undefined ? hello : {
      ...hello,
      resume: {
        connection: this.welcome.connection,
        token: this.welcome.token,
        epoch: this.welcome.epoch,
        received: this.session.state.received,
        ...(this.welcome.durable === undefined ? {} : { calls: unanswered() })
      }
    }
  }

  /**
   * Takes the session up on a socket, or starts a fresh one, as the server
   * says: a connection that goes on in a new epoch has a fresh one as well.
   * Returns the frames to send again; `undefined` if the server's counts are
   * not of this session.
   */
  attachTo(socket: Attachable, welcome: Frame.Welcome): ReadonlyArray<string> | undefined {
    let tail: ReadonlyArray<string> | undefined = []
    if (welcome.resumed && this.welcome?.connection !== welcome.connection) return undefined
    if (welcome.resumed && this.welcome?.epoch === welcome.epoch) {
      tail = this.session.resume(welcome.received)
      if (tail === undefined) return undefined
    } else {
      this.session.reset()
    }
    this.welcome = welcome
    this.limits = welcome.limits
    this.session.bounds = { frames: welcome.limits.bufferFrames, bytes: welcome.limits.bufferBytes }
    socket.attach(this.session)
    this.previous = ConnectionId.make(welcome.connection)
    this.attempt = 0
    return tail
  }

  /** The session is gone; the next dial starts a fresh one. */
  forget(reason: DisconnectReason): void {
    this.welcome = undefined
    this.endedBy = reason
  }

  /** What a fresh connection in the place of an earlier one means for the events. */
  takeGap(previous: ConnectionId, current: ConnectionId): Gap {
    const cause = previous === current
      ? "ActorRestarted"
      : this.endedBy?._tag === "SlowConsumer"
      ? "BufferLost"
      : "SessionLost"
    this.endedBy = undefined
    return { previous, current, cause, missed: Option.none() }
  }
}
