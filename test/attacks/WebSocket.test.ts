// What only a real WebSocket shows: origins, payloads that `ws` refuses, readers that stop, and dials by the dozen.
import { NodeHttpServer, NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  type Cause,
  Context,
  Effect,
  Exit,
  Layer,
  Logger,
  Option,
  Queue,
  Schedule,
  Schema,
  Stream,
  SubscriptionRef
} from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { Rpc } from "effect/rpc"
import { Socket } from "effect/socket"
import { createServer } from "node:http"
import { Actor, ActorClient, ActorHost, ActorServer } from "../../src/index.ts"
import type { Origins } from "../../src/server/Origin.ts"
import * as Frame from "../../src/session/Frame.ts"
import { hello } from "../support/RawPeer.ts"

/** Says what it is asked for. */
class Parrot extends Actor.make("Parrot", {
  rpcs: [Rpc.make("say", { payload: { length: Schema.Int }, success: Schema.String })]
}) {}

/** What became of the parrot's clients. */
class Cage extends Context.Service<Cage, {
  /** The lengths that were asked for. */
  readonly said: Queue.Queue<number>
  readonly suspended: Queue.Queue<string>
}>()("effect-tether/test/Cage") {
  static readonly layer = Layer.effect(
    Cage,
    Effect.all({ said: Queue.unbounded<number>(), suspended: Queue.unbounded<string>() })
  )
}

const ParrotLayer = Parrot.toLayer(
  Effect.map(Cage, ({ said }) =>
    Parrot.of({
      say: ({ length }) => Effect.as(Queue.offer(said, length), "x".repeat(length))
    }))
).pipe(
  Layer.provide(Parrot.layerHooks(Effect.map(Cage, ({ suspended }) => ({
    onBeforeConnect: () => Effect.void,
    onSuspend: ({ id }) => Queue.offer(suspended, id)
  }))))
)

const serve = (options: {
  readonly origins?: Origins
  readonly host?: ActorHost.HostOptions
  readonly maxPayload?: number
  readonly middleware?: Layer.Layer<never>
} = {}) =>
  HttpRouter.serve(
    ActorServer.layerHttpRouter({ path: "/actors", origins: options.origins }).pipe(
      Layer.provide(options.middleware ?? Layer.empty)
    ),
    { disableListenLog: true, disableLogger: true }
  ).pipe(
    Layer.provide(ParrotLayer),
    Layer.provideMerge(ActorHost.layerLocal(options.host)),
    Layer.provideMerge(Cage.layer),
    Layer.provideMerge(NodeHttpServer.layer(createServer, {
      host: "127.0.0.1",
      port: 0,
      disablePreemptiveShutdown: true,
      websocket: { maxPayload: options.maxPayload ?? 2_000_000 }
    })),
    Layer.orDie
  )

const port = Effect.map(HttpServer.HttpServer, ({ address }) => "port" in address ? address.port : 0)

type End = { readonly code: number } | { readonly status: number }

/** A client that is nothing but `ws`. */
const dial = Effect.fnUntraced(function*(headers: Record<string, string> = {}) {
  const url = `ws://127.0.0.1:${yield* port}/actors`
  const messages = yield* Queue.unbounded<string, Cause.Done>()
  const ends = yield* Queue.unbounded<End>()
  const ws = yield* Effect.acquireRelease(
    Effect.sync(() => new NodeWS.WebSocket(url, { headers })),
    (ws) => Effect.sync(() => ws.terminate())
  )
  ws.on("error", () => {})
  ws.on("message", (data) => Queue.offerUnsafe(messages, String(data)))
  ws.on("unexpected-response", (_, response) => Queue.offerUnsafe(ends, { status: response.statusCode ?? 0 }))
  ws.on("close", (code) => Queue.offerUnsafe(ends, { code }))
  const opened = Effect.callback<void>((resume) => {
    if (ws.readyState === NodeWS.WebSocket.OPEN) return resume(Effect.void)
    ws.once("open", () => resume(Effect.void))
  })
  const send = (...frames: ReadonlyArray<unknown>) => Effect.sync(() => ws.send(JSON.stringify(frames)))
  const next = <Tag extends Frame.ServerFrame[0]>(tag: Tag) =>
    Queue.take(messages).pipe(
      Effect.map((message) => Option.getOrThrow(Exit.getSuccess(Frame.decodeServer(message)))),
      Effect.repeat({ until: (frames) => frames.some(([name]) => name === tag) })
    )
  return { ws, opened, send, next, end: Queue.take(ends) }
})

