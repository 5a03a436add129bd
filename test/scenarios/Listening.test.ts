import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Schedule, Schema, Stream } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import type * as ActorHost from "../../src/ActorHost.ts"
import type { Occurrence } from "../../src/Client.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { it, layerHost } from "../support/Hosts.ts"

const events = { added: Schema.Int, removed: Schema.Int, cleared: Schema.Void }

class Board extends Actor.make("Board", {
  events,
  rpcs: [Rpc.make("touch")],
  internal: [
    Rpc.make("play", { payload: { rounds: Schema.Int } }),
    Rpc.make("subscriptions", { success: Schema.Array(Schema.String) })
  ]
}) {}

const Actors = Board.toLayer(Effect.gen(function*() {
  const connections = yield* Board.Connections
  return Board.of({
    touch: () => Effect.void,
    play: Effect.fnUntraced(function*({ rounds }) {
      for (let n = 1; n <= rounds; n++) {
        yield* connections.broadcast("added", n)
        yield* connections.broadcast("removed", n)
      }
    }),
    subscriptions: () =>
      Effect.map(connections.all, (all) => Array.from(all.values()).flatMap((one) => Array.from(one.subscriptions)))
  })
})).pipe(
  Layer.provide(Board.layerHooks({
    onBeforeConnect: () => Effect.void,
    onConnect: Effect.fnUntraced(function*(connection) {
      yield* connection.send("added", 100)
      yield* connection.send("removed", 100)
      yield* connection.send("added", 101)
    })
  }))
)

const layer = (options?: ActorHost.HostOptions) =>
  TestNetwork.layer.pipe(Layer.provide(Actors), Layer.provideMerge(layerHost(options)))

const reconnect = Schedule.spaced("1 second")

const lines = (heard: ReadonlyArray<Occurrence<typeof events>>) =>
  heard.map((one) => one._tag === "Gap" ? `gap ${one.gap.cause}` : `${one.event} ${one.payload ?? ""}`)

