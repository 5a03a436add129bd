/**
 * The program of one node: `node Node.ts <name> <HTTP port> <port for other nodes>`, with the database in `DATABASE_URL`.
 * To its parent it tells which rooms live here, once it has shards (of which none may have a room) and whenever that changes.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Option, Redacted, References, Schedule } from "effect"
import {
  EntityId,
  MessageStorage,
  RunnerAddress,
  ShardId,
  Sharding,
  ShardingConfig,
  SqlRunnerStorage
} from "effect/cluster"
import { HttpRouter } from "effect/http"
import { createServer } from "node:http"
import * as ActorServer from "../../src/ActorServer.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"
import * as PostgresStorage from "../../src/PostgresStorage.ts"
import * as ClusterSockets from "./ClusterSockets.ts"
import * as Echo from "./Echo.ts"
import { keys } from "./Room.ts"
import * as RoomServer from "./RoomServer.ts"

const [httpPort = 0, runnerPort = 0] = process.argv.slice(3).map(Number)
const host = "127.0.0.1"
const url = Redacted.make(process.env["DATABASE_URL"] ?? "")

const shards = 60

const address = RunnerAddress.make(host, runnerPort)

const sharding: Partial<ShardingConfig.ShardingConfig["Service"]> = {
  ...ClusterHost.quickFailover,
  runnerAddress: Option.some(address),
  shardsPerGroup: shards
}

/** Runners and shards are kept in the database; messages between nodes are not. */
const Cluster = ClusterSockets.layer(address, sharding).pipe(
  Layer.provide([MessageStorage.layerNoop, SqlRunnerStorage.layer]),
  Layer.provide(ShardingConfig.layer(sharding)),
  Layer.provide(PgClient.layer({ url }))
)

/** By a pool of its own: the locks of the cluster must not wait behind the commits of the rooms. */
const Storage = PostgresStorage.layer().pipe(Layer.provide(Layer.fresh(PgClient.layer({ url, maxConnections: 6 }))))

const Endpoints = Layer.merge(ActorServer.layerHttpRouter({ path: "/actors" }), ActorServer.layerHealth())

const reportHomes = Effect.gen(function*() {
  const sharding = yield* Sharding.Sharding
  const ids = Array.from({ length: shards }, (_, i) => ShardId.make("default", i + 1))
  let last: string | undefined
  const report = Effect.sync(() => {
    if (last === undefined && !ids.some((id) => sharding.hasShardId(id))) return
    const here = keys.filter((key) => sharding.hasShardId(sharding.getShardId(EntityId.make(key), "default")))
    if (here.join() === last) return
    last = here.join()
    process.send?.(here)
  })
  yield* Effect.forkScoped(Effect.repeat(report, Schedule.spaced("100 millis")))
})

const App = HttpRouter.serve(Endpoints, { disableListenLog: true, disableLogger: true }).pipe(
  ActorServer.withDrain({ window: "500 millis" }),
  Layer.provide([Layer.provide(RoomServer.layer, Storage), Echo.layer]),
  Layer.provide(ClusterHost.layer({
    tunnelHeartbeatInterval: "1 second",
    tunnelHeartbeatTimeout: "2 seconds",
    // One client is to show how fast it can be.
    maxFramesPerSecond: Infinity
  })),
  Layer.merge(Layer.effectDiscard(reportHomes)),
  Layer.provide(Cluster),
  Layer.provide(NodeHttpServer.layer(createServer, { host, port: httpPort, disablePreemptiveShutdown: true })),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
)

// Nobody would stop it any more.
process.on("disconnect", () => process.exit(1))

NodeRuntime.runMain(Layer.launch(App))
