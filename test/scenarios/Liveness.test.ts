import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber } from "effect"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { withLeaps } from "../support/ChatClock.ts"
import { Journal } from "../support/ChatRoom.ts"
import { join, scenario } from "../support/ChatScenario.ts"
import { it } from "../support/Hosts.ts"

const App = ChatApp.layer()

const linesOf = (journal: Journal["Service"], line: string) => journal.entries.filter((entry) => entry === line).length

describe("a path that froze without a close (25)", () => {
  /** 15 seconds until an idle end pings, 10 more until it gives up. */
  const almost = 24_999

  it.onEachHost("in both directions: both ends notice when their time is over, and not before", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      yield* network.freeze
      yield* ChatApp.pass(almost)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Connected")

      yield* ChatApp.pass(1)
      yield* ChatApp.settle

      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Suspended")
      yield* ChatApp.pass("10 seconds")
      assert.strictEqual(linesOf(journal, "suspend ada"), 1)
    }).pipe(Effect.provide(App)))

  it.onEachHost("from client to server: the server suspends, the client is told and dials again", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      const [link] = yield* network.links
      yield* link!.freezeUplink
      yield* ChatApp.pass(almost)
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Connected")
      yield* ChatApp.pass(1)
      yield* ChatApp.settle
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Suspended")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")

      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.strictEqual(linesOf(journal, "suspend ada"), 1)
    }).pipe(Effect.provide(App)))

  it.onEachHost("from server to client: the client gives up and dials again, the server learns by the close", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      const [link] = yield* network.links
      yield* link!.freezeDownlink
      yield* ChatApp.pass(almost)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      yield* ChatApp.pass(1)
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Suspended")

      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.strictEqual(linesOf(journal, "suspend ada"), 1)
    }).pipe(Effect.provide(App)))

  scenario("costs nothing when it thaws: calls and events of meanwhile arrive once", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const id = yield* ChatApp.idOf(client)
      const heard = yield* ChatApp.collect(client.events.said)
      yield* world.network.freeze
      const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* Effect.yieldNow
      yield* lobby.say({ n: 1 })
      yield* world.until(journal.until("suspend ada"))
      yield* world.awaitStatus(client, "Waiting")
      yield* lobby.say({ n: 2 })
      yield* world.network.heal

      assert.strictEqual(yield* world.until(Fiber.join(call)), 1)
      yield* client.rpc.touch()
      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.deepStrictEqual(heard.values, [1, 2])
      assert.deepStrictEqual([linesOf(journal, "note 1"), linesOf(journal, "suspend ada")], [1, 1])
    }))

  it.onEachHost("is never assumed of an idle path that works", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      yield* network.latency("4 seconds")
      yield* ChatApp.pass("1 hour")

      assert.strictEqual(yield* network.dials, 1)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  it.onEachHost("is not assumed while a handler keeps the actor busy for long", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const call = yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
      yield* ChatApp.pass("10 minutes")
      yield* journal.gate.open

      assert.strictEqual(yield* Fiber.join(call), 1)
      assert.strictEqual(yield* network.dials, 1)
    }).pipe(Effect.provide(App)))
})

describe("a clock that leaps by hours (45)", () => {
  it.onEachHost("costs one check and no dial where the path is well", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork
        const journal = yield* Journal
        const client = yield* ChatApp.join("ada")
        const id = yield* ChatApp.idOf(client)
        yield* ChatApp.pass("5 seconds")
        yield* leap("8 hours")
        yield* ChatApp.pass("1 minute")

        assert.strictEqual(yield* ChatApp.idOf(client), id)
        assert.strictEqual(yield* network.dials, 1)
        assert.deepStrictEqual(journal.entries, ["before ada", "connect ada"])
      }).pipe(Effect.provide(App))
    ))

  it.onEachHost("costs one dial where the path has died meanwhile", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork
        const client = yield* ChatApp.join("ada")
        yield* ChatApp.pass("5 seconds")
        yield* leap("8 hours")
        yield* network.cut
        yield* ChatApp.pass("1 minute")

        assert.strictEqual(yield* network.dials, 2)
        assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      }).pipe(Effect.provide(App))
    ))

  it.onEachHost("costs one dial where the path has frozen meanwhile, after one unanswered check", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork
        const client = yield* ChatApp.join("ada")
        const [link] = yield* network.links
        yield* ChatApp.pass("5 seconds")
        yield* link!.freeze
        yield* leap("8 hours")
        // The timer that was running goes off, its check has 10 seconds.
        yield* ChatApp.pass("19999 millis")
        assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
        yield* ChatApp.pass("2 minutes")

        assert.strictEqual(yield* network.dials, 2)
        assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      }).pipe(Effect.provide(App))
    ))
})

