import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Schedule, type Scope, Stream } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import * as Metrics from "../src/Metrics.ts"
import { TestNetwork } from "../src/testing/TestNetwork.ts"
import * as Hosts from "./support/Hosts.ts"
import * as Observed from "./support/Observed.ts"
import * as Rooms from "./support/Rooms.ts"
import { awaitStatusBy } from "./support/World.ts"

const reconnect = Schedule.spaced("1 second")
const awaitStatus = awaitStatusBy(Observed.until)

const count = (metric: Metric.Counter<number>, attributes: Readonly<Record<string, string>>) =>
  Effect.map(Observed.valueOf(metric, { actor: "Room", ...attributes }), (state) => state?.count ?? 0)

const level = (metric: Metric.Gauge<number>, attributes: Readonly<Record<string, string>>) =>
  Effect.map(Observed.valueOf(metric, attributes), (state) => state?.value)

const spread = (metric: Metric.Histogram<number>) => Observed.valueOf(metric, { actor: "Room" })

const test = <E>(name: string, body: () => Effect.Effect<void, E, Observed.App | Scope.Scope>, host = {}) =>
  Hosts.it.onEachHost(name, () => Effect.provide(body(), Observed.layer({ tracer: false, host })))

describe("Metrics", () => {
  test(
    "counts connections by status, and actors",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const ada = yield* Rooms.join("ada", { reconnect })
      const ben = yield* Rooms.join("ben", { reconnect, key: "attic" })
      yield* awaitStatus(ada, "Connected")
      yield* awaitStatus(ben, "Connected")
      assert.strictEqual(yield* level(Metrics.serverConnections, { actor: "Room", status: "connected" }), 2)
      assert.strictEqual(yield* level(Metrics.serverActors, { actor: "Room" }), 2)
      assert.strictEqual(yield* level(Metrics.clientConnections, { actor: "Room", status: "connected" }), 2)

      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      assert.strictEqual(yield* level(Metrics.serverConnections, { actor: "Room", status: "connected" }), 0)
      assert.strictEqual(yield* level(Metrics.serverConnections, { actor: "Room", status: "suspended" }), 2)
      assert.strictEqual(yield* level(Metrics.clientConnections, { actor: "Room", status: "waiting" }), 2)

      yield* awaitStatus(ada, "Connected")
      yield* awaitStatus(ben, "Connected")
      assert.strictEqual(yield* count(Metrics.serverResumes, { result: "exact" }), 2)
      assert.strictEqual(yield* count(Metrics.clientResumes, { result: "exact" }), 2)

      yield* ada.disconnect()
      yield* Observed.until(Rooms.Backstage.use((backstage) => backstage.awaitEntry("onDisconnect ada")))
      assert.strictEqual(yield* level(Metrics.serverConnections, { actor: "Room", status: "connected" }), 1)
      assert.strictEqual(yield* count(Metrics.serverDisconnects, { reason: "ClientLeft" }), 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* level(Metrics.serverActors, { actor: "Room" }), 1)
    })
  )

  test(
    "counts dials, rejections by tag and handshakes",
    Effect.fnUntraced(function*() {
      const mallory = yield* Rooms.join("mallory", { reconnect })
      yield* awaitStatus(mallory, "Rejected")
      assert.strictEqual(yield* count(Metrics.serverRejections, { reason: "Rejected", rejection: "Unwelcome" }), 1)
      assert.strictEqual(yield* count(Metrics.clientDials, { outcome: "rejected" }), 1)

      const network = yield* TestNetwork
      yield* network.refuse
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Waiting")
      yield* network.heal
      yield* awaitStatus(ada, "Connected")
      assert.isAtLeast(yield* count(Metrics.clientDials, { outcome: "failed" }), 1)
      assert.strictEqual(yield* count(Metrics.clientDials, { outcome: "connected" }), 1)
      assert.strictEqual(yield* level(Metrics.serverHandshakes, {}), 0)
    })
  )

  test(
    "counts a session that was gone as lost, with its gap",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* network.refuse
      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      yield* Observed.until(Rooms.Backstage.use((backstage) => backstage.awaitEntry("onDisconnect ada")))
      yield* network.heal
      yield* awaitStatus(ada, "Connected")
      assert.strictEqual(yield* count(Metrics.serverResumes, { result: "lost" }), 1)
      assert.strictEqual(yield* count(Metrics.clientResumes, { result: "lost" }), 1)
      assert.strictEqual(yield* count(Metrics.clientGaps, { cause: "SessionLost" }), 1)
      assert.strictEqual(yield* count(Metrics.serverDisconnects, { reason: "Lost" }), 1)
    }),
    { resumeWindow: "5 seconds" }
  )

  test(
    "counts calls by outcome on both ends",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* ada.rpc.echo({ text: "hi" })
      yield* ada.rpc.echo({ text: "ho" })
      yield* Effect.exit(ada.rpc.fail({ code: 7 }))
      yield* Effect.exit(ada.rpc.die({ secret: "x" }))
      yield* Stream.runDrain(ada.rpc.count({ to: 3 }))
      const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "never" }))
      yield* Rooms.Backstage.use((backstage) => backstage.awaitEntry("wait never"))
      yield* Fiber.interrupt(waiting)
      yield* Rooms.Backstage.use((backstage) => backstage.awaitEntry("interrupted never"))
      yield* Effect.yieldNow
      const room = yield* Rooms.Room.client("lobby")
      yield* room.roll()

      for (const metric of [Metrics.serverCalls, Metrics.clientCalls]) {
        const origin: Record<string, string> = metric === Metrics.serverCalls ? { origin: "client" } : {}
        assert.strictEqual(yield* count(metric, { outcome: "success", ...origin }), 3)
        assert.strictEqual(yield* count(metric, { outcome: "failure", ...origin }), 1)
        assert.strictEqual(yield* count(metric, { outcome: "defect", ...origin }), 1)
        assert.strictEqual(yield* count(metric, { outcome: "interrupted", ...origin }), 1)
      }
      assert.strictEqual(yield* count(Metrics.serverCalls, { outcome: "success", origin: "server" }), 1)

      yield* ada.disconnect()
      yield* Effect.exit(ada.rpc.echo({ text: "too late" }))
      assert.strictEqual(yield* count(Metrics.clientCalls, { outcome: "refused" }), 1)
    })
  )

  test(
    "counts a call that was not started as refused when its connection is kicked",
    Effect.fnUntraced(function*() {
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* Effect.forkChild(Effect.exit(ada.rpc.wait({ gate: "kick" })))
      yield* backstage.awaitEntry("wait kick")
      const second = yield* Effect.forkChild(Effect.exit(ada.rpc.echo({ text: "second" })))
      yield* Observed.settle
      const room = yield* Rooms.Room.client("lobby")
      yield* room.clear()
      yield* backstage.gate("kick").open
      yield* Observed.until(Fiber.join(second))
      assert.strictEqual(yield* count(Metrics.serverCalls, { origin: "client", outcome: "refused" }), 1)
      assert.strictEqual(yield* count(Metrics.clientCalls, { outcome: "refused" }), 1)
      assert.strictEqual(yield* count(Metrics.serverDisconnects, { reason: "Kicked" }), 1)
    })
  )

  test(
    "counts a call once whose handler succeeds and whose reply is too large to be sent",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* Rooms.failure(ada.rpc.big({ length: 20_000 }), "ReplyTooLarge")
      assert.strictEqual(yield* count(Metrics.serverCalls, { origin: "client", outcome: "success" }), 1)
      assert.strictEqual(yield* count(Metrics.serverCalls, { origin: "client", outcome: "failure" }), 0)
      assert.strictEqual(yield* count(Metrics.clientCalls, { outcome: "failure" }), 1)
    }),
    { maxFrameBytes: 10_000 }
  )

  test(
    "times a call with and without its time in the queue",
    Effect.fnUntraced(function*() {
      const backstage = yield* Rooms.Backstage
      const network = yield* TestNetwork
      yield* network.refuse
      const ada = yield* Rooms.join("ada", { reconnect })
      const first = yield* Effect.forkChild(ada.rpc.wait({ gate: "first" }))
      const second = yield* Effect.forkChild(ada.rpc.echo({ text: "second" }))
      yield* awaitStatus(ada, "Waiting")
      assert.strictEqual(yield* level(Metrics.clientQueued, { actor: "Room" }), 2)
      yield* TestClock.adjust("10 seconds")
      yield* network.heal
      yield* Observed.until(backstage.awaitEntry("wait first"))
      assert.strictEqual(yield* level(Metrics.clientQueued, { actor: "Room" }), 0)
      yield* TestClock.adjust("4 seconds")
      yield* backstage.gate("first").open
      yield* Fiber.join(first)
      yield* Fiber.join(second)

      const onServer = yield* spread(Metrics.serverCallDuration)
      const running = yield* spread(Metrics.serverHandlerDuration)
      // Both were taken in at once; the second one waited for the turn of the first.
      assert.strictEqual(onServer?.count, 2)
      assert.approximately(onServer?.min ?? 0, 4, 0.1)
      assert.approximately(running?.max ?? 0, 4, 0.1)
      assert.approximately(running?.min ?? 1, 0, 0.1)
      const asSeen = yield* spread(Metrics.clientCallDuration)
      const sent = yield* spread(Metrics.clientRoundTripDuration)
      assert.isAtLeast(asSeen?.min ?? 0, 14)
      assert.approximately(sent?.max ?? 0, 4, 0.1)
      assert.deepStrictEqual(sent?.buckets.find(([bound]) => bound === 5), [5, 2])
    })
  )

  test(
    "tells what is kept for a client, and that a slow one was ended",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const ada = yield* Rooms.join("ada", { reconnect, subscribe: ["said"] })
      yield* awaitStatus(ada, "Connected")
      yield* network.freeze
      const room = yield* Rooms.Room.client("lobby")
      yield* room.ring({ text: "one" })
      assert.isAbove((yield* level(Metrics.serverReplaySize, { actor: "Room" })) ?? 0, 30)
      yield* Effect.forEach(Array.from({ length: 20 }), () => room.ring({ text: "more" }))
      yield* Observed.until(Rooms.Backstage.use((backstage) => backstage.awaitEntry("onDisconnect ada")))
      assert.strictEqual(yield* count(Metrics.serverDisconnects, { reason: "SlowConsumer" }), 1)
      // In a cluster server code has a session as well, which acknowledges its answers.
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* level(Metrics.serverReplaySize, { actor: "Room" }), 0)
    }),
    { bufferFrames: 8 }
  )

  test(
    "hosts and clients of one registry share their series, and those of another do not",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      const elsewhere = Effect.provideService(Metric.snapshot, Metric.MetricRegistry, new Map())
      assert.deepStrictEqual(yield* elsewhere, [])
      const ids = new Set((yield* Metric.snapshot).map(({ id }) => id))
      // The engine of a cluster has metrics of its own.
      assert.deepStrictEqual(Array.from(ids).filter((id) => !/^(tether\.|effect_cluster_)/.test(id)), [])
    })
  )

  test(
    "are shown by PrometheusMetrics with the endings that Prometheus expects",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* ada.rpc.echo({ text: "hi" })
      const text = yield* PrometheusMetrics.format({ metricNameMapper: Metrics.toPrometheusName })
      const lines = text.split("\n")
      assert.include(lines, "tether_server_calls_total{actor=\"Room\",origin=\"client\",outcome=\"success\"} 1")
      assert.include(lines, "tether_server_connections{actor=\"Room\",status=\"connected\"} 1")
      assert.include(lines, "tether_server_call_duration_seconds_count{actor=\"Room\"} 1")
      assert.include(lines, "# TYPE tether_server_replay_size_bytes gauge")
      assert.isFalse(text.includes("lobby") || text.includes("ada"), "no key and no param is a label")
    })
  )

  it("end for Prometheus in their unit, and counters in total", () => {
    for (const { attributes, id, type } of Object.values<unknown>(Metrics).filter(isMetric)) {
      const unit = attributes?.unit === undefined ? "" : `_${attributes.unit}`
      assert.strictEqual(Metrics.toPrometheusName(id), `${id}${unit}${type === "Counter" ? "_total" : ""}`)
    }
  })

  it("leaves the names of other metrics as they are", () => {
    assert.strictEqual(Metrics.toPrometheusName("http.requests"), "http.requests")
  })
})

const isMetric = (u: unknown): u is Metric.Metric<never, unknown> => Metric.isMetric(u)

describe("docs/OBSERVABILITY.md", () => {
  it("names every metric with its kind and its unit", () => {
    const page = readFileSync(new URL("../docs/OBSERVABILITY.md", import.meta.url), "utf8")
    const rows = Array.from(
      page.matchAll(/^\| `(tether\.[\w.]+)` \| ((?:gauge|counter|histogram)(?:, \w+)?) \|/gm),
      ([, id, kind]) => [id, kind]
    )
    const metrics = Object.values<unknown>(Metrics).filter(isMetric).map((metric) => {
      const unit = metric.attributes?.unit
      return [metric.id, `${metric.type.toLowerCase()}${unit === undefined ? "" : `, ${unit}`}`]
    })
    assert.deepStrictEqual(Object.fromEntries(rows), Object.fromEntries(metrics))
  })
})
