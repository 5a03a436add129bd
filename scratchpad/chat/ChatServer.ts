/**
 * The chat room on an HTTP server, beside the app's other routes.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { ConfigProvider, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import * as Inspector from "../../src/Inspector.ts"
import * as Metrics from "../../src/Metrics.ts"
import * as Auth from "./Auth.ts"
import * as ChatRoomServer from "./ChatRoomServer.ts"
import * as WebPage from "./WebPage.ts"

export const host = "127.0.0.1"

export const defaultPort = 3210

/** Where clients dial. */
export const urlOf = (port: number): string => `ws://${host}:${port}/actors`

/** The page where people chat. */
export const pageOf = (port: number): string => `http://${host}:${port}/`

/** With `TETHER_INSPECTOR_TOKEN` in the environment there is an inspector at `/inspector`. */
const InspectorPage = Inspector.layerConfig().pipe(
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv().pipe(ConfigProvider.constantCase))),
  Layer.orDie
)

const Endpoints = Layer.mergeAll(
  InspectorPage,
  ActorServer.layerHttpRouter({ path: "/actors" }),
  ActorServer.layerHealth(),
  PrometheusMetrics.layerHttp({ path: "/metrics", metricNameMapper: Metrics.toPrometheusName })
)

/** When the process is told to stop, its clients are: they go one by one, and within the time that Docker gives. */
const drain = { window: "1 second", retryAfter: "2 seconds", limit: "8 seconds" } as const

/**
 * Serves the room until the layer's scope closes; port 0 takes any free one. With `page` there is a page beside the
 * endpoints. The rooms are kept in the `ActorStorage`.
 */
export const layer = (options: {
  readonly port: number
  readonly page: boolean
  readonly actors?: ActorHost.HostOptions
}) =>
  HttpRouter.serve(options.page ? Layer.merge(Endpoints, WebPage.layer) : Endpoints, {
    disableListenLog: true,
    disableLogger: true
  }).pipe(
    ActorServer.withDrain(drain),
    Layer.provide(ChatRoomServer.layer),
    Layer.provideMerge(ActorHost.layerLocal({ ...liveliness, ...options.actors })),
    Layer.provide(Auth.layerDemo),
    Layer.provideMerge(NodeHttpServer.layer(createServer, {
      host,
      port: options.port,
      // Open WebSockets would hold up a graceful shutdown for its whole 20 seconds.
      disablePreemptiveShutdown: true,
      // Above the largest message of the host, and far below the 100 MiB that it would be.
      websocket: { maxPayload: 2_000_000 }
    }))
  )

/** Sooner than the defaults, since people look on: whose network is dead is seen as away after 8 seconds. */
const liveliness: ActorHost.HostOptions = { heartbeatInterval: "4 seconds", heartbeatTimeout: "4 seconds" }