describe("a client that stops reading (32)", () => {
  const Small = ChatApp.layer({ bufferFrames: 64 })

  it.onEachHost("delays nobody, is ended at its bound, and comes back fresh with one gap", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const slow = yield* ChatApp.join("ada", { subscribe: ["said"] })
      const slowHeard = yield* ChatApp.collect(slow.events.said)
      const gaps = yield* ChatApp.collect(slow.gaps)
      const id = yield* ChatApp.idOf(slow)
      const [link] = yield* network.links
      const quick = yield* ChatApp.join("bob", { subscribe: ["said"] })
      const quickHeard = yield* ChatApp.collect(quick.events.said)

      yield* link!.stall
      for (let n = 1; n <= 200; n++) {
        yield* lobby.say({ n })
        yield* ChatApp.settle
      }
      assert.deepStrictEqual(quickHeard.values, Array.range(1, 200))
      assert.deepStrictEqual(slowHeard.values, [])
      assert.strictEqual(linesOf(journal, "disconnect ada SlowConsumer"), 1)

      yield* link!.heal
      yield* ChatApp.pass("2 seconds")
      yield* lobby.say({ n: 201 })
      yield* ChatApp.settle

      assert.strictEqual(slowHeard.values.at(-1), 201)
      assert.deepStrictEqual(slowHeard.values.slice(0, -1), Array.range(1, slowHeard.values.length - 1))
      assert.isAtMost(slowHeard.values.length, 66)
      assert.deepStrictEqual(gaps.values.map(({ cause, previous }) => [cause, previous]), [["BufferLost", id]])
      assert.strictEqual(quickHeard.values.at(-1), 201)
      assert.strictEqual(linesOf(journal, "connect ada"), 2)
      assert.strictEqual(linesOf(journal, "connect bob"), 1)
    }).pipe(Effect.provide(Small)))

  it.onEachHost("is ended by bytes as well", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      yield* ChatApp.join("ada", { subscribe: ["said"] })
      const [link] = yield* network.links
      yield* link!.stall
      yield* lobby.sayAll({ from: 1, to: 100 })
      yield* ChatApp.settle

      assert.strictEqual(linesOf(journal, "disconnect ada SlowConsumer"), 1)
    }).pipe(Effect.provide(ChatApp.layer({ bufferBytes: 1_000 }))))

  it.onEachHost("only for a moment loses nothing", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* ChatApp.room
      const client = yield* ChatApp.join("ada", { subscribe: ["said"] })
      const heard = yield* ChatApp.collect(client.events.said)
      yield* network.stall
      yield* lobby.sayAll({ from: 1, to: 60 })
      yield* ChatApp.pass("1 second")
      yield* network.heal
      yield* ChatApp.pass("1 second")

      assert.deepStrictEqual(heard.values, Array.range(1, 60))
      assert.strictEqual(yield* network.dials, 1)
    }).pipe(Effect.provide(Small)))

  it.onEachHost("with a stream open is not ended: its chunks wait for their window", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const counted = yield* ChatApp.collect(client.rpc.count({ upTo: 500 }))
      yield* network.stall
      yield* ChatApp.pass("10 seconds")
      yield* network.heal
      // Chunk by chunk, each with its acknowledgement.
      yield* Effect.replicateEffect(ChatApp.pass("1 second"), 5, { discard: true })

      assert.deepStrictEqual(counted.values, Array.range(1, 500))
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada"])
    }).pipe(Effect.provide(Small)))
})
