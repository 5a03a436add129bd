/**
 * Clients of actors in the same process, over sockets in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as Scope from "effect/Scope"
import * as ClientTelemetry from "../client/ClientTelemetry.ts"
import * as SocketClient from "../client/SocketClient.ts"
import * as MemoryNetwork from "../testing/MemoryNetwork.ts"
import type { ActorClient } from "./actorClient.ts"
import { ActorHost } from "./actorHost.ts"

/**
 * Joins clients to the host in the context by a network in memory, in the
 * current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  { readonly network: MemoryNetwork.MemoryNetwork; readonly client: ActorClient["Service"] },
  never,
  ActorHost | Scope.Scope
> = Effect.gen(function*() {
  const host = yield* ActorHost
  const network = yield* MemoryNetwork.make()
  yield* network.accept((socket) => host.accept(socket, { headers: Headers.empty }))
  return { network, client: yield* SocketClient.withSignals(network.dial, ClientTelemetry.make) }
})
