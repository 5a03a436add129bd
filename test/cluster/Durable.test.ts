// Durable actors over several nodes, with a storage in memory that all of them share, and a test clock.
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Fiber, Queue, Stream } from "effect"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Ledger from "../support/Ledger.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import { awaitStatusBy, untilSimulated as until } from "../support/World.ts"

const awaitStatus = awaitStatusBy(until)

const nodes = MemoryCluster.testWith(Ledger.layer)

const from = (node: MemoryCluster.Node<never>, key: string) =>
  Ledger.Ledger.client(key).pipe(Effect.provideContext(node.services))

const connect = (cluster: MemoryCluster.Cluster<never>, key: string, ...through: Array<MemoryCluster.Node<never>>) =>
  Ledger.Ledger.connect(key, { subscribe: ["written"] }).pipe(Effect.provideContext(cluster.clientOf(...through)))

describe("a durable actor", () => {
  nodes(
    "keeps its state, its connections and their states when its node crashes",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* connect(cluster, key, two, three)
        const { id } = yield* awaitStatus(ada, "Connected")
        assert.strictEqual(yield* until(ada.rpc.put({ name: "before" })), 1)
        assert.strictEqual(yield* until(ada.rpc.visit()), 1)

        yield* one.crash

        assert.strictEqual(yield* until(ada.rpc.put({ name: "after" })), 2)
        assert.strictEqual(yield* until(ada.rpc.visit()), 2)
        assert.strictEqual((yield* awaitStatus(ada, "Connected")).id, id)
        assert.deepStrictEqual(yield* until(ada.rpc.names()), ["before", "after"])
      })
  )

  nodes(
    "runs what its clients send once each, whichever of its nodes crash",
    4,
    (cluster, one, two, three, four) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const names = Array.from({ length: 120 }, (_, i) => `${i}`)
        const clients = [yield* connect(cluster, key, two, three), yield* connect(cluster, key, three, four)]
        for (const client of clients) yield* awaitStatus(client, "Connected")
        const working = yield* Effect.forkChild(Effect.forEach(clients, (client, who) =>
          Effect.forEach(
            names,
            (name) => Effect.andThen(client.rpc.put({ name: `${who} ${name}` }), Effect.sleep("100 millis")),
            { concurrency: 4 }
          ), { concurrency: "unbounded" }))
        for (const node of [one, four, two]) {
          yield* until(Effect.sleep("900 millis"))
          yield* node.crash
        }
        yield* until(Fiber.join(working))
        const written = yield* until(clients[0]!.rpc.names())
        const expected = [0, 1].flatMap((who) => names.map((name) => `${who} ${name}`))
        assert.strictEqual(written.length, expected.length)
        assert.sameMembers([...written], expected)
      })
  )

  nodes("goes on on its next node when the first one leaves, for its clients with a pause and nothing else", 3, (
    cluster,
    one,
    two
  ) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const ada = yield* connect(cluster, key, two)
      const { id } = yield* awaitStatus(ada, "Connected")
      const written = yield* Queue.unbounded<string>()
      yield* Stream.runForEach(ada.events.written, ({ name }) => Queue.offer(written, name)).pipe(Effect.forkScoped)
      yield* until(ada.rpc.put({ name: "one" }))
      const stopping = yield* Effect.forkChild(one.stop)
      const during = yield* Effect.forkChild(ada.rpc.put({ name: "two" }))
      yield* until(Fiber.join(stopping))
      assert.strictEqual(yield* until(Fiber.join(during)), 2)
      assert.strictEqual((yield* awaitStatus(ada, "Connected")).id, id)
      assert.strictEqual(yield* until(ada.rpc.put({ name: "three" })), 3)
      assert.deepStrictEqual(yield* until(ada.rpc.names()), ["one", "two", "three"])
    }))

  nodes(
    "is changed by nothing that a node has of it which has lost it without knowing",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const stale = yield* from(one, key)
        assert.strictEqual(yield* until(stale.count()), 0)
        // Cut off from the others and from the locks, while its own server code goes on.
        yield* one.crash
        const fresh = yield* from(two, key)
        assert.strictEqual(yield* until(fresh.count()), 0)
        // What it has in memory is refused. It loads the actor again and runs the call on what is stored, or finds out
        // before that the actor is elsewhere, where it cannot get.
        const calling = yield* Effect.forkChild(stale.remind({ name: "stale" }), { startImmediately: true })
        yield* until(Effect.sleep("10 seconds"))
        yield* until(fresh.remind({ name: "fresh" }))
        const expected = calling.pollUnsafe() === undefined ? ["fresh"] : ["stale", "fresh"]
        assert.deepStrictEqual(yield* until(fresh.reminders()), expected)
      })
  )

  nodes(
    "runs its alarms on the node that it belongs to then, asleep or after a crash",
    3,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* connect(cluster, key, two)
        yield* until(ada.rpc.putLater({ name: "asleep", seconds: 150 }))
        yield* until(ada.rpc.putLater({ name: "elsewhere", seconds: 300 }))
        yield* ada.disconnect()
        const size = (node: MemoryCluster.Node<never>) => Context.get(node.services, ActorHost.ActorHost).size
        yield* until(Effect.sleep("100 seconds"))
        assert.strictEqual(yield* size(one), 0)
        yield* until(Effect.sleep("100 seconds"))
        assert.strictEqual(yield* size(one), 1)
        yield* one.crash
        yield* until(Effect.sleep("120 seconds"))
        const ben = yield* connect(cluster, key, two)
        assert.deepStrictEqual(yield* until(ben.rpc.names()), ["asleep", "elsewhere"])
      })
  )
})
