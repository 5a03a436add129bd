/**
 * The close codes of sockets, and what each one ends.
 *
 * @since 0.1.0
 */
import type * as DisconnectReason from "../DisconnectReason.ts"

/**
 * The code of a socket that ends with a `bye` of this reason.
 *
 * @category constants
 * @since 0.1.0
 */
export const codes: { readonly [K in DisconnectReason.DisconnectReason["_tag"]]: number } = {
  ClientLeft: 4000,
  Kicked: 4001,
  Refused: 4002,
  ProtocolError: 4003,
  InvalidParams: 4004,
  UnknownActor: 4005,
  InternalError: 4006,
  SlowConsumer: 4007,
  Draining: 4008,
  Displaced: 4009,
  Stale: 4010,
  Lost: 4011,
  ActorStopped: 4012
}

/**
 * The code of a socket whose `hello` was rejected by the actor.
 *
 * @category constants
 * @since 0.1.0
 */
export const rejected = 4013

/**
 * The code of a socket whose peer fell silent.
 *
 * @category constants
 * @since 0.1.0
 */
export const silent = 4014

/**
 * The code of a socket on which no `hello` came in time.
 *
 * @category constants
 * @since 0.1.0
 */
export const handshakeTimeout = 4015

/**
 * The code of a socket whose actor starts again from what is stored.
 *
 * @category constants
 * @since 0.1.0
 */
export const restarting = 4016

/**
 * The code of a socket whose node has lost the way to the actor, or leaves: another
 * socket takes the session up.
 *
 * @category constants
 * @since 0.1.0
 */
export const rerouted = 4017

/**
 * Whether a socket that ends for this reason leaves the session to be resumed
 * on another one. Before the socket was attached, an internal error or a full
 * actor concern only the attempt. A durable actor keeps its connections when it
 * stops.
 *
 * @category guards
 * @since 0.1.0
 */
export const keepsSession = (
  reason: DisconnectReason.DisconnectReason,
  { attached, durable }: { readonly attached: boolean; readonly durable: boolean }
): boolean =>
  reason._tag === "Displaced" || reason._tag === "Stale" ||
  (!attached && (reason._tag === "InternalError" || reason._tag === "Draining")) ||
  (durable && isParting(reason))

/**
 * Whether a connection goes on elsewhere, if its actor is durable, after an end
 * for this reason.
 *
 * @category guards
 * @since 0.1.0
 */
export const isParting = (reason: DisconnectReason.DisconnectReason): boolean =>
  reason._tag === "Draining" || reason._tag === "ActorStopped"
