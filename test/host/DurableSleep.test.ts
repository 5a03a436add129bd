/**
 * Durable actors that leave memory and come back, and connections whose clients do not.
 */
import { assert, describe } from "@effect/vitest"
import { DateTime, Effect, Fiber, Stream, SubscriptionRef } from "effect"
import * as ActorHost from "../../src/ActorHost.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it } from "../support/Hosts.ts"
import {
  begin,
  drive,
  join,
  type Life,
  Network,
  onServer,
  pass,
  Play,
  put,
  remind,
  run,
  Stage
} from "../support/Stage.ts"

const size = (life: Life) => Effect.provideContext(ActorHost.ActorHost.use((host) => host.size), life.context)

const entries = (life: Life) => drive(onServer(life, (stage) => stage.entries()))

const minute = 60_000

describe("an actor that nobody uses", () => {
  it.onEachHost("sleeps, and wakes for a call and for a client, unnoticed", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const life = yield* begin({ maxIdleTime: "10 seconds" })
      yield* onServer(life, (stage) => stage.deposit({ entry: "a" }))
      yield* pass(20_000, 1_000)
      assert.strictEqual(yield* size(life), 0)
      assert.deepStrictEqual(yield* entries(life), ["a"])
      yield* pass(20_000, 1_000)
      assert.strictEqual(yield* size(life), 0)
      const ada = yield* join("ada")
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["a", "+ada"])
      assert.strictEqual(log.filter((line) => line === "start main").length, 3)
    })))

  it.onEachHost("wakes for its alarm, does what it has to, and sleeps again", () =>
    run(Effect.gen(function*() {
      const { scenes } = yield* Play
      scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", DateTime.add(now, { minutes: 5 }))))
      const life = yield* begin({ maxIdleTime: "10 seconds" })
      yield* onServer(life, (stage) => stage.cue({ scene: "set" }))
      yield* pass(4 * minute, 1_000)
      assert.strictEqual(yield* size(life), 0)
      yield* pass(2 * minute, 1_000)
      assert.strictEqual(yield* size(life), 0)
      assert.deepStrictEqual(yield* entries(life), ["ring tea"])
    })))

  it.onEachHost("does not sleep while it has connections, and stores nothing but a sign of life now and then", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const life = yield* begin({ maxIdleTime: "10 seconds" })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const before = yield* storage.commits
      yield* pass(30 * minute, 5_000)
      assert.strictEqual(yield* size(life), 1)
      assert.isAtMost((yield* storage.commits) - before, 10)
    })))
})

describe("a recorded connection whose client does not come back", () => {
  it.onEachHost("ends after a full window of the next life, which nobody but its stored time has begun", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const network = yield* Network
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* network.refuse
      yield* first.crash
      yield* pass(3 * minute)
      const second = yield* begin()
      yield* pass(8 * minute, 1_000)
      assert.deepStrictEqual(log.filter((line) => line.startsWith("onDisconnect")), ["onDisconnect ada Lost"])
      assert.strictEqual(yield* size(second), 0)
      yield* second.crash
      const third = yield* begin()
      yield* pass(10 * minute, 5_000)
      assert.deepStrictEqual(yield* entries(third), ["+ada", "-ada"])
      assert.strictEqual(log.filter((line) => line.startsWith("onDisconnect")).length, 1)
    })))

  it.onEachHost("is not lost before its window of the new life is over", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const network = yield* Network
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* network.refuse
      yield* first.crash
      const second = yield* begin()
      yield* entries(second)
      yield* pass(59_000, 1_000)
      assert.isFalse(log.some((line) => line.startsWith("onDisconnect")))
      yield* pass(2_000, 500)
      assert.isTrue(log.some((line) => line === "onDisconnect ada Lost"))
    })))

  it.onEachHost("leaves the actor asleep in the end, with nothing to be woken for", () =>
    run(Effect.gen(function*() {
      const network = yield* Network
      const life = yield* begin({ maxIdleTime: "1 second" })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* network.refuse
      yield* network.cut
      yield* pass(3 * minute, 1_000)
      assert.strictEqual(yield* size(life), 0)
      const { asked } = yield* TestStorage
      assert.isNull((yield* asked).at(-1)?.changes.wakeAt)
    })))
})

