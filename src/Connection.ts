/**
 * What an actor sees of a connected client: an identity with state, which can be sent events and be ended.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * Schema of the identity of a connection.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConnectionId = Schema.String.pipe(Schema.brand("ConnectionId"))

/**
 * Identity of a connection: an opaque string that cannot be guessed and is never used twice.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionId = typeof ConnectionId.Type

/**
 * How a contract gives a schema: as a schema, or as the fields of a struct.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Schema.Top | Schema.Struct.Fields

/**
 * The events of an actor: the schema of the payload by the name of the event.
 *
 * @category models
 * @since 0.1.0
 */
export type Events = { readonly [name: string]: Fields }

/**
 * The schema that `Fields` stand for: themselves, or the struct of them.
 *
 * @category utility types
 * @since 0.1.0
 */
export type AsSchema<S> = S extends Schema.Top ? S : S extends Schema.Struct.Fields ? Schema.Struct<S> : never

/**
 * The payload of the event `K`, as it is sent and received.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Payload<Es extends Events, K extends keyof Es> = AsSchema<Es[K]>["Type"]

/**
 * The payload of the event `K` as an argument list: it may be left out where the schema is `Schema.Void`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type PayloadArgs<Es extends Events, K extends keyof Es> = [Payload<Es, K>] extends [void]
  ? [payload?: Payload<Es, K>]
  : [payload: Payload<Es, K>]

/**
 * Why the actor ends a connection: a text for the client, and the time after which it may come back.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectOptions {
  /** Reaches the client as the `reason` of `Kicked`. Default: none. */
  readonly reason?: string | undefined
  /** The client dials again after this time and not earlier. Default: it does not dial again. */
  readonly retryAfter?: Duration.Input | undefined
}

/**
 * A client's connection to one actor instance.
 *
 * **Details**
 *
 * It begins when `onBeforeConnect` has admitted the client and ends with `onDisconnect`. `state`, `status` and
 * `subscriptions` are read at the moment of access; after the end they keep their last value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection<CS, Es extends Events> {
  /** The identity of the connection. */
  readonly id: ConnectionId
  /** The current state; at first what `onBeforeConnect` returned. */
  readonly state: CS
  /** `Connected` while a socket is attached, `Suspended` while the client is away and may still come back. */
  readonly status: "Connected" | "Suspended"
  /** The names of the events that the client is subscribed to. */
  readonly subscriptions: ReadonlySet<keyof Es & string>
  /** Changes the state at once and returns the new one; the change is announced by `Connections.changes`. */
  readonly updateState: (f: (state: CS) => CS) => Effect.Effect<CS>
  /**
   * Sends an event to this client alone, whether or not it is subscribed to it.
   *
   * Waits for nobody: the event is put behind what was sent before. It is dropped where the connection has ended, or at
   * the client if nobody consumes it there. A client that reads too slowly is ended with `SlowConsumer`.
   */
  readonly send: <K extends keyof Es & string>(event: K, ...payload: PayloadArgs<Es, K>) => Effect.Effect<void>
  /**
   * Ends the connection, with a reason for the client.
   *
   * Waits for nobody, and does nothing to a connection that has ended. A handler that ends its own connection finishes,
   * and its reply is sent before the end.
   */
  readonly disconnect: (options?: string | DisconnectOptions) => Effect.Effect<void>
}
