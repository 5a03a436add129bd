// Bursts, bounds and options at their edges: what a healthy client does on a healthy network must not end it.
import { assert, describe } from "@effect/vitest"
import { Array, Duration, Effect, Fiber, Layer, Schedule, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import type { HostOptions } from "../../src/ActorHost.ts"
import { Backstage, failure, hear, join, Room, scenario } from "../support/Rooms.ts"
import * as World from "../support/World.ts"

/** An actor that sends much at once. */
class Fountain extends Actor.make("Fountain", {
  events: { drop: Schema.Int },
  rpcs: [
    Rpc.make("pour", { payload: { chunks: Schema.Int, length: Schema.Int }, success: Schema.String, stream: true }),
    Rpc.make("rain", { payload: { drops: Schema.Int } })
  ]
}) {}

const FountainLayer = Fountain.toLayer(Effect.gen(function*() {
  const connections = yield* Fountain.Connections
  return Fountain.of({
    pour: ({ chunks, length }) => Stream.range(1, chunks).pipe(Stream.rechunk(1), Stream.map(() => "x".repeat(length))),
    rain: ({ drops }) =>
      Effect.forEach(Array.range(1, drops), (n) => connections.broadcast("drop", n), { discard: true })
  })
})).pipe(Layer.provide(Fountain.layerAdmitAll))

const startAll = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>) =>
  Effect.forEach(effects, (effect) => Effect.forkChild(effect, { startImmediately: true }))

const takeAll = <A, E, R>(stream: Stream.Stream<A, E, R>, count: number) =>
  Stream.runCollect(Stream.take(stream, count))

const statusOf = (client: Actor.ClientOf<typeof Room>) => SubscriptionRef.get(client.status)

describe("a burst", () => {
  World.scenario("of large values of 30 streams at once ends nobody", (world) =>
    Effect.gen(function*() {
      const client = yield* Fountain.connect("garden", { reconnect: world.reconnect })
      const { id } = yield* world.awaitStatus(client, "Connected")
      yield* world.network.latency("50 millis")

      const pours = yield* startAll(
        Array.makeBy(30, () => Stream.runCount(client.rpc.pour({ chunks: 6, length: 200_000 })))
      )

      assert.deepStrictEqual(yield* world.until(Fiber.joinAll(pours)), Array.replicate(6, 30))
      const status = yield* SubscriptionRef.get(client.status)
      assert.deepStrictEqual([status._tag, status._tag === "Connected" && status.id], ["Connected", id])
    }), { actors: FountainLayer, only: "memory" })

  scenario("of 5,000 events from within onConnect reaches a client that reads", (world) =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const names = Array.makeBy(5_000, String)
      backstage.hooks.onConnect = (connection) =>
        Effect.forEach(names, (name) => connection.send("greeted", { name }), { discard: true })
      const ada = yield* join("ada", { reconnect: world.reconnect, subscribe: ["greeted"], eventCapacity: 10_000 })

      const heard = yield* world.until(takeAll(ada.events.greeted, names.length))

      assert.deepStrictEqual(heard.map(({ name }) => name), names)
      assert.strictEqual(yield* world.until(ada.rpc.echo({ text: "still here" })), "still here")
      assert.deepStrictEqual(yield* backstage.entriesOf("onConnect", "onDisconnect"), ["onConnect ada"])
    }))

  World.scenario("of 5,000 broadcasts in a row reaches a client that reads", (world) =>
    Effect.gen(function*() {
      const client = yield* Fountain.connect("garden", {
        reconnect: world.reconnect,
        subscribe: ["drop"],
        eventCapacity: 10_000
      })
      const { id } = yield* world.awaitStatus(client, "Connected")

      yield* world.until(client.rpc.rain({ drops: 5_000 }))

      assert.deepStrictEqual(yield* world.until(takeAll(client.events.drop, 5_000)), Array.range(1, 5_000))
      const status = yield* SubscriptionRef.get(client.status)
      assert.deepStrictEqual([status._tag, status._tag === "Connected" && status.id], ["Connected", id])
    }), { actors: FountainLayer })
})

describe("small bounds of a host", () => {
  scenario("are kept by a client that sends 60 queued calls at once", (world) =>
    Effect.gen(function*() {
      yield* world.network.refuse
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const texts = Array.makeBy(60, (i) => String(i).padEnd(1_000, "x"))
      const calls = yield* startAll(texts.map((text) => ada.rpc.echo({ text })))
      assert.strictEqual(yield* ada.queued, 60)

      yield* world.network.heal

      assert.deepStrictEqual(yield* world.until(Fiber.joinAll(calls)), texts)
    }), { hostOptions: { maxBatchBytes: 16_384, maxFrameBytes: 8_192 } })

  scenario("on connections hold for clients that are admitted at the same time", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, gate, hooks } = yield* Backstage
      hooks.onBeforeConnect = ({ params }) => Effect.as(gate("door").await, params)
      const clients = yield* Effect.forEach(
        ["ada", "bob", "cyd", "dan", "eve"],
        (name) => join(name, { reconnect: Schedule.spaced("1 hour") })
      )
      yield* world.until(awaitEntry("onBeforeConnect", 5))

      yield* gate("door").open
      const away = yield* world.until(
        Effect.forEach(clients.slice(1), (client) => world.awaitStatus(client, "Waiting"))
      )

      for (const { cause } of away) assert.propertyVal(cause, "_tag", "Draining")
      yield* world.awaitStatus(clients[0]!, "Connected")
      assert.deepStrictEqual(yield* (yield* Room.client("lobby")).roll(), ["ada"])
    }), { hostOptions: { maxConnections: 1 }, only: "memory" })
})

