import { NodeServices, NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Option, Stream, SubscriptionRef } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import { demoToken } from "../../scratchpad/chat/Auth.ts"
import { ChatRoom } from "../../scratchpad/chat/ChatRoom.ts"
import { urlOf } from "../../scratchpad/chat/ChatServer.ts"
import * as ActorClient from "../../src/ActorClient.ts"

const program = fileURLToPath(new URL("../../scratchpad/chat/main.ts", import.meta.url))

/** Starts the chat room as a process of its own, and waits until it is open. */
const startChat = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/chat.db`
  const handle = yield* ChildProcess.make(process.execPath, [program, "--port", "0", "--file", file], {
    env: { NO_COLOR: "1", TETHER_INSPECTOR_TOKEN: "a token for the test" },
    extendEnv: true
  })
  const output = yield* SubscriptionRef.make("")
  yield* Stream.decodeText(handle.all).pipe(
    Stream.runForEach((text) => SubscriptionRef.update(output, (all) => all + text)),
    Effect.forkScoped
  )
  const opened = yield* SubscriptionRef.changes(output).pipe(
    Stream.filter((all) => all.includes("What happens in the lobby")),
    Stream.runHead
  )
  return { handle, port: Number(/--port (\d+)/.exec(Option.getOrThrow(opened))?.[1]) }
})

const join = (name: string, port: number) =>
  Layer.build(ActorClient.layerWebSocket({ url: urlOf(port) }).pipe(Layer.provide(NodeWS.layerWebSocketConstructor)))
    .pipe(
      Effect.flatMap((client) =>
        Effect.provideContext(ChatRoom.connect("lobby", { params: { authToken: demoToken(name) } }), client)
      )
    )

const awaitStatus = (room: Effect.Success<ReturnType<typeof join>>, tag: string) =>
  SubscriptionRef.changes(room.status).pipe(
    Stream.filter((status) => status._tag === tag),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

describe("the chat server", () => {
  it.live(
    "shows its metrics and its health, and on SIGTERM sends its clients away and exits with 0",
    () =>
      Effect.gen(function*() {
        const { handle, port } = yield* startChat
        const get = (path: string) =>
          Effect.flatMap(
            HttpClient.get(`http://127.0.0.1:${port}${path}`),
            (response) => Effect.map(response.text, (text) => [response.status, text] as const)
          )
        const ada = yield* join("ada", port)
        const ben = yield* join("ben", port)
        yield* awaitStatus(ada, "Connected")
        yield* awaitStatus(ben, "Connected")

        assert.deepStrictEqual(yield* get("/health/live"), [200, "live"])
        assert.deepStrictEqual(yield* get("/health/ready"), [200, "ready"])
        const [, metrics] = yield* get("/metrics")
        // The host's own client is the third.
        assert.include(metrics, "tether_server_connections{actor=\"ChatRoom\",status=\"connected\"} 3\n")
        assert.match(metrics, /tether_server_calls_total\{actor="ChatRoom",origin="client",outcome="success"\} [1-9]/)
        assert.match(metrics, /tether_client_resumes_total\{actor="ChatRoom",result="exact"\} [1-9]/)
        assert.strictEqual((yield* get("/inspector"))[0], 200)
        assert.match(metrics, /tether_server_resumes_total\{actor="ChatRoom",result="exact"\} [1-9]/)

        const told = yield* Effect.forkChild(
          Effect.all([awaitStatus(ada, "Waiting"), awaitStatus(ben, "Waiting")], { concurrency: "unbounded" })
        )
        yield* handle.kill({ killSignal: "SIGTERM" })
        const causes = (yield* Fiber.join(told)).map((status) => status._tag === "Waiting" ? status.cause : undefined)
        for (const cause of causes) assert.include(cause, { _tag: "Draining" })
        assert.strictEqual(Number(yield* handle.exitCode), 0)
      }).pipe(
        Effect.scoped,
        // The limit of the chat's draining is 8 seconds; the story before it takes a few.
        Effect.timeout("25 seconds"),
        Effect.provide([NodeServices.layer, FetchHttpClient.layer])
      ),
    30_000
  )
})
