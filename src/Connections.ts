/**
 * The connections of an actor instance: the list, its changes, and broadcasts.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { type Connection, ConnectionId, type Events, type PayloadArgs } from "./Connection.ts"
import type { DisconnectReason } from "./DisconnectReason.ts"

/**
 * The actor has no connection of this id, or has it no more.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionNotFound extends Schema.TaggedError<ConnectionNotFound>(
  "~effect-tether/Connections/ConnectionNotFound"
)("ConnectionNotFound", {
  id: ConnectionId
}) {
  override get message() {
    return `The actor has no connection ${JSON.stringify(this.id)}: it has ended, or is one of another instance.`
  }
}

/**
 * One change of the connection list.
 *
 * **Details**
 *
 * A connection begins with `Connected` and ends with `Disconnected`; between them it may be `Suspended` and `Resumed`
 * in turn, and `Updated` by `updateState`.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionChange<CS, Es extends Events> =
  | {
    readonly _tag: "Connected" | "Suspended" | "Resumed" | "Updated"
    readonly connection: Connection<CS, Es>
  }
  | {
    readonly _tag: "Disconnected"
    readonly connection: Connection<CS, Es>
    readonly reason: DisconnectReason
  }

/**
 * Whom a broadcast leaves out.
 *
 * @category models
 * @since 0.1.0
 */
export interface BroadcastOptions {
  /** The connections that do not get the event, for example the sender's own. Default: none. */
  readonly except?: Iterable<ConnectionId> | undefined
}

/**
 * The connections of one actor instance, as the service `Actor.Connections`.
 *
 * **Details**
 *
 * A connection is in the list from its admission until its end, also while it is suspended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connections<CS, Es extends Events> {
  /** The connection of this id. */
  readonly get: (id: ConnectionId) => Effect.Effect<Connection<CS, Es>, ConnectionNotFound>
  /** All connections of now, by id, in the order in which they came; a snapshot that does not change later. */
  readonly all: Effect.Effect<ReadonlyMap<ConnectionId, Connection<CS, Es>>>
  /**
   * Sends an event to every connection that is subscribed to it.
   *
   * The payload is encoded once. Waits for nobody: a client that reads too slowly is ended with `SlowConsumer` and delays
   * no other.
   */
  readonly broadcast: <K extends keyof Es & string>(
    event: K,
    ...args: [...PayloadArgs<Es, K>, options?: BroadcastOptions]
  ) => Effect.Effect<void>
  /**
   * The changes of the list from the moment on in which the stream is run. It ends when the actor stops. A reader that is
   * 4,096 changes behind misses the oldest.
   */
  readonly changes: Stream.Stream<ConnectionChange<CS, Es>>
}
