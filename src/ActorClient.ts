/**
 * How clients reach their actors.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import * as SocketClient from "./client/SocketClient.ts"
import { ActorClient } from "./internal/actorClient.ts"
import type { ActorHost } from "./internal/actorHost.ts"
import * as InProcess from "./internal/inProcess.ts"
import * as Link from "./session/Link.ts"

export {
  /**
   * The service that `connect` of an actor's contract asks for.
   *
   * @category services
   * @since 0.1.0
   */
  ActorClient
} from "./internal/actorClient.ts"

/**
 * Clients that dial a server by WebSocket.
 *
 * **Details**
 *
 * In a browser use `BrowserClient.layer`. In Deno or Bun provide
 * `Socket.layerWebSocketConstructorGlobal`, on Node `NodeWS.layerWebSocketConstructor` (it stops reading from a server
 * that is too fast) or `NodeSocket.layerWebSocketConstructor`. The `url` is
 * that of the server's endpoint; what a client asks for travels inside.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocket = (options: {
  /** The endpoint, for example `wss://example.org/actors`; an Effect is evaluated at every dial. */
  readonly url: string | Effect.Effect<string>
}): Layer.Layer<ActorClient, never, Socket.WebSocketConstructor> =>
  Layer.effect(
    ActorClient,
    Effect.flatMap(
      Socket.WebSocketConstructor,
      (constructor) =>
        SocketClient.withSignals(
          Effect.provideService(Socket.makeWebSocket(options.url), Socket.WebSocketConstructor, constructor)
        )
    )
  )

/**
 * Clients that dial the current `Socket`: TCP, a pipe, a worker.
 *
 * **Gotchas**
 *
 * A `Socket` has one reader at a time, so that this layer serves one client.
 * The socket ends without close codes, which byte streams do not have.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocket: Layer.Layer<ActorClient, never, Socket.Socket> = Layer.effect(
  ActorClient,
  Effect.flatMap(Socket.Socket, (socket) => SocketClient.withSignals(Effect.succeed(Link.withoutCloseCodes(socket))))
)

/**
 * Clients of the actors in this process, over sockets in memory: tests,
 * server-side rendering, actors that are clients of others.
 *
 * **Details**
 *
 * Everything is as over a network, encoding included, except the network.
 * `TestNetwork.layer` is the same with faults.
 *
 * @category layers
 * @since 0.1.0
 */
// Marked as pure, so that bundlers leave the network in memory out of a browser's client.
export const layerInProcess: Layer.Layer<ActorClient, never, ActorHost> = /* @__PURE__ */ Layer.effect(
  ActorClient,
  /* @__PURE__ */ Effect.map(InProcess.make, ({ client }) => client)
)
