/**
 * Durable actors: what is answered is stored, and what is stored is there again.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import * as Ledger from "../support/Book.ts"
import { it, layerHost } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"

const app = () =>
  TestNetwork.TestNetwork.layer.pipe(
    Layer.provide(Ledger.layer),
    Layer.provideMerge(layerHost()),
    Layer.provideMerge(Layer.mergeAll(TestStorage.layerMemory, Ledger.Watch.layer))
  )

const join = (name: string, key = "main") => Ledger.Ledger.connect(key, { params: { name }, subscribe: ["added"] })

/** Steps time finely, so that reconnects happen, until the effect is done. */
const drive = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let i = 0; i < 400 && fiber.pollUnsafe() === undefined; i++) {
    yield* settle
    yield* TestClock.adjust(50)
  }
  return yield* Fiber.join(fiber)
})

const entries = Ledger.Ledger.client("main").pipe(Effect.flatMap((ledger) => ledger.entries()))

describe("a durable actor", () => {
  it.onEachHost("answers and tells of a change after it is stored", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const client = yield* join("ada")
      yield* drive(client.rpc.all())
      const heard: Array<string> = []
      yield* Stream.runForEach(client.events.added, ({ entry }) => Effect.sync(() => heard.push(entry))).pipe(
        Effect.forkScoped
      )
      yield* storage.hold
      const call = yield* Effect.forkChild(client.rpc.add({ entry: "a" }))
      const read = yield* Effect.forkChild(client.rpc.all())
      yield* settle
      assert.isUndefined(call.pollUnsafe())
      assert.isUndefined(read.pollUnsafe(), "what the change may have been read from is not answered either")
      assert.deepStrictEqual(heard, [])
      yield* storage.letGo
      assert.strictEqual(yield* drive(Fiber.join(call)), 2)
      assert.deepStrictEqual(yield* drive(Fiber.join(read)), ["+ada", "a"])
      assert.deepStrictEqual(heard, ["a"])
    }).pipe(Effect.provide(app())))

  it.onEachHost("whose commit fails answers nobody with what is lost, and runs the calls once (case 40)", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log } = yield* Ledger.Watch
      const client = yield* join("ada")
      yield* drive(client.rpc.all())
      const id = yield* Effect.map(SubscriptionRef.get(client.status), (status) => (status as { id?: string }).id)
      const gaps = yield* Effect.forkChild(Stream.runHead(client.gaps), { startImmediately: true })
      yield* storage.failCommits("Full")
      const call = yield* Effect.forkChild(client.rpc.add({ entry: "a" }))
      const read = yield* Effect.forkChild(client.rpc.all())
      assert.strictEqual(yield* drive(Fiber.join(call)), 2)
      assert.deepStrictEqual(yield* drive(Fiber.join(read)), ["+ada", "a"])
      assert.strictEqual(log.filter((line) => line === "add a").length, 2, "the first run was taken back")
      assert.deepStrictEqual(log.filter((line) => line.startsWith("start")), ["start main", "start main"])
      assert.deepStrictEqual(log.filter((line) => line.startsWith("on")), ["onConnect ada"])
      const gap = Option.getOrThrow(yield* drive(Fiber.join(gaps)))
      assert.strictEqual(gap.cause, "ActorRestarted")
      assert.strictEqual(gap.previous, gap.current)
      assert.strictEqual(gap.current, id)
    }).pipe(Effect.provide(app())))

  it.onEachHost("answers a call that is sent again from its journal", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log } = yield* Ledger.Watch
      const client = yield* join("ada")
      yield* drive(client.rpc.all())
      yield* storage.loseCommits()
      assert.strictEqual(yield* drive(client.rpc.add({ entry: "a" })), 2)
      assert.strictEqual(log.filter((line) => line === "add a").length, 1)
      assert.deepStrictEqual(yield* drive(client.rpc.all()), ["+ada", "a"])
    }).pipe(Effect.provide(app())))

  it.onEachHost("keeps the states of its connections with the calls that change them", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const client = yield* join("ada")
      assert.strictEqual(yield* drive(client.rpc.count()), 1)
      yield* storage.loseCommits()
      assert.strictEqual(yield* drive(client.rpc.count()), 2)
      yield* storage.failCommits("Unavailable")
      assert.strictEqual(yield* drive(client.rpc.count()), 3)
      assert.strictEqual(yield* drive(client.rpc.count()), 4)
    }).pipe(Effect.provide(app())))

  it.onEachHost("sleeps without connections and calls, and wakes with its state", () =>
    Effect.gen(function*() {
      const { log } = yield* Ledger.Watch
      const ledger = yield* Ledger.Ledger.client("main")
      assert.strictEqual(yield* drive(ledger.deposit({ entry: "a" })), 1)
      yield* TestClock.adjust("2 minutes")
      yield* settle
      assert.deepStrictEqual(log, ["start main", "add a", "stop main"])
      assert.deepStrictEqual(yield* drive(ledger.entries()), ["a"])
    }).pipe(Effect.provide(app())))

  it.onEachHost("is woken by its alarms, each of which runs once", () =>
    Effect.gen(function*() {
      const { log } = yield* Ledger.Watch
      const client = yield* join("ada")
      yield* drive(client.rpc.remind({ millis: 600_000, text: "tea" }))
      yield* drive(client.rpc.remind({ millis: 500_000, text: "never" }))
      assert.isTrue(yield* drive(client.rpc.forget({ text: "never" })))
      yield* client.disconnect()
      yield* TestClock.adjust("5 minutes")
      yield* settle
      assert.strictEqual(log.at(-1), "stop main")
      yield* TestClock.adjust("330 seconds")
      yield* settle
      assert.deepStrictEqual(log.slice(-2), ["start main", "add ring tea"])
      yield* TestClock.adjust("20 minutes")
      yield* settle
      assert.strictEqual(log.filter((line) => line === "add ring tea").length, 1)
    }).pipe(Effect.provide(app())))

  it.onEachHost("ends what it kicks together with the call that kicks", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log } = yield* Ledger.Watch
      const ada = yield* join("ada")
      const bob = yield* join("bob")
      yield* drive(Effect.all([ada.rpc.all(), bob.rpc.all()]))
      // The commit happens, and nobody hears of it: the next incarnation ends what was kicked.
      yield* storage.loseCommits()
      yield* drive(ada.rpc.kick({ name: "bob" }))
      assert.deepStrictEqual(log.filter((line) => line.includes("kick") || line.includes("Kicked")), [
        "kick bob",
        "onDisconnect bob Kicked"
      ])
      // Its client was away when it was kicked: it may ask again, and the hook decides.
      yield* drive(bob.rpc.all())
      assert.deepStrictEqual(yield* drive(entries), ["+ada", "+bob", "-bob", "+bob"])
    }).pipe(Effect.provide(app())))
})

describe("a host that is started again on the same storage", () => {
  it.onEachHost("has its connections back, and answers what was asked of the one before", () =>
    Effect.gen(function*() {
      const { log } = yield* Ledger.Watch
      const network = yield* TestNetwork.TestNetwork
      const client = yield* join("ada")
      yield* drive(client.rpc.add({ entry: "a" }))
      yield* network.cut
      assert.deepStrictEqual(log, ["start main", "onConnect ada", "add a"])
    }).pipe(Effect.provide(app())))
})
