/**
 * The program of one node: `node ClusterNode.ts <settings as JSON>`, with the database in `DATABASE_URL`. It tells its
 * parent when it is ready, and leaves in an orderly manner on SIGTERM.
 *
 * @since 0.1.0
 */
import { NodeClusterSocket, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, Option, Redacted, References } from "effect"
import { MessageStorage, RunnerAddress, ShardingConfig, SqlRunnerStorage } from "effect/cluster"
import { HttpRouter } from "effect/http"
import { createServer } from "node:http"
import * as ActorServer from "../../src/ActorServer.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"
import type { NodeSettings } from "./ClusterProcesses.ts"
import * as Places from "./Places.ts"

const settings: NodeSettings = JSON.parse(process.argv[2]!)

const sharding: Partial<ShardingConfig.ShardingConfig["Service"]> = {
  ...ClusterHost.quickFailover,
  runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", settings.runnerPort)),
  shardsPerGroup: 60,
  simulateRemoteSerialization: false
}

const Cluster = NodeClusterSocket.layer({ storage: "byo", shardingConfig: sharding }).pipe(
  Layer.provide(MessageStorage.layerNoop),
  Layer.provide(SqlRunnerStorage.layer),
  Layer.provide(ShardingConfig.layer(sharding)),
  Layer.provide(PgClient.layer({ url: Redacted.make(process.env["DATABASE_URL"]!) }))
)

const Actors = Layer.provide(Places.layer, Layer.succeed(Places.NodeName, settings.name))

const App = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
  disableListenLog: true,
  disableLogger: true
}).pipe(
  ActorServer.withDrain({ window: "300 millis" }),
  Layer.provide(Actors),
  Layer.provide(ClusterHost.layer({
    heartbeatInterval: "2 seconds",
    heartbeatTimeout: "2 seconds",
    tunnelHeartbeatInterval: "1 second",
    tunnelHeartbeatTimeout: "2 seconds",
    kickGrace: "2 seconds"
  })),
  Layer.provide(Cluster),
  Layer.provide(NodeHttpServer.layer(createServer, {
    host: "127.0.0.1",
    port: settings.httpPort,
    disablePreemptiveShutdown: true
  })),
  Layer.tap(() => Effect.sync(() => process.send?.("ready"))),
  Layer.provide(Logger.layer([Logger.consolePretty({ colors: false })])),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Info"))
)

// Its parent is gone: nobody would stop it any more.
process.on("disconnect", () => process.exit(1))

NodeRuntime.runMain(Layer.launch(App), { disableErrorReporting: false })
