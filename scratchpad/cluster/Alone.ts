/**
 * A server without a cluster, for comparison: `node Alone.ts <name> <HTTP port>`. It tells its parent when it listens.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { createServer } from "node:http"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import * as Echo from "./Echo.ts"

const port = Number(process.argv[3])

const App = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
  disableListenLog: true,
  disableLogger: true
}).pipe(
  Layer.provide(Echo.layer),
  Layer.provide(ActorHost.layerLocal({ maxFramesPerSecond: Infinity })),
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port, disablePreemptiveShutdown: true }))
)

process.on("disconnect", () => process.exit(1))

const ready = Layer.effectDiscard(Effect.sync(() => process.send?.([])))
NodeRuntime.runMain(Layer.launch(Layer.provideMerge(ready, App)))
