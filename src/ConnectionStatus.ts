/**
 * Where a client stands: connecting, connected, waiting for the next dial, or done.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type { ConnectionId } from "./Connection.ts"
import type { DisconnectReason } from "./DisconnectReason.ts"

/**
 * The client is dialling, or waits for the actor to admit it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connecting {
  readonly _tag: "Connecting"
  /** Which dial this is since the client was last connected; the first one is 0. */
  readonly attempt: number
}

/**
 * The actor has admitted the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connected {
  readonly _tag: "Connected"
  /** The identity of the connection. */
  readonly id: ConnectionId
  /** Whether the client took up the connection that it had before, rather than a fresh one. */
  readonly resumed: boolean
  /** What was lost on the way here; also emitted by `gaps`. Absent if nothing was. */
  readonly gap?: Gap
}

/**
 * The client is away and dials again after a delay.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting {
  readonly _tag: "Waiting"
  /** Which dial the next one is since the client was last connected. */
  readonly attempt: number
  /** The time from the beginning of this status to the next dial; infinite while the platform suspends the client. */
  readonly delay: Duration.Duration
  /** Why the client is away, as `Reconnect.Lost` has it. */
  readonly cause: unknown
}

/**
 * The actor refused the client; the handle is done and does not dial again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected<out Rejection> {
  readonly _tag: "Rejected"
  readonly rejection: Rejection
}

/**
 * The connection ended for a terminal reason; the handle is done and does not dial again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Disconnected {
  readonly _tag: "Disconnected"
  readonly reason: DisconnectReason
}

/**
 * Where a client stands; match on `_tag`.
 *
 * **Details**
 *
 * It begins with `Connecting`. `Rejected` and `Disconnected` are final.
 *
 * @category models
 * @since 0.1.0
 */
export type Status<Rejection = never> = Connecting | Connected | Waiting | Rejected<Rejection> | Disconnected

interface StatusDefinition extends Data.TaggedEnum.WithGenerics<1> {
  readonly taggedEnum: Status<this["A"]>
}

/**
 * Makes each status from its fields; `$match` and `$is` tell them apart.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Status: Data.TaggedEnum.GenericConstructor<StatusDefinition> = Data.taggedEnum<StatusDefinition>()

/**
 * Tells whether a handle is done: it will not dial again.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFinal = <Rejection>(status: Status<Rejection>): status is Rejected<Rejection> | Disconnected =>
  status._tag === "Rejected" || status._tag === "Disconnected"

/**
 * Continuity was lost: what the app derived from events should be fetched again.
 *
 * **Details**
 *
 * Emitted once the subscriptions are in force on the new session, so that nothing is missed between it and a fetch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  /** The connection before the gap. */
  readonly previous: ConnectionId
  /** The connection after the gap. */
  readonly current: ConnectionId
  /**
   * `SessionLost`: the session could not be resumed. `BufferLost`: the server ended it, since more waited for the client
   * than it may hold. A session is never resumed in part.
   */
  readonly cause: "SessionLost" | "BufferLost"
  /** How many events were missed, where that is known: a host in memory does not know it. */
  readonly missed: Option.Option<number>
}
