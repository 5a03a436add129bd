/**
 * Effect's own `RpcServer` over WebSocket with JSON: tracing off, which is the faster setting, and Tether's too. Events
 * are a stream from a PubSub, as its docs show.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, PubSub, Stream } from "effect"
import { HttpRouter } from "effect/http"
import { RpcSerialization, RpcServer } from "effect/rpc"
import { createServer } from "node:http"
import { BenchRpcs } from "../contracts/BenchRpcs.ts"
import { echo, type Note } from "../contracts/work.ts"
import { cuttable, ready } from "./child.ts"

const HandlersLayer = BenchRpcs.toLayer(Effect.gen(function*() {
  const events = yield* PubSub.bounded<Note>(1024)
  return BenchRpcs.of({
    echo: (note) => Effect.succeed(echo(note)),
    shout: (note) => Effect.asVoid(PubSub.publish(events, note)),
    said: () => Stream.fromPubSub(events)
  })
}))

const http = createServer()
cuttable(http)

const ServerLayer = HttpRouter.serve(
  RpcServer.layerHttp({
    group: BenchRpcs,
    path: "/rpc",
    protocol: "websocket",
    disableTracing: true,
    disableFatalDefects: true
  }).pipe(Layer.provide(HandlersLayer), Layer.provide(RpcSerialization.layerJson)),
  { disableListenLog: true, disableLogger: true }
).pipe(
  Layer.provide(NodeHttpServer.layer(() => http, {
    host: "127.0.0.1",
    port: 0,
    backlog: 4096,
    disablePreemptiveShutdown: true,
    websocket: { perMessageDeflate: false }
  }))
)

const main = Effect.gen(function*() {
  yield* Layer.build(ServerLayer)
  ready((http.address() as any).port)
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(main))
