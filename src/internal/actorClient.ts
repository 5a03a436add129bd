/**
 * The service by which clients reach actors. Only its tag, so that a contract imports no client code.
 *
 * @since 0.1.0
 */
// The tag is public as `ActorClient.ts`: its key is that file's, not this one's.
// @effect-diagnostics deterministicKeys:off
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AnyActor, AnyClient, AnyConnectOptions } from "./definition.ts"

/**
 * How clients reach actors: over a WebSocket, in the same process, or through a test network.
 *
 * @category services
 * @since 0.1.0
 */
export class ActorClient extends Context.Service<ActorClient, {
  /** Makes a client of the actor under `key` at once and lets it dial; it leaves when the scope closes. */
  readonly connect: (
    actor: AnyActor,
    key: string,
    options: AnyConnectOptions
  ) => Effect.Effect<AnyClient, never, Scope.Scope>
}>()("effect-tether/ActorClient") {}
