/**
 * The chat room on an HTTP server, beside the app's other routes.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import * as Metrics from "../../src/Metrics.ts"
import * as Auth from "./Auth.ts"
import * as ChatRoomServer from "./ChatRoomServer.ts"

export const host = "127.0.0.1"

export const defaultPort = 3210

/** Where clients dial. */
export const urlOf = (port: number): string => `ws://${host}:${port}/actors`

const Routes = Layer.mergeAll(
  ActorServer.layerHttpRouter({ path: "/actors" }),
  ActorServer.layerHealth(),
  PrometheusMetrics.layerHttp({ path: "/metrics", metricNameMapper: Metrics.toPrometheusName }),
  HttpRouter.add("GET", "/", HttpServerResponse.text("A chat room. Join it with: npm run chat -- --name ben\n"))
)

/** When the process is told to stop, its clients are: they go one by one, and within the time that Docker gives. */
const drain = { window: "1 second", retryAfter: "2 seconds", limit: "8 seconds" } as const

/** Serves the room until the layer's scope closes; port 0 takes any free one. */
export const layer = (options: { readonly port: number }) =>
  HttpRouter.serve(Routes, { disableListenLog: true, disableLogger: true }).pipe(
    ActorServer.withDrain(drain),
    Layer.provide(ChatRoomServer.layer),
    Layer.provideMerge(ActorHost.layerLocal()),
    Layer.provide(Auth.layerDemo),
    // Open WebSockets would hold up a graceful shutdown for its whole 20 seconds.
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, { host, port: options.port, disablePreemptiveShutdown: true })
    )
  )