describe("listen", () => {
  it.onEachHost("gives several events in the order in which the actor sent them", () =>
    Effect.gen(function*() {
      const client = yield* Board.connect("a", { reconnect })
      const board = yield* Board.client("a")
      yield* client.rpc.touch()
      const heard = yield* ChatApp.collect(client.listen("removed", "added"))
      yield* ChatApp.settle
      yield* board.play({ rounds: 50 })
      yield* ChatApp.settle
      assert.deepStrictEqual(
        lines(heard.values),
        Array.from({ length: 50 }, (_, i) => [`added ${i + 1}`, `removed ${i + 1}`]).flat()
      )
    }).pipe(Effect.provide(layer())))

  it.onEachHost("keeps that order for what was held since the handshake", () =>
    Effect.gen(function*() {
      const client = yield* Board.connect("a", { reconnect, subscribe: ["removed", "added", "cleared"] })
      yield* client.rpc.touch()
      const heard = yield* ChatApp.collect(client.listen("removed", "added"))
      yield* ChatApp.settle
      assert.deepStrictEqual(lines(heard.values), ["added 100", "removed 100", "added 101"])
      // What is held has one taker.
      const later = yield* ChatApp.collect(client.events.added)
      yield* ChatApp.settle
      assert.deepStrictEqual(later.values, [])
    }).pipe(Effect.provide(layer())))

  it.onEachHost("says where events may be missing, between those of before and those of after", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const board = yield* Board.client("a")
      const client = yield* Board.connect("a", { reconnect, subscribe: ["added"] })
      const heard = yield* ChatApp.collect(client.listen("added"))
      yield* client.rpc.touch()
      yield* board.play({ rounds: 1 })
      yield* ChatApp.settle
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.pass("2 minutes")
      yield* network.heal
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      yield* board.play({ rounds: 1 })
      yield* ChatApp.settle
      assert.deepStrictEqual(lines(heard.values), [
        "added 100",
        "added 101",
        "added 1",
        "gap SessionLost",
        "added 100",
        "added 101",
        "added 1"
      ])
    }).pipe(Effect.provide(layer())))

  it.onEachHost("subscribes while it runs, once for each event, and leaves alone what others consume", () =>
    Effect.gen(function*() {
      const board = yield* Board.client("a")
      const client = yield* Board.connect("a", { reconnect })
      yield* client.rpc.touch()
      const others = yield* Effect.forkChild(Stream.runDrain(client.events.removed), { startImmediately: true })
      const listening = yield* Effect.forkChild(Stream.runDrain(client.listen("added", "removed", "added")), {
        startImmediately: true
      })
      yield* ChatApp.settle
      assert.sameMembers([...(yield* board.subscriptions())], ["added", "removed"])
      yield* Fiber.interrupt(listening)
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* board.subscriptions(), ["removed"])
      yield* Fiber.interrupt(others)
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* board.subscriptions(), [])
    }).pipe(Effect.provide(layer())))

  it.onEachHost("fails as a whole where the server allows fewer subscriptions, and subscribes to none", () =>
    Effect.gen(function*() {
      const board = yield* Board.client("a")
      const client = yield* Board.connect("a", { reconnect })
      yield* client.rpc.touch()
      const error = yield* Effect.flip(Stream.runDrain(client.listen("added", "removed", "cleared")))
      assert.deepInclude(error.reason, { _tag: "TooManySubscriptions", event: "cleared", limit: 2 })
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* board.subscriptions(), [])
    }).pipe(Effect.provide(layer({ maxSubscriptions: 2 }))))

  it.onEachHost("fails with EventsOverflow where too much waits, and nobody else notices", () =>
    Effect.gen(function*() {
      const board = yield* Board.client("a")
      const client = yield* Board.connect("a", { reconnect, eventCapacity: 4 })
      yield* client.rpc.touch()
      const gate = Latch.makeUnsafe(false)
      const slow = yield* ChatApp.collect(client.listen("added", "removed").pipe(Stream.tap(() => gate.await)))
      const quick = yield* ChatApp.collect(client.events.cleared)
      yield* ChatApp.settle
      yield* board.play({ rounds: 20 })
      yield* ChatApp.settle
      yield* gate.open
      yield* ChatApp.settle
      assert.strictEqual(slow.errors[0]?.reason._tag, "EventsOverflow")
      assert.deepStrictEqual(quick.errors, [])
    }).pipe(Effect.provide(layer())))

  it.onEachHost("gives what is held and then fails where more came than may be held", () =>
    Effect.gen(function*() {
      const client = yield* Board.connect("a", { reconnect, eventCapacity: 1, subscribe: ["added", "removed"] })
      yield* client.rpc.touch()
      const heard = yield* ChatApp.collect(client.listen("added", "removed"))
      yield* ChatApp.settle
      assert.deepStrictEqual(lines(heard.values), ["added 100", "removed 100"])
      assert.strictEqual(heard.errors[0]?.reason._tag, "EventsOverflow")
    }).pipe(Effect.provide(layer())))

  it.onEachHost("fails when the handle is done, after what is held", () =>
    Effect.gen(function*() {
      const client = yield* Board.connect("a", { reconnect, subscribe: ["added"] })
      const running = yield* ChatApp.collect(client.listen("removed"))
      yield* client.rpc.touch()
      yield* client.disconnect()
      const late = yield* ChatApp.collect(client.listen("added"))
      const later = yield* ChatApp.collect(client.listen("added", "removed"))
      yield* ChatApp.settle
      assert.deepStrictEqual(lines(late.values), ["added 100", "added 101"])
      for (const { errors } of [running, late, later]) assert.strictEqual(errors[0]?.reason._tag, "Disconnected")
    }).pipe(Effect.provide(layer())))

  it.onEachHost("dies where the contract has no such event", () =>
    Effect.gen(function*() {
      const client = yield* Board.connect("a")
      const exit = yield* Effect.exit(Stream.runDrain(client.listen("added", "moved" as "removed")))
      assert.include(String(exit), "no event")
    }).pipe(Effect.provide(layer())))
})

describe("queuedChanges", () => {
  it.onEachHost("tells how many calls wait, now and whenever that changes, and ends with the handle", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* Board.connect("a", { reconnect })
      yield* client.rpc.touch()
      const numbers = yield* ChatApp.collect(client.queuedChanges)
      yield* ChatApp.settle
      assert.deepStrictEqual(numbers.values, [0])
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.settle
      yield* Effect.forkChild(client.rpc.touch(), { startImmediately: true })
      yield* ChatApp.settle
      const second = yield* Effect.forkChild(client.rpc.touch(), { startImmediately: true })
      yield* ChatApp.settle
      yield* Fiber.interrupt(second)
      yield* ChatApp.settle
      assert.deepStrictEqual(numbers.values, [0, 1, 2, 1])
      yield* network.heal
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      assert.deepStrictEqual(numbers.values, [0, 1, 2, 1, 0])
      yield* network.refuse
      yield* network.cut
      yield* Effect.forkChild(client.rpc.touch(), { startImmediately: true })
      yield* ChatApp.settle
      const all = yield* Effect.forkChild(Stream.runCollect(client.queuedChanges), { startImmediately: true })
      yield* ChatApp.settle
      yield* client.disconnect()
      assert.deepStrictEqual(yield* Fiber.join(all), [1, 0])
    }).pipe(Effect.provide(layer())))
})
