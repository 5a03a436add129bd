/**
 * Who watches a client. The code of metrics and spans comes with the one who brings it, so that a page which shows them to
 * nobody does not load it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as Socket from "effect/socket/Socket"
import { describe, DisconnectReason } from "../DisconnectReason.ts"
import type { ClientTelemetry } from "./ClientTelemetry.ts"

/**
 * Makes what is told everything that happens to a client of an actor under a key, in the context of its `connect`, or
 * says that nobody looks.
 *
 * @category models
 * @since 0.1.0
 */
export type Observe = (actor: string, key: string, context: Context.Context<never>) => ClientTelemetry | undefined

/**
 * Who watches the clients of those layers that bring nobody.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentObserver = Context.Reference<Observe | undefined>(
  "effect-tether/client/Observing/CurrentObserver",
  {
    defaultValue: () => undefined
  }
)

/**
 * Why a client is away, in words for the log. What the app's own params failed with is not for it: it may hold a token.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeLoss = (cause: unknown): string => {
  if (!Socket.isSocketError(cause)) return isReason(cause) ? describe(cause) : "its params could not be made"
  return cause.reason._tag === "SocketCloseError" ? `the socket closed with ${cause.message}` : cause.message
}

const isReason = Schema.is(DisconnectReason)
