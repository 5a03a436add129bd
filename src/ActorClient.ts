/**
 * How clients reach their actors.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import * as ClientConfig from "./client/ClientConfig.ts"
import * as ClientSettings from "./client/ClientSettings.ts"
import * as ClientTelemetry from "./client/ClientTelemetry.ts"
import { CurrentObserver } from "./client/Observing.ts"
import * as SocketClient from "./client/SocketClient.ts"
import { ActorClient } from "./internal/actorClient.ts"
import type { ActorHost } from "./internal/actorHost.ts"
import * as InProcess from "./internal/inProcess.ts"
import * as Link from "./session/Link.ts"
import * as ClientMetrics from "./telemetry/ClientMetrics.ts"

export {
  /**
   * The service that `connect` of an actor's contract asks for.
   *
   * @category services
   * @since 0.1.0
   */
  ActorClient
} from "./internal/actorClient.ts"

export type {
  /**
   * The options of `connect` that an app may set once for all its clients.
   *
   * @category models
   * @since 0.1.0
   */
  ConnectDefaults
} from "./client/ClientSettings.ts"

export {
  /**
   * Every option that clients may share as `Config`, under `tether.client`, named as in `Client.ConnectOptions`; what is
   * not set has its default.
   *
   * **Details**
   *
   * The reconnect schedule has the numbers `reconnect.floor`, `reconnect.base`, `reconnect.cap` and
   * `reconnect.resetAfter`, as in `Reconnect.defaults`.
   *
   * @category configuration
   * @since 0.1.0
   */
  config
} from "./client/ClientConfig.ts"

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
  Layer.effect(ActorClient, SocketClient.webSocket(options.url, ClientTelemetry.make))

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
  Effect.flatMap(
    Socket.Socket,
    (socket) => SocketClient.withSignals(Effect.succeed(Link.withoutCloseCodes(socket)), ClientTelemetry.make)
  )
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

/**
 * Lets the clients that are connected in its context count: the metrics `client*` of `Metrics`.
 *
 * **Details**
 *
 * A host always counts. A client does where this is provided, so that a page which shows its metrics to nobody does not
 * load their code.
 *
 * @category layers
 * @since 0.1.0
 */
// Marked as pure, as the next one, so that bundlers leave both out of a client that nobody watches.
export const layerMetrics: Layer.Layer<never> = /* @__PURE__ */ Layer.merge(
  /* @__PURE__ */ Layer.succeed(ClientTelemetry.CurrentMetrics)(ClientMetrics.ofActor),
  /* @__PURE__ */ Layer.suspend(() => layerTraces)
)

/**
 * Lets the clients of `BrowserClient` that are connected in its context make spans where a tracer is installed. Those of
 * the layers of this module do without it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTraces: Layer.Layer<never> = /* @__PURE__ */ Layer.succeed(CurrentObserver)(ClientTelemetry.make)

/**
 * Sets options for all clients that are connected in its context; those of a single `connect` go before them.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDefaults = (options: ClientSettings.ConnectDefaults): Layer.Layer<never> =>
  Layer.succeed(ClientSettings.CurrentDefaults)(options)

/**
 * As `layerDefaults`, with options from the `ConfigProvider`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDefaultsConfig = (
  options: Config.Config<ClientSettings.ConnectDefaults> = ClientConfig.config
): Layer.Layer<never, Config.ConfigError> => Layer.effect(ClientSettings.CurrentDefaults, options)