const enter = Effect.gen(function*() {
  const client = yield* dial()
  yield* client.opened
  yield* client.send(hello("Parrot"))
  yield* client.next("welcome")
  yield* client.send(["ack", 0])
  return client
})

/** Whether a client of its own is served. */
const isWell = Effect.scoped(Effect.gen(function*() {
  const client = yield* enter
  yield* client.send(["call", 0, "say", { length: 1 }])
  yield* client.next("reply")
  return true
}))

const limited = Effect.timeout("10 seconds")
const quiet = Effect.provide(Logger.layer([]))

const live = <E>(
  name: string,
  options: Parameters<typeof serve>[0],
  body: () => Effect.Effect<void, E, Cage | HttpServer.HttpServer | ActorHost.ActorHost | Effect.Services<typeof enter>>
) =>
  it.live(
    name,
    () => body().pipe(Effect.scoped, Effect.provide(serve(options)), limited, quiet) as Effect.Effect<void, E>
  )

/** How a dial with these headers ends: `open`, or the HTTP status that it was answered with. */
const tryWith = (headers: Record<string, string>) =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* dial(headers)
    return yield* Effect.raceFirst(
      Effect.as(client.opened, "open" as const),
      Effect.map(client.end, (end) => "status" in end ? end.status : end.code)
    )
  }))

describe("a page", () => {
  live("of the server's own host may connect by default, of another one not", {}, () =>
    Effect.gen(function*() {
      const host = `127.0.0.1:${yield* port}`
      assert.strictEqual(yield* tryWith({ origin: `http://${host}` }), "open")
      assert.strictEqual(yield* tryWith({ origin: `https://${host}` }), "open")
      assert.strictEqual(yield* tryWith({}), "open")
      for (
        const origin of [
          "https://evil.example",
          `http://${host}.evil.example`,
          "http://127.0.0.1",
          "http://127.0.0.1:1",
          `http://${host}@evil.example`,
          "null",
          "file://",
          "",
          "not a url"
        ]
      ) {
        assert.strictEqual(yield* tryWith({ origin }), 403, origin)
      }
    }))

  live("of a listed origin may connect, of the server's own host only if it is listed", {
    origins: ["https://chat.example", "null"]
  }, () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tryWith({ origin: "https://chat.example" }), "open")
      assert.strictEqual(yield* tryWith({ origin: "null" }), "open")
      assert.strictEqual(yield* tryWith({}), "open")
      for (
        const origin of ["http://chat.example", "https://chat.example.evil.example", `http://127.0.0.1:${yield* port}`]
      ) {
        assert.strictEqual(yield* tryWith({ origin }), 403, origin)
      }
    }))

  live("of any origin may connect where the app says so", { origins: "any" }, () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tryWith({ origin: "https://evil.example" }), "open")
    }))
})

describe("a message", () => {
  live(
    "above the `maxPayload` of `ws` is refused before it has come whole",
    { maxPayload: 1_100_000 },
    () =>
      Effect.gen(function*() {
        const client = yield* enter
        yield* Effect.sync(() => client.ws.send("x".repeat(1_200_000)))

        assert.deepStrictEqual(yield* client.end, { code: 1009 })
        assert.isTrue(yield* isWell)
      })
  )

  live(
    "between `maxBatchBytes` and `maxPayload` is a protocol error",
    { maxPayload: 2_000_000 },
    () =>
      Effect.gen(function*() {
        const client = yield* enter
        yield* Effect.sync(() => client.ws.send("x".repeat(1_200_000)))

        assert.deepStrictEqual(yield* client.end, { code: 4003 })
        assert.isTrue(yield* isWell)
      })
  )

  live("that is not UTF-8 ends its own socket", {}, () =>
    Effect.gen(function*() {
      const text = yield* enter
      yield* Effect.sync(() => text.ws.send(new Uint8Array([0x5b, 0xff, 0x5d]), { binary: false }))
      assert.deepStrictEqual(yield* text.end, { code: 1007 })
      const binary = yield* enter
      yield* Effect.sync(() => binary.ws.send(new Uint8Array([0x5b, 0xff, 0x5d])))

      assert.deepStrictEqual(yield* binary.end, { code: 4003 })
      assert.isTrue(yield* isWell)
    }))
})

