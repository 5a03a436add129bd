import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber, Stream } from "effect"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { Journal } from "../support/ChatRoom.ts"
import { comeBack, drop, join, scenario } from "../support/ChatScenario.ts"
import { it } from "../support/Hosts.ts"

const App = ChatApp.layer()

const notes = (from: number, to: number) => Array.makeBy(to - from + 1, (i) => `note ${from + i}`)

describe("a connection across a drop", () => {
  // 10
  scenario(
    "keeps id, state and list entry, and runs neither onDisconnect nor onConnect",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        yield* client.rpc.rename({ name: "lovelace" })
        const [before] = yield* ChatApp.members

        yield* drop(world, client)
        yield* world.until(journal.until("suspend lovelace"))
        const status = yield* comeBack(world, client)

        assert.deepStrictEqual([status.id as string, status.resumed], [before!.id, true])
        assert.strictEqual(before!.name, "lovelace")
        assert.deepStrictEqual(yield* ChatApp.members, [before!])
        assert.deepStrictEqual(journal.entries, ["before ada", "connect ada", "suspend lovelace", "before ada"])
      })
  )

  // 10
  scenario("stays in the list as suspended while the client is away", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const id = yield* ChatApp.idOf(client)

      yield* drop(world, client)
      yield* world.until(journal.until("suspend ada"))

      assert.deepStrictEqual(yield* ChatApp.members, [{ id, name: "ada", status: "Suspended", subscriptions: [] }])
    }))

  // 12
  scenario("survives 50 cycles, with nothing lost or doubled", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const id = yield* ChatApp.idOf(client)
      const heard = yield* ChatApp.collect(client.events.said)

      for (let n = 1; n <= 50; n++) {
        yield* world.network.cut
        yield* lobby.say({ n })
        assert.strictEqual(yield* world.until(client.rpc.note({ n })), n)
      }

      assert.deepStrictEqual(heard.values, Array.range(1, 50))
      assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("note")), notes(1, 50))
      assert.deepStrictEqual((yield* ChatApp.members).map((member) => member.id), [id])
      assert.isFalse(journal.entries.some((line) => line.startsWith("disconnect")))
      assert.strictEqual(yield* ChatApp.idOf(client), id)
    }))

  // 13
  it.onEachHost("resumes before the server has noticed; the older socket is closed", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      const [older] = yield* network.links
      yield* older!.freezeDownlink
      // The client has pinged by now; that ping is the last that the server hears of it.
      yield* ChatApp.pass("16 seconds")
      yield* older!.freezeUplink

      yield* ChatApp.pass("10 seconds")

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.strictEqual(yield* network.dials, 2)
      assert.deepStrictEqual((yield* network.links).map((link) => link.id), [2])
      assert.deepStrictEqual((yield* ChatApp.members).map(({ id, status }) => [id, status]), [[id, "Connected"]])
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada", "before ada"])
    }).pipe(Effect.provide(App)))

  // 14
  scenario(
    "resumes before it has received any event, and hears those sent meanwhile",
    (world) =>
      Effect.gen(function*() {
        const lobby = yield* ChatApp.room
        const client = yield* join(world, "ada", { subscribe: ["said"] })
        yield* drop(world, client)
        yield* lobby.say({ n: 1 })
        const status = yield* comeBack(world, client)

        assert.isTrue(status.resumed)
        assert.deepStrictEqual(yield* world.until(Stream.runCollect(Stream.take(client.events.said, 1))), [1])
      })
  )

  // 26
  it.onEachHost("has one socket at a time and one dial for each loss", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      for (let losses = 1; losses <= 10; losses++) {
        yield* network.cut
        yield* ChatApp.pass("1 second")
        assert.deepStrictEqual([yield* network.dials, yield* network.live], [losses + 1, 1])
      }
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  // 26
  it.onEachHost("is not disturbed by what an older socket still delivers, its close included", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      const [older] = yield* network.links
      yield* older!.freezeDownlink
      yield* ChatApp.pass("16 seconds")
      yield* older!.freezeUplink
      yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* ChatApp.pass("10 seconds")

      yield* older!.heal
      yield* ChatApp.pass("1 minute")

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.deepStrictEqual([yield* network.dials, yield* network.live], [2, 1])
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada", "before ada", "note 1"])
    }).pipe(Effect.provide(App)))
})

