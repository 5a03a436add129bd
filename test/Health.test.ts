import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { HttpClient, HttpRouter } from "effect/http"
import { TestClock } from "effect/testing"
import { ActorHost, ActorServer } from "../src/index.ts"
import * as Observed from "./support/Observed.ts"
import * as Rooms from "./support/Rooms.ts"
import { awaitStatusBy } from "./support/World.ts"

const awaitStatus = awaitStatusBy(Observed.until)

const serve = (options?: Parameters<typeof ActorServer.layerHealth<string, never>>[0]) =>
  HttpRouter.serve(ActorServer.layerHealth(options), { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layerTest),
    Layer.provideMerge(Observed.layer({ tracer: false }))
  )

const ask = Effect.fnUntraced(function*(path: string) {
  const response = yield* HttpClient.get(path)
  assert.strictEqual(response.headers["cache-control"], "no-store")
  return [response.status, yield* response.text] as const
})

describe("layerHealth", () => {
  it.effect("says that the process lives and is ready", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ask("/health/live"), [200, "live"])
      assert.deepStrictEqual(yield* ask("/health/ready"), [200, "ready"])
    }).pipe(Effect.provide(serve())))

  it.effect("says that a host which drains lives and is not ready, until the end", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect: Schedule.spaced("1 second") })
      yield* awaitStatus(ada, "Connected")
      const running = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }))
      yield* backstage.awaitEntry("wait door")
      const draining = yield* Effect.forkChild(host.drain({ window: 0 }))
      yield* Observed.settle
      assert.deepStrictEqual(yield* ask("/health/live"), [200, "live"])
      assert.deepStrictEqual(yield* ask("/health/ready"), [503, "draining"])
      yield* backstage.gate("door").open
      yield* Observed.until(Fiber.join(draining))
      yield* Fiber.join(running)
      assert.deepStrictEqual(yield* ask("/health/ready"), [503, "draining"])
    }).pipe(Effect.scoped, Effect.provide(serve())))

  it.effect("is not ready while the check fails, and says why in the log", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ask("/ready"), [503, "unready"])
      assert.deepStrictEqual(yield* ask("/live"), [200, "live"])
      const { lines } = yield* Observed.Observed
      const line = lines.find(({ level }) => level === "Warn")
      assert.include(line?.cause, "no database")
    }).pipe(Effect.provide(serve({ live: "/live", ready: "/ready", check: Effect.fail("no database") }))))

  it.effect("is not ready when the check takes too long", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const check = Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
      yield* Effect.gen(function*() {
        const answer = yield* Effect.forkChild(ask("/health/ready"))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* Fiber.join(answer), [503, "unready"])
      }).pipe(Effect.provide(serve({ check, checkTimeout: "2 seconds" })))
    }))
})

describe("draining", () => {
  it.effect("is over after its limit, however long a call takes", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect: Schedule.spaced("1 second") })
      const ben = yield* Rooms.join("ben", { reconnect: Schedule.spaced("1 second") })
      yield* awaitStatus(ada, "Connected")
      yield* awaitStatus(ben, "Connected")
      yield* Effect.forkChild(Effect.exit(ada.rpc.wait({ gate: "never" })))
      yield* backstage.awaitEntry("wait never")
      const draining = yield* Effect.forkChild(
        Effect.uninterruptible(host.drain({ window: "1 hour", limit: "5 seconds" }))
      )
      yield* Observed.settle
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(draining)
      yield* awaitStatus(ben, "Waiting")
      const { lines } = yield* Observed.Observed
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Warn").map(({ text }) => text), [
        "draining took longer than its limit; what is left is cut"
      ])
      // So that the app can close without its own grace time.
      yield* backstage.gate("never").open
    }).pipe(Effect.scoped, Effect.provide(Observed.layer({ tracer: false }))))
})
