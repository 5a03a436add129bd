// Acceptance case 37: a server that leaves sends its clients away in an orderly manner.
import { NodeHttpServer, NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Logger, Scope, Stream, SubscriptionRef } from "effect"
import { FetchHttpClient, HttpClient, HttpRouter, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import { Backstage, failure, join, layer, scenario } from "../support/Rooms.ts"

const drain = (options?: ActorHost.DrainOptions) => Effect.flatMap(ActorHost.ActorHost, (host) => host.drain(options))

/** A node that drains sends its sockets away, and no connection ends: see `cluster/Nodes.test.ts`. */
const differs = "a node drains sockets, not connections"

describe("draining", () => {
  scenario(
    "ends every connection with Draining, once its hook has run, and refuses new ones",
    (world) =>
      Effect.gen(function*() {
        const { entriesOf } = yield* Backstage
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const bob = yield* join("bob", { reconnect: world.reconnect })
        yield* world.until(Effect.andThen(ada.rpc.whoami(), bob.rpc.whoami()))

        yield* world.until(drain({ window: "100 millis", retryAfter: "10 millis" }))

        assert.sameMembers(yield* entriesOf("onDisconnect").pipe(Effect.map((entries) => [...entries])), [
          "onDisconnect ada Draining",
          "onDisconnect bob Draining"
        ])
        const turnedAway = SubscriptionRef.changes(ada.status).pipe(
          Stream.filter((status) => status._tag === "Waiting" && status.attempt > 1),
          Stream.runHead
        )
        yield* world.until(turnedAway)
        assert.deepStrictEqual(yield* entriesOf("onConnect"), ["onConnect ada", "onConnect bob"])
      }),
    { notInCluster: differs }
  )

  scenario("lets a running call finish and sends its reply before the bye", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, gate } = yield* Backstage
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const running = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }), { startImmediately: true })
      yield* world.until(awaitEntry("wait door"))
      const draining = yield* Effect.forkChild(drain({ window: "10 millis" }), { startImmediately: true })
      assert.isTrue(yield* Effect.flatMap(ActorHost.ActorHost, (host) => host.isDraining))

      yield* gate("door").open

      assert.strictEqual(yield* world.until(Fiber.join(running)), "door")
      yield* world.until(Fiber.join(draining))
    }), { liveOptions: { kickGrace: "10 seconds" }, notInCluster: differs })

  scenario(
    "interrupts a call that outlasts the grace time; its caller is told that the outcome is unknown",
    (world) =>
      Effect.gen(function*() {
        const { awaitEntry } = yield* Backstage
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const running = yield* Effect.forkChild(failure(ada.rpc.wait({ gate: "door" }), "OutcomeUnknown"))
        yield* world.until(awaitEntry("wait door"))

        yield* world.until(drain({ window: "10 millis" }))

        const reason = yield* world.until(Fiber.join(running))
        assert.strictEqual(reason.cause?._tag, "Draining")
      }),
    { notInCluster: differs }
  )

  scenario(
    "spreads the ends evenly over the window, each with a time of its own to come back",
    (world) =>
      Effect.gen(function*() {
        const delays: Array<number> = []
        const ends: Array<number> = []
        const started = yield* Clock.currentTimeMillis
        yield* Effect.forEach(Array.from({ length: 10 }, (_, i) => `member ${i}`), (name) =>
          Effect.gen(function*() {
            const member = yield* join(name)
            yield* world.until(member.rpc.whoami())
            yield* SubscriptionRef.changes(member.status).pipe(
              Stream.filter((status) => status._tag === "Waiting"),
              Stream.take(1),
              Stream.runForEach((status) =>
                Effect.map(Clock.currentTimeMillis, (now) => {
                  ends.push(now - started)
                  if (status._tag === "Waiting") delays.push(Duration.toMillis(status.delay))
                })
              ),
              Effect.forkScoped
            )
          }))
        const fiber = yield* Effect.forkChild(drain({ window: "10 seconds", retryAfter: "4 seconds" }))
        const begun = yield* Clock.currentTimeMillis
        yield* world.settle
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(ends.map((at) => at + started - begun), [
          0,
          1000,
          2000,
          3000,
          4000,
          5000,
          6000,
          7000,
          8000,
          9000
        ])
        assert.isAbove(new Set(delays).size, 5)
      }),
    { only: "memory", notInCluster: differs }
  )

  it.live("by withDrain: an app that closes answers new dials with 503 and sends its clients away first", () =>
    Effect.gen(function*() {
      const app = yield* Scope.make()
      const actors = layer.pipe(Layer.provideMerge(ActorHost.layerLocal({ kickGrace: "10 seconds" })))
      const server = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
        disableListenLog: true,
        disableLogger: true
      }).pipe(
        ActorServer.withDrain({ window: "10 millis", retryAfter: 0 }),
        Layer.provideMerge(actors),
        Layer.provideMerge(
          NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true })
        )
      )
      const context = yield* Layer.buildWithScope(server, app)
      const { address } = Context.get(context, HttpServer.HttpServer)
      const port = "port" in address ? address.port : 0
      const clients = yield* Layer.build(
        ActorClient.layerWebSocket({ url: `ws://127.0.0.1:${port}/actors` }).pipe(
          Layer.provide(NodeWS.layerWebSocketConstructor)
        )
      )
      const { awaitEntry, gate } = Context.get(context, Backstage)
      const ada = yield* join("ada").pipe(Effect.provideContext(clients))
      const running = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }), { startImmediately: true })
      yield* awaitEntry("wait door")

      const closing = yield* Effect.forkChild(Scope.close(app, Exit.void), { startImmediately: true })
      const answer = yield* HttpClient.get(`http://127.0.0.1:${port}/actors`).pipe(
        Effect.provide(FetchHttpClient.layer)
      )
      assert.strictEqual(answer.status, 503)
      yield* gate("door").open

      assert.strictEqual(yield* Fiber.join(running), "door")
      yield* Fiber.join(closing)
      const status = yield* SubscriptionRef.get(ada.status)
      assert.notStrictEqual(status._tag, "Connected")
    }).pipe(Effect.provide(Logger.layer([])), Effect.timeout("14 seconds")))
})