describe("more subscriptions than the host allows", () => {
  scenario(
    "fail the one stream that is too many; the connection and the others go on",
    (world) =>
      Effect.gen(function*() {
        const backstage = yield* Backstage
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const { id } = yield* world.awaitStatus(ada, "Connected")
        const said = yield* Effect.forkChild(takeAll(ada.events.said, 1), { startImmediately: true })
        yield* world.until(ada.rpc.echo({ text: "subscribed" }))

        const { event, limit } = yield* world.until(failure(Stream.runDrain(ada.events.tick), "TooManySubscriptions"))

        assert.deepStrictEqual({ event, limit }, { event: "tick", limit: 1 })
        yield* (yield* Room.client("lobby")).ring({ text: "ding" })
        assert.deepStrictEqual(yield* world.until(Fiber.join(said)), [{ from: "bell", text: "ding" }])
        const status = yield* statusOf(ada)
        assert.deepStrictEqual([status._tag, status._tag === "Connected" && status.id], ["Connected", id])
        assert.deepStrictEqual(yield* backstage.entriesOf("onDisconnect"), [])
      }),
    { hostOptions: { maxSubscriptions: 1 } }
  )

  scenario("are possible one after the other", (world) =>
    Effect.gen(function*() {
      const lobby = yield* Room.client("lobby")
      const ada = yield* join("ada", { reconnect: world.reconnect })
      yield* world.awaitStatus(ada, "Connected")
      const said = yield* Effect.forkChild(takeAll(ada.events.said, 1), { startImmediately: true })
      yield* world.until(ada.rpc.echo({ text: "subscribed" }))
      yield* lobby.ring({ text: "ding" })
      yield* world.until(Fiber.join(said))

      const heard = yield* hear(ada.events.whispered)

      assert.isTrue(yield* world.until(ada.rpc.whisper({ to: "ada", text: "psst" })))
      assert.deepStrictEqual(yield* world.until(takeAll(Stream.fromQueue(heard), 1)), [{ from: "ada", text: "psst" }])
    }), { hostOptions: { maxSubscriptions: 1 } })

  scenario("in a hello are an error of the protocol that says so", (world) =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const ada = yield* join("ada", { reconnect: world.reconnect, subscribe: ["said", "tick"] })

      const { reason } = yield* world.awaitStatus(ada, "Disconnected")

      assert(reason._tag === "ProtocolError")
      assert.match(reason.message, /2 subscriptions/)
      assert.match(reason.message, /\b1\b/)
      assert.deepStrictEqual(yield* backstage.entries, ["start lobby"])
    }), { hostOptions: { maxSubscriptions: 1 } })
})

describe("options of a host that do not fit the wire as they are", () => {
  const cases: ReadonlyArray<readonly [name: string, options: HostOptions]> = [
    ["endless calls in flight", { maxCallsInFlight: Infinity }],
    ["half a call in flight", { maxCallsInFlight: 1.5 }],
    ["an endless resume window", { resumeWindow: Duration.infinity }],
    ["a resume window of fractions of a millisecond", { resumeWindow: "1500 micros" }],
    ["an endless heartbeat interval", { heartbeatInterval: Duration.infinity }]
  ]
  for (const [name, hostOptions] of cases) {
    scenario(`as ${name} let a client in and its calls through`, (world) =>
      Effect.gen(function*() {
        const ada = yield* join("ada", { reconnect: world.reconnect })

        const replies = yield* startAll(["1", "2", "3"].map((text) => ada.rpc.echo({ text })))

        assert.deepStrictEqual(yield* world.until(Fiber.joinAll(replies)), ["1", "2", "3"])
        assert.strictEqual((yield* statusOf(ada))._tag, "Connected")
      }), { hostOptions })
  }

  scenario("as an endless resume window let a client come back after a day", (world) =>
    Effect.gen(function*() {
      const ada = yield* join("ada", { reconnect: Schedule.spaced("4 hours") })
      const { id } = yield* world.awaitStatus(ada, "Connected")
      yield* world.until(ada.rpc.echo({ text: "confirmed" }))
      yield* world.network.refuse
      yield* world.network.cut
      yield* Effect.andThen(world.settle, TestClock.adjust("1 day"))
      yield* world.network.heal
      yield* Effect.andThen(world.settle, TestClock.adjust("4 hours"))
      yield* world.settle

      assert.deepStrictEqual(yield* statusOf(ada), { _tag: "Connected", id, resumed: true })
    }), { hostOptions: { resumeWindow: Duration.infinity }, only: "memory" })
})
