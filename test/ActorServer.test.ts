import { NodeHttpServer, NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option, Schema, Stream, SubscriptionRef } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { Rpc } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { createServer } from "node:http"
import { Actor, ActorClient, ActorHost, ActorServer, DisconnectReason } from "../src/index.ts"

class Echo extends Actor.make("Echo", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String },
  events: { heard: Schema.String },
  rpcs: [Rpc.make("say", { payload: { text: Schema.String }, success: Schema.String })]
}) {}

const Actors = Echo.toLayer(Effect.gen(function*() {
  const connections = yield* Echo.Connections
  return {
    say: Effect.fnUntraced(function*({ text }: { readonly text: string }) {
      yield* connections.broadcast("heard", text)
      return text
    })
  }
})).pipe(
  Layer.provide(Echo.layerHooks({
    onBeforeConnect: ({ params }) => Effect.succeed(params),
    onConnect: (connection) => connection.state.name === "kick me" ? connection.disconnect("as you wish") : Effect.void
  })),
  Layer.provideMerge(ActorHost.layerLocal())
)

const quiet = Effect.provide(Logger.layer([]))
const limited = Effect.timeout("10 seconds")

const TcpServer = ActorServer.layerSocketServer.pipe(
  Layer.provide(Actors),
  Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))
)

/** A client that comes by TCP. */
const connect = Effect.fnUntraced(function*(name: string) {
  const { address } = yield* SocketServer.SocketServer
  const port = "port" in address ? address.port : 0
  const client = ActorClient.layerSocket.pipe(Layer.provide(NodeSocket.layerNet({ host: "127.0.0.1", port })))
  return yield* Echo.connect("tcp", { params: { name }, subscribe: ["heard"] }).pipe(
    Effect.provideContext(yield* Layer.build(client))
  )
})

describe("layerSocketServer", () => {
  it.live("serves clients over TCP, where a line feed ends a message", () =>
    Effect.gen(function*() {
      const echo = yield* connect("ada")
      // Umlauts take two bytes and may be split between two chunks; long texts surely are.
      const text = "grüße ".repeat(20_000)
      assert.strictEqual(yield* echo.rpc.say({ text }), text)
      assert.deepStrictEqual(yield* echo.events.heard.pipe(Stream.take(1), Stream.runCollect), [text])
    }).pipe(
      Effect.provide(TcpServer),
      limited,
      quiet
    ))
})

describe("layerSocketServer, when it ends a client", () => {
  it.live("lets the reason through before the socket ends", () =>
    Effect.gen(function*() {
      const echo = yield* connect("kick me")
      const status = yield* SubscriptionRef.changes(echo.status).pipe(
        Stream.filter((status) => status._tag === "Disconnected"),
        Stream.runHead
      )
      assert.deepStrictEqual(
        Option.map(status, ({ reason }) => DisconnectReason.describe(reason)),
        Option.some("The actor ended the connection: as you wish.")
      )
    }).pipe(
      Effect.provide(TcpServer),
      limited,
      quiet
    ))
})

describe("layerHttpRouter", () => {
  const Server = HttpRouter.serve(
    Layer.mergeAll(
      ActorServer.layerHttpRouter({ path: "/actors", origins: ["https://chat.example"] }),
      HttpRouter.add("GET", "/health", HttpServerResponse.text("well"))
    ),
    { disableListenLog: true, disableLogger: true }
  ).pipe(
    Layer.provide(Actors),
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true })
    ),
    Layer.merge(FetchHttpClient.layer)
  )
  const get = Effect.fnUntraced(function*(path: string, headers: Record<string, string> = {}) {
    const { address } = yield* HttpServer.HttpServer
    const port = "port" in address ? address.port : 0
    const request = HttpClientRequest.setHeaders(HttpClientRequest.get(`http://127.0.0.1:${port}${path}`), headers)
    return yield* HttpClient.execute(request)
  })

  it.live("answers a request that is no upgrade with 426, and leaves the app's other routes alone", () =>
    Effect.gen(function*() {
      const answer = yield* get("/actors")
      assert.strictEqual(answer.status, 426)
      assert.strictEqual(yield* (yield* get("/health")).text, "well")
    }).pipe(Effect.provide(Server), limited, quiet))

  it.live("answers a browser from an origin that is not allowed with 403", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/actors", { origin: "https://evil.example" })).status, 403)
      assert.strictEqual((yield* get("/actors", { origin: "https://chat.example" })).status, 426)
    }).pipe(Effect.provide(Server), limited, quiet))
})