describe("calls across a drop", () => {
  // 15
  scenario("that are in flight run once and are answered", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const call = yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
      yield* world.until(journal.until("hold 1"))

      yield* drop(world, client)
      yield* journal.gate.open
      yield* comeBack(world, client)

      assert.strictEqual(yield* world.until(Fiber.join(call)), 1)
      assert.deepStrictEqual(journal.entries.filter((line) => line.includes("h")), [
        "hold 1",
        "held 1"
      ])
    }))

  // 15
  scenario("that are idempotent run once too: a resume sends nothing again", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const call = yield* Effect.forkChild(client.rpc.recall({ n: 1 }))
      yield* world.until(journal.until("hold 1"))
      yield* drop(world, client)
      yield* comeBack(world, client)
      yield* journal.gate.open

      assert.strictEqual(yield* world.until(Fiber.join(call)), 1)
      assert.strictEqual(journal.entries.filter((line) => line === "hold 1").length, 1)
    }))

  // 15
  it.onEachHost("whose reply was lost on its way get it again and do not run again", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      yield* network.freezeDownlink
      const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* ChatApp.settle
      assert.deepStrictEqual(journal.entries.slice(2), ["note 1"])

      yield* network.cut
      yield* network.heal
      yield* ChatApp.pass("1 second")

      assert.strictEqual(yield* Fiber.join(call), 1)
      assert.strictEqual(journal.entries.filter((line) => line === "note 1").length, 1)
    }).pipe(Effect.provide(App)))

  // 15
  it.onEachHost("whose request was lost on its way run once", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      yield* network.freezeUplink
      const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* ChatApp.settle
      assert.notInclude(journal.entries, "note 1")

      yield* network.cut
      yield* network.heal
      yield* ChatApp.pass("1 second")

      assert.strictEqual(yield* Fiber.join(call), 1)
      assert.strictEqual(journal.entries.filter((line) => line === "note 1").length, 1)
    }).pipe(Effect.provide(App)))

  // 16
  scenario("that are made while away run once each, in order, after the return", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* drop(world, client)

      const calls = yield* Effect.forkChild(
        Effect.forEach(Array.range(1, 1000), (n) => client.rpc.note({ n }), { concurrency: "unbounded" })
      )
      yield* Effect.yieldNow
      assert.strictEqual(yield* client.queued, 1000)
      yield* comeBack(world, client)

      assert.deepStrictEqual(yield* world.until(Fiber.join(calls)), Array.range(1, 1000))
      assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("note")), notes(1, 1000))
      assert.strictEqual(yield* client.queued, 0)
    }))

  // 15, 16
  scenario("keep their order, those in flight first", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
      yield* Effect.forkChild(client.rpc.note({ n: 2 }))
      yield* world.until(journal.until("hold 1"))
      yield* drop(world, client)
      const last = yield* Effect.forkChild(client.rpc.note({ n: 3 }))
      yield* journal.gate.open
      yield* comeBack(world, client)

      yield* world.until(Fiber.join(last))

      assert.deepStrictEqual(journal.entries.filter((line) => /^(note|held)/.test(line)), [
        "held 1",
        "note 2",
        "note 3"
      ])
    }))

  // 20
  scenario("that are interrupted while they are queued never reach the server", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* drop(world, client)
      const first = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      const second = yield* Effect.forkChild(client.rpc.note({ n: 2 }))
      yield* Effect.yieldNow
      assert.strictEqual(yield* client.queued, 2)

      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* client.queued, 1)
      yield* comeBack(world, client)

      assert.strictEqual(yield* world.until(Fiber.join(second)), 2)
      assert.notInclude(journal.entries, "note 1")
    }))

  // 20
  scenario(
    "that are interrupted after they were sent are interrupted on the server",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        const call = yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
        yield* world.until(journal.until("hold 1"))

        yield* Fiber.interrupt(call)

        yield* world.until(journal.until("interrupted 1"))
        assert.strictEqual(yield* client.rpc.note({ n: 2 }), 2)
      })
  )

  // 20
  scenario(
    "that are interrupted while away, after they were sent, are interrupted on return",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        const call = yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
        yield* world.until(journal.until("hold 1"))
        yield* drop(world, client)

        yield* Fiber.interrupt(call)
        assert.notInclude(journal.entries, "interrupted 1")
        yield* comeBack(world, client)

        yield* world.until(journal.until("interrupted 1"))
        assert.strictEqual(yield* client.rpc.note({ n: 2 }), 2)
        assert.notInclude(journal.entries, "held 1")
      })
  )

  // 21
  scenario("that failed with QueueFull never run", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada", { queueCapacity: 1, onQueueFull: "fail" })
      yield* drop(world, client)
      const first = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* Effect.yieldNow

      const error = yield* Effect.flip(client.rpc.note({ n: 2 }))
      yield* comeBack(world, client)
      yield* world.until(Fiber.join(first))

      assert.deepStrictEqual([error.reason._tag, error.executed], ["QueueFull", "no"])
      assert.strictEqual(yield* client.rpc.note({ n: 3 }), 3)
      assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("note")), ["note 1", "note 3"])
    }))

  // 21
  scenario("that were queued when the client left for good never run", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* drop(world, client)
      const call = yield* Effect.forkChild(Effect.flip(client.rpc.note({ n: 1 })))
      yield* Effect.yieldNow

      yield* client.disconnect()
      const error = yield* Fiber.join(call)
      yield* world.network.heal
      const other = yield* join(world, "bob")
      yield* other.rpc.note({ n: 2 })

      assert.deepStrictEqual([error.reason._tag, error.executed], ["Disconnected", "no"])
      assert.notInclude(journal.entries, "note 1")
    }))
})

