/**
 * What an actor does when a client comes and goes, as the service `Actor.Hooks`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as Scope from "effect/Scope"
import type { Connection, Events } from "./Connection.ts"
import type { DisconnectReason } from "./DisconnectReason.ts"
import type { Id } from "./internal/ids.ts"

/**
 * What a client brings when it asks to be admitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectRequest<Params> {
  /** The decoded connection parameters. */
  readonly params: Params
  /** The headers of the request by which the socket was opened; empty where the transport has none. */
  readonly headers: Headers.Headers
}

/**
 * The hooks of an actor's connections.
 *
 * **Details**
 *
 * They run inside the actor instance, so they may use its `State`, `Connections` and `CurrentKey`. `onBeforeConnect` and
 * `onResume` run beside handlers; the other hooks take turns with them. The hooks of one connection run one at a time.
 *
 * Each hook has a time limit, `hookTimeout` of the host (default: 10 seconds). A hook that runs past it or dies is logged, and its client sees `InternalError` and nothing
 * of the defect; neither the actor nor its other connections notice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hooks<Name, Params, CS, Rejection, Es extends Events> {
  /**
   * Admits a client with the connection's first state, or refuses it with the typed rejection.
   *
   * While it runs the connection is not in the list. A client that it refuses causes no other hook. It is interrupted if
   * the client goes away meanwhile.
   */
  readonly onBeforeConnect: (request: ConnectRequest<Params>) => Effect.Effect<CS, Rejection, Id.Inside<Name>>
  /**
   * Greets a connection that is in the list by now. No call of the connection runs before this hook has succeeded.
   *
   * It has the connection's scope, which closes before `onDisconnect`: what it forks or acquires lives as long as the
   * connection. Events that it sends reach the clients that subscribed to them at connect time.
   */
  readonly onConnect?: (
    connection: Connection<CS, Es>
  ) => Effect.Effect<void, never, Id.Inside<Name> | Scope.Scope>
  /** The socket is gone; the connection may still come back. Between two of these lies a successful attach. */
  readonly onSuspend?: (connection: Connection<CS, Es>) => Effect.Effect<void, never, Id.Inside<Name>>
  /**
   * The client is back with fresh parameters, and may be refused; must refuse the parameters of another user.
   *
   * Default: `onBeforeConnect` is asked again; its refusal counts, its state is discarded.
   */
  readonly onResume?: (
    connection: Connection<CS, Es>,
    request: ConnectRequest<Params>
  ) => Effect.Effect<void, Rejection, Id.Inside<Name>>
  /**
   * The connection has ended and is off the list. Runs exactly once for every client that `onBeforeConnect` admitted, also
   * if it went away inside `onConnect`; no other hook of the connection runs after it. After a crash of the process it
   * runs at the next start of a durable actor, again if it had not ended, and not at all for an actor in memory.
   */
  readonly onDisconnect?: (
    connection: Connection<CS, Es>,
    reason: DisconnectReason
  ) => Effect.Effect<void, never, Id.Inside<Name>>
}
