/**
 * A server of durable books in a process of its own: `node BookServer.ts <file> <port>`. Says `open` when it serves.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { createServer } from "node:http"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import * as Book from "./Book.ts"

const [filename = "", port = "0"] = process.argv.slice(2)

HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), { disableListenLog: true, disableLogger: true })
  .pipe(
    Layer.provide(Book.layer),
    Layer.provide(ActorHost.layerLocal()),
    Layer.provide([SqliteStorage.layer({ filename }), Book.Watch.layer]),
    Layer.provide(NodeHttpServer.layer(createServer, {
      host: "127.0.0.1",
      port: Number(port),
      disablePreemptiveShutdown: true
    })),
    Layer.merge(Layer.effectDiscard(Console.log("open"))),
    Layer.launch,
    Effect.scoped,
    NodeRuntime.runMain
  )