describe("streaming calls across a drop", () => {
  it.onEachHost("go on without loss, with several chunks in flight", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      yield* network.latency("100 millis")
      const counted = yield* ChatApp.collect(client.rpc.count({ upTo: 200 }))
      // One round trip brings the first window of chunks, and not one chunk alone.
      yield* ChatApp.pass("200 millis")
      assert.strictEqual(counted.values.length, 16)

      for (let cuts = 0; cuts < 5; cuts++) {
        yield* ChatApp.pass("130 millis")
        yield* network.cut
        yield* ChatApp.pass("1500 millis")
      }
      yield* ChatApp.pass("5 seconds")

      assert.deepStrictEqual(counted.values, Array.range(1, 200))
      assert.deepStrictEqual(counted.errors, [])
    }).pipe(Effect.provide(App)))

  scenario("go on after each of ten cuts, every value once and in order", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const counted = yield* Effect.forkChild(Stream.runCollect(client.rpc.trickle({ upTo: 500 })))
      for (let n = 1; n <= 10; n++) {
        yield* journal.gate.open
        yield* Effect.yieldNow
        yield* journal.gate.close
        yield* world.network.cut
        yield* world.until(client.rpc.note({ n }))
      }
      assert.isUndefined(counted.pollUnsafe())
      yield* journal.gate.open

      assert.deepStrictEqual(yield* world.until(Fiber.join(counted)), Array.range(1, 500))
    }))

  // 20
  scenario("that are interrupted while away end on the server on return", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const stream = yield* Effect.forkChild(Stream.runDrain(client.rpc.trickle({ upTo: 5 })))
      assert.strictEqual(yield* client.rpc.note({ n: 1 }), 1)
      yield* drop(world, client)

      yield* Fiber.interrupt(stream)
      yield* comeBack(world, client)

      yield* world.until(journal.until("trickled"))
      assert.strictEqual(yield* client.rpc.note({ n: 2 }), 2)
    }))
})

