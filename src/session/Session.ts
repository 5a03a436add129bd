/**
 * One end of a session and the socket that it is attached to: counts, keeps and
 * replays data frames. Both ends use it; what the frames mean is not its
 * business.
 *
 * @since 0.1.0
 */
import { Gate } from "./Gate.ts"
import type { Outgoing } from "./Outgoing.ts"
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
  socket: Outgoing | undefined
  private gate: Gate | undefined
  /** Whether the next message carries an acknowledgement, however small. */
  ackDue = false

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  /** Where those wait whose frames may wait, as chunks of a stream: who finds no room closes it, and what makes room opens it. */
  get room(): Gate {
    return this.gate ??= new Gate()
  }

  /** Counts a data frame as sent and writes it if a socket is attached. */
  send(frame: string): void {
    SessionState.send(this.state, frame)
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
    this.gate?.open()
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
    if (this.gate !== undefined && this.hasRoom()) this.gate.open()
  }

  /** Leaves the socket, unless another one was attached meanwhile. */
  detach(socket: Outgoing): boolean {
    if (this.socket !== socket) return false
    this.socket = undefined
    return true
  }
}