describe("a client that stops reading and goes on asking", () => {
  live(
    "cannot make the server hold more than its bounds, even if it acknowledges what it never read",
    { host: { bufferBytes: 500_000, heartbeatInterval: "500 millis", heartbeatTimeout: "500 millis" } },
    () =>
      Effect.gen(function*() {
        const cage = yield* Cage
        const client = yield* enter
        yield* Effect.sync(() => client.ws.pause())
        // 100 MB of answers. It knows how many there are of them, and so what it may acknowledge without having it.
        const ask = (id: number) =>
          client.send(["ack", id], ["call", id, "say", { length: 200_000 }]).pipe(
            Effect.andThen(Effect.raceFirst(Queue.take(cage.said), Effect.as(Queue.take(cage.suspended), undefined)))
          )
        let said = 0
        while (said < 500 && (yield* ask(said)) !== undefined) said++

        // The kernel holds some megabytes for it; what it asked for beyond them never ran.
        assert.isBelow(said, 150)
        assert.isTrue(yield* isWell)
      })
  )
})

describe("sockets that never say hello", () => {
  live("are closed in time, and clients get in between", {
    host: { handshakeTimeout: "300 millis", maxHandshakes: 20 }
  }, () =>
    Effect.gen(function*() {
      const silent = yield* Effect.replicateEffect(dial(), 60)
      yield* Effect.forEach(silent, ({ opened }) => opened, { concurrency: "unbounded" })
      assert.isTrue(yield* isWell)

      const ends = yield* Effect.forEach(silent, ({ end }) => end, { concurrency: "unbounded" })

      const codes = ends.map((end) => "code" in end ? end.code : 0)
      assert.deepStrictEqual(new Set(codes), new Set([4008, 4015]))
      assert.isTrue(yield* isWell)
    }))
})

/** The URLs that were asked for. */
const urls: Array<string> = []

const WriteUrls =
  HttpRouter.middleware((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ originalUrl }) => {
      urls.push(originalUrl)
      return app
    })
  ).layer

describe("a client of the library", () => {
  live(
    "names nothing but the endpoint in its URL, on a resume neither",
    { middleware: WriteUrls },
    () =>
      Effect.gen(function*() {
        const sockets: Array<NodeWS.WebSocket> = []
        const transport = Layer.succeed(Socket.WebSocketConstructor, (url) => {
          const ws = new NodeWS.WebSocket(url)
          sockets.push(ws)
          return ws as unknown as WebSocket
        })
        const client = ActorClient.layerWebSocket({ url: `ws://127.0.0.1:${yield* port}/actors` })
        const parrot = yield* Parrot.connect("a secret key", { reconnect: Schedule.spaced("10 millis") }).pipe(
          Effect.provideContext(yield* Layer.build(Layer.provide(client, transport)))
        )
        yield* parrot.rpc.say({ length: 1 })
        sockets[0]!.terminate()
        const statuses = SubscriptionRef.changes(parrot.status)
        yield* Stream.runHead(Stream.filter(statuses, (status) => status._tag === "Connected" && status.resumed))

        const url = `http://127.0.0.1:${yield* port}/actors`
        assert.deepStrictEqual(urls, [url, url])
      })
  )
})

/** As an app limits dials by address, ahead of the endpoint. */
const DialLimit = HttpRouter.middleware(
  Effect.map(RateLimiter.RateLimiter, ({ consume }) => (app) =>
    Effect.gen(function*() {
      const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
      const key = Option.getOrElse(Option.map(remoteAddress, String), () => "unknown")
      return yield* consume({ key, limit: 5, window: "1 minute" }).pipe(
        Effect.andThen(app),
        Effect.catchTag("RateLimiterError", () => Effect.succeed(HttpServerResponse.empty({ status: 429 })))
      )
    }))
).layer.pipe(
  Layer.provide(RateLimiter.layer),
  Layer.provide(RateLimiter.layerStoreMemory)
)

describe("an app's own limit of dials by address", () => {
  live(
    "keeps a flood out before a socket is made, with a middleware of the router",
    { middleware: DialLimit },
    () =>
      Effect.gen(function*() {
        const dials = yield* Effect.replicateEffect(tryWith({}), 8)

        assert.deepStrictEqual(dials, ["open", "open", "open", "open", "open", 429, 429, 429])
      })
  )
})