describe("events across a drop", () => {
  // 17
  scenario("all arrive, in order and once: 1, a cut, 2, 3, 4", (world) =>
    Effect.gen(function*() {
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(client.events.said, 4)))
      yield* lobby.say({ n: 1 })
      yield* world.network.cut
      yield* lobby.sayAll({ from: 2, to: 4 })

      assert.deepStrictEqual(yield* world.until(Fiber.join(heard)), [1, 2, 3, 4])
    }))

  // 17
  scenario("that are sent while the client is known to be away are replayed", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(client.events.said, 501)))
      yield* drop(world, client)
      yield* world.until(journal.until("suspend ada"))
      yield* lobby.sayAll({ from: 1, to: 500 })
      yield* comeBack(world, client)
      yield* lobby.say({ n: 501 })

      assert.deepStrictEqual(yield* world.until(Fiber.join(heard)), Array.range(1, 501))
    }))

  scenario("leave no gap to announce", (world) =>
    Effect.gen(function*() {
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const gaps = yield* ChatApp.collect(client.gaps)
      yield* drop(world, client)
      yield* lobby.say({ n: 1 })
      yield* comeBack(world, client)
      yield* world.until(client.rpc.note({ n: 1 }))

      assert.deepStrictEqual(gaps.values, [])
    }))

  // 18
  scenario("stay subscribed, each once on the server", (world) =>
    Effect.gen(function*() {
      const client = yield* join(world, "ada")
      const first = yield* ChatApp.collect(client.events.said)
      const second = yield* ChatApp.collect(client.events.said)
      yield* ChatApp.collect(client.events.welcomed)
      yield* client.rpc.note({ n: 1 })
      const before = yield* ChatApp.members
      assert.deepStrictEqual(before[0]!.subscriptions, ["said", "welcomed"])

      for (let n = 1; n <= 3; n++) {
        yield* drop(world, client)
        yield* comeBack(world, client)
      }
      const lobby = yield* ChatApp.room
      yield* lobby.say({ n: 7 })
      yield* world.until(client.rpc.note({ n: 2 }))

      assert.deepStrictEqual(yield* ChatApp.members, before)
      assert.deepStrictEqual([first.values, second.values], [[7], [7]])
    }))

  // 18
  scenario("that were subscribed and unsubscribed while away are not subscribed", (world) =>
    Effect.gen(function*() {
      const client = yield* join(world, "ada", { subscribe: ["welcomed"] })
      yield* drop(world, client)
      const consumer = yield* Effect.forkChild(Stream.runDrain(client.events.said))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(consumer)
      yield* comeBack(world, client)
      yield* world.until(client.rpc.note({ n: 1 }))

      assert.deepStrictEqual((yield* ChatApp.members)[0]!.subscriptions, ["welcomed"])
    }))

  // 18
  scenario("that were unsubscribed while away are unsubscribed on the server", (world) =>
    Effect.gen(function*() {
      const client = yield* join(world, "ada")
      const consumer = yield* Effect.forkChild(Stream.runDrain(client.events.said))
      yield* Effect.yieldNow
      yield* client.rpc.note({ n: 1 })
      assert.deepStrictEqual((yield* ChatApp.members)[0]!.subscriptions, ["said"])
      yield* drop(world, client)
      yield* Fiber.interrupt(consumer)
      yield* comeBack(world, client)
      yield* world.until(client.rpc.note({ n: 2 }))

      assert.deepStrictEqual((yield* ChatApp.members)[0]!.subscriptions, [])
    }))

  // 19
  scenario("are unsubscribed when the last consumer ends", (world) =>
    Effect.gen(function*() {
      const client = yield* join(world, "ada")
      const one = yield* Effect.forkChild(Stream.runDrain(client.events.said))
      const other = yield* Effect.forkChild(Stream.runDrain(client.events.said))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(one)
      yield* client.rpc.note({ n: 1 })
      assert.deepStrictEqual((yield* ChatApp.members)[0]!.subscriptions, ["said"])

      yield* Fiber.interrupt(other)
      yield* client.rpc.note({ n: 2 })

      assert.deepStrictEqual((yield* ChatApp.members)[0]!.subscriptions, [])
    }))

  // 19
  scenario("reach one consumer while another one fails or is too slow", (world) =>
    Effect.gen(function*() {
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"], eventCapacity: 4 })
      const heard = yield* ChatApp.collect(client.events.said)
      const failing = yield* ChatApp.collect(Stream.mapEffect(client.events.said, (n) => Effect.fail(`no ${n}`)))
      const slow = yield* ChatApp.collect(Stream.mapEffect(client.events.said, () => Effect.never))
      for (let n = 1; n <= 20; n++) {
        yield* lobby.say({ n })
        yield* world.until(client.rpc.note({ n }))
      }

      assert.deepStrictEqual(heard.values, Array.range(1, 20))
      assert.deepStrictEqual(failing.errors, ["no 1"])
      assert.deepStrictEqual(slow, { values: [], errors: [] })
    }))
})
