import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Logger, Schema, Scope } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Rpc } from "effect/rpc"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { Actor, ActorClient, ActorHost, ActorServer, BrowserClient, PlatformSignals } from "../src/index.ts"
import * as ChatApp from "./support/ChatApp.ts"
import { withLeaps } from "./support/ChatClock.ts"
import { FakePage } from "./support/Page.ts"

/** The signals of a page, as they come. */
const watch = Effect.gen(function*() {
  const page = new FakePage()
  const heard: Array<PlatformSignals.Signal> = []
  const signals = yield* BrowserClient.makeSignals(page)
  yield* signals.listen((signal) => heard.push(signal))
  return { page, heard, signals }
})

describe("makeSignals", () => {
  it.effect("wakes when the browser is online again and when the page becomes visible", () =>
    Effect.gen(function*() {
      const { heard, page } = yield* watch
      page.window.fire("offline")
      page.show(false)
      assert.deepStrictEqual(heard, [])
      page.window.fire("online")
      page.show(true)
      assert.deepStrictEqual(heard, ["wake", "wake"])
    }))

  it.effect("suspends a page that is put away or frozen, and resumes one that is shown again", () =>
    Effect.gen(function*() {
      const { heard, page } = yield* watch
      page.window.fire("pagehide")
      page.document.fire("freeze")
      page.document.fire("resume")
      page.window.fire("pageshow")
      assert.deepStrictEqual(heard, ["suspend", "suspend", "resume", "resume"])
    }))

  it.effect("wakes when the clock has leaped while the page was visible: the machine slept", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { heard } = yield* watch
        yield* TestClock.adjust("7 seconds")
        yield* leap("8 hours")
        yield* TestClock.adjust("2999 millis")
        assert.deepStrictEqual(heard, [])
        yield* TestClock.adjust("1 milli")
        assert.deepStrictEqual(heard, ["wake"])
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(heard, ["wake"])
      })
    ))

  it.effect("takes no notice of timers that are late while the page is hidden, or a little late", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const { heard, page } = yield* watch
        page.show(false)
        for (let i = 0; i < 10; i++) {
          yield* leap("55 seconds")
          yield* TestClock.adjust("5 seconds")
        }
        assert.deepStrictEqual(heard, [])
        page.show(true)
        yield* TestClock.adjust("5 seconds")
        for (let i = 0; i < 10; i++) {
          yield* leap("4 seconds")
          yield* TestClock.adjust("5 seconds")
        }
        assert.deepStrictEqual(heard, ["wake"])
      })
    ))

  it.effect("works without a document, as in a worker", () =>
    Effect.gen(function*() {
      const { window } = new FakePage()
      const heard: Array<PlatformSignals.Signal> = []
      const signals = yield* BrowserClient.makeSignals({ window })
      yield* signals.listen((signal) => heard.push(signal))
      window.fire("online")
      assert.deepStrictEqual(heard, ["wake"])
    }))

  it.effect("stops listening with its scope, and tells nobody who has stopped listening", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { heard, page, signals } = yield* Scope.provide(watch, scope)
      const late: Array<PlatformSignals.Signal> = []
      yield* Effect.scoped(signals.listen((signal) => late.push(signal)))
      page.window.fire("online")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([page.window.listening, page.document.listening], [0, 0])
      page.window.fire("online")
      assert.deepStrictEqual([heard, late], [["wake"], []])
    }))
})

describe("layerSignals", () => {
  it.effect("gives none where there is no page", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* PlatformSignals.PlatformSignals.pipe(Effect.provide(BrowserClient.layerSignals)))
    }))
})

class Echo extends Actor.make("Echo", {
  rpcs: [Rpc.make("say", { payload: { text: Schema.String }, success: Schema.String })]
}) {}

const Server = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
  disableListenLog: true,
  disableLogger: true
}).pipe(
  Layer.provide(Echo.toLayer({ say: ({ text }) => Effect.succeed(text) })),
  Layer.provide(Echo.layerAdmitAll),
  Layer.provideMerge(ActorHost.layerLocal()),
  Layer.provideMerge(NodeHttpServer.layer(createServer, {
    host: "127.0.0.1",
    port: 0,
    disablePreemptiveShutdown: true
  })),
  Layer.merge(Logger.layer([]))
)

const origin = Effect.map(HttpServer.HttpServer, ({ address }) => `127.0.0.1:${"port" in address ? address.port : 0}`)

describe("layer", () => {
  it.live("dials by the global WebSocket", () =>
    Effect.gen(function*() {
      const url = Effect.succeed(`ws://${yield* origin}/actors`)
      const echo = yield* Echo.connect("a").pipe(
        Effect.provideContext(yield* Layer.build(BrowserClient.layer({ url })))
      )
      assert.strictEqual(yield* echo.rpc.say({ text: "hi" }), "hi")
    }).pipe(Effect.provide(Server), Effect.timeout("10 seconds")))

  it.live("dials a relative URL on the server that the page came from", () =>
    Effect.gen(function*() {
      const href = `http://${yield* origin}/rooms/lobby?x=1#top`
      yield* Effect.acquireRelease(
        Effect.sync(() => Object.defineProperty(globalThis, "location", { value: { href }, configurable: true })),
        () => Effect.sync(() => Reflect.deleteProperty(globalThis, "location"))
      )
      const echo = yield* Echo.connect("a").pipe(
        Effect.provideContext(yield* Layer.build(BrowserClient.layer({ url: "/actors" })))
      )
      assert.strictEqual(yield* echo.rpc.say({ text: "hi" }), "hi")
    }).pipe(Effect.provide(Server), Effect.timeout("10 seconds")))
})

/** A WebSocket of a browser that notes when it is closed. */
class FakeWebSocket extends EventTarget {
  readyState = 1
  readonly closes: Array<number | undefined> = []
  send() {}
  close(code?: number) {
    this.readyState = 3
    this.closes.push(code)
  }
}

describe("a page that is put away", () => {
  it.effect("has its WebSocket closed before the event is over, with a code that is no leave", () =>
    Effect.gen(function*() {
      const page = new FakePage()
      const dialled = yield* Deferred.make<FakeWebSocket>()
      const Client = ActorClient.layerWebSocket({ url: "wss://example.org/actors" }).pipe(
        Layer.provide(Layer.succeed(Socket.WebSocketConstructor, () => {
          const socket = new FakeWebSocket()
          Deferred.doneUnsafe(dialled, Exit.succeed(socket))
          return socket
        })),
        Layer.provide(Layer.effect(PlatformSignals.PlatformSignals, BrowserClient.makeSignals(page)))
      )
      yield* Echo.connect("a").pipe(Effect.provideContext(yield* Layer.build(Client)))
      const socket = yield* Deferred.await(dialled)
      yield* ChatApp.settle
      page.window.fire("pagehide")
      assert.deepStrictEqual(socket.closes, [1000])
    }))
})