describe("a downtime of hours", () => {
  it.onEachHost("costs nobody a connection who is back within a window of its end", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const first = yield* begin()
      const clients = yield* Effect.forEach(["ada", "bob", "cyd"], (name) => join(name))
      yield* drive(Effect.all(clients.map(({ rpc }) => rpc.all()), { concurrency: "unbounded" }))
      const ids = Effect.all(
        clients.map(({ status }) => Effect.map(SubscriptionRef.get(status), (one) => (one as { id?: string }).id))
      )
      const before = yield* ids
      yield* first.crash
      yield* pass(6 * 60 * minute, minute)
      yield* begin()
      yield* drive(Effect.all(clients.map(({ rpc }) => rpc.add({ entry: "back" })), { concurrency: "unbounded" }))
      assert.deepStrictEqual(yield* ids, before)
      assert.isFalse(log.some((line) => line.startsWith("onDisconnect")))
    })))
})

describe("an actor that stores every so often", () => {
  const options = { durability: { interval: "10 seconds" } } as const

  it.onEachHost("answers at once, and stores after an interval and when it stops", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const first = yield* begin(options)
      const ada = yield* join("ada")
      yield* drive(ada.rpc.add({ entry: "a" }))
      const heard = yield* Effect.forkChild(Stream.runHead(ada.events.said), { startImmediately: true })
      yield* pass(15_000, 1_000)
      const before = yield* storage.commits
      yield* storage.hold
      assert.strictEqual(yield* drive(ada.rpc.add({ entry: "b" })), 2)
      assert.isDefined(heard.pollUnsafe(), "its events leave at once as well")
      yield* storage.letGo
      yield* pass(15_000, 1_000)
      assert.strictEqual(yield* storage.commits, before + 1)
      yield* drive(ada.rpc.add({ entry: "c" }))
      yield* drive(first.stop)
      const second = yield* begin(options)
      assert.deepStrictEqual(yield* entries(second), ["+ada", "a", "b", "c"])
    })))

  it.onEachHost("loses at a crash what it has changed since it stored, and no more", () =>
    run(Effect.gen(function*() {
      const first = yield* begin(options)
      const ada = yield* join("ada")
      yield* drive(ada.rpc.add({ entry: "a" }))
      yield* pass(15_000, 1_000)
      yield* drive(ada.rpc.add({ entry: "b" }))
      yield* first.crash
      const second = yield* begin(options)
      assert.deepStrictEqual(yield* entries(second), ["+ada", "a"])
      assert.strictEqual(yield* drive(ada.rpc.add({ entry: "c" })), 2)
    })))

  it.onEachHost("goes on without a pause, however many turns there are in an interval", () =>
    run(Effect.gen(function*() {
      const { scenes } = yield* Play
      scenes.set("one", put("x"))
      const life = yield* begin({ durability: { interval: "1 hour" } })
      const calls = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 3_000 }),
          () => onServer(life, (stage) => stage.cue({ scene: "one" })),
          { discard: true }
        )
      )
      yield* drive(Fiber.join(calls))
      assert.strictEqual((yield* entries(life)).length, 3_000)
    })))

  it.onEachHost("keeps connections as well, and answers stored calls again", () =>
    run(Effect.gen(function*() {
      const { scenes } = yield* Play
      scenes.set("name", Effect.map(Stage.CurrentConnection, ({ state }) => state.name.length))
      const first = yield* begin(options)
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* pass(15_000, 1_000)
      const before = yield* SubscriptionRef.get(ada.status)
      yield* first.crash
      yield* begin(options)
      assert.strictEqual(yield* drive(ada.rpc.play({ scene: "name" })), 3)
      const after = yield* SubscriptionRef.get(ada.status)
      assert.strictEqual((after as { id?: string }).id, (before as { id?: string }).id)
    })))
})
