// Sessions of calls between nodes: what happens to calls when the network between nodes, or one of them, fails.
import { assert, describe } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { ActorHost } from "../../src/ActorHost.ts"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { CallError } from "../../src/CallError.ts"
import * as Ledger from "../support/Ledger.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import { settle } from "../support/settle.ts"
import * as Works from "../support/Works.ts"
import { untilSimulated as until } from "../support/World.ts"

const nodes = MemoryCluster.testWith(Works.layer)
const books = MemoryCluster.testWith(Ledger.layer)

type Node = MemoryCluster.Node<Works.Floor>

const floor = (node: Node) => Context.get(node.services, Works.Floor)

const count = (node: Node, entry: string) => floor(node).entries.filter((other) => other === entry).length

/** The client of an actor, as server code of a node has it. */
const from = (node: Node, key: string) => Works.Works.client(key).pipe(Effect.provideContext(node.services))

const ledger = (node: MemoryCluster.Node<never>, key: string) =>
  Ledger.Ledger.client(key).pipe(Effect.provideContext(node.services))

const begin = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error instanceof CallError ? error.reason._tag : error)

/** Loses what travels, and lets the nodes reach each other again. */
const lose = (node: MemoryCluster.Node<any>) => Effect.andThen(node.cut, node.thaw)

describe("a call, when the network between the nodes is cut", () => {
  nodes("while it runs, is answered and ran once", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const waiting = yield* begin(works.wait({ gate: "door" }))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.cut
      yield* settle
      yield* floor(one).gate("door").open
      assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
      assert.strictEqual(count(one, "wait door"), 1)
      assert.notInclude(floor(one).entries, "interrupted door")
    }))

  nodes("before it was taken in, runs once", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      yield* until(works.add({ amount: 1 }))
      yield* two.freeze
      const adding = yield* begin(works.add({ amount: 2 }))
      yield* settle
      yield* lose(two)
      assert.strictEqual(yield* until(Fiber.join(adding)), 3)
      assert.strictEqual(count(one, "add 2"), 1)
    }))

  nodes(
    "and its answer is lost, gets it again and does not run again",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const works = yield* from(two, cluster.keyOn(one))
        const waiting = yield* begin(works.wait({ gate: "door" }))
        yield* until(Deferred.await(floor(one).waits("door")))
        yield* two.freeze
        yield* floor(one).gate("door").open
        yield* settle
        assert.include(floor(one).entries, "passed door")
        yield* lose(two)
        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
        assert.strictEqual(count(one, "wait door"), 1)
      })
  )

  nodes(
    "and a node hangs for longer than it is waited for, is answered all the same",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const works = yield* from(two, cluster.keyOn(one))
        const waiting = yield* begin(works.wait({ gate: "door" }))
        yield* until(Deferred.await(floor(one).waits("door")))
        yield* one.freeze
        yield* until(Effect.sleep("40 seconds"))
        yield* one.thaw
        yield* floor(one).gate("door").open
        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
        assert.strictEqual(count(one, "wait door"), 1)
      })
  )

  nodes("goes on as a stream, with nothing lost and nothing twice", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const numbers = yield* Queue.bounded<number>(1)
      const all = yield* begin(Stream.runForEach(works.count({ to: 300 }), (n) => Queue.offer(numbers, n)))
      const taken: Array<number> = []
      for (let i = 0; i < 300; i++) {
        taken.push(yield* until(Queue.take(numbers)))
        if (i % 100 === 50) yield* two.cut
      }
      yield* until(Fiber.join(all))
      assert.deepStrictEqual(taken, Array.from({ length: 300 }, (_, i) => i + 1))
    }))

  nodes("and its caller gives it up meanwhile, is interrupted", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const waiting = yield* begin(works.wait({ gate: "door" }))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.freeze
      yield* Fiber.interrupt(waiting)
      yield* settle
      assert.notInclude(floor(one).entries, "interrupted door")
      yield* lose(two)
      yield* until(Effect.sleep("20 seconds"))
      assert.include(floor(one).entries, "interrupted door")
    }))

  nodes("and its caller gives it up before it was sent, never runs", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      yield* until(works.add({ amount: 1 }))
      yield* two.freeze
      // Until the tunnel is given up: the session has no socket then.
      yield* until(Effect.sleep("20 seconds"))
      const adding = yield* begin(works.add({ amount: 2 }))
      yield* settle
      yield* Fiber.interrupt(adding)
      yield* lose(two)
      assert.strictEqual(yield* until(works.add({ amount: 3 })), 4)
      assert.notInclude(floor(one).entries, "add 2")
    }))

  nodes("still closes a circle that is found", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const [a, b] = [cluster.keyOn(one), cluster.keyOn(two)]
      const works = yield* from(one, a)
      const visiting = yield* begin(works.visit({ keys: [b, "@later", a] }))
      yield* until(Deferred.await(floor(two).waits("later")))
      yield* one.cut
      yield* floor(two).gate("later").open
      assert.strictEqual(
        yield* until(Fiber.join(visiting)),
        `CallCycle Works/${a} > Works/${b} > Works/${a}`
      )
    }))

  nodes(
    "closes no circle with an actor that has answered meanwhile",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const [a, b, c] = [cluster.keyOn(one), cluster.keyOn(two), cluster.keyOn(three)]
        const works = yield* from(one, a)
        yield* until(works.visit({ keys: [b] }))
        // The call to b, and that a has given its turn back, are lost and sent again.
        yield* two.freeze
        yield* until(works.send({ keys: [b, "@later", c, a] }))
        yield* lose(two)
        yield* until(Deferred.await(floor(two).waits("later")))
        yield* floor(two).gate("later").open
        assert.strictEqual(yield* until(Deferred.await(floor(one).sent)), "arrived")
      })
  )
})

describe("a call, where clients' connections end with their sockets", () => {
  nodes("goes on over the next tunnel all the same", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const waiting = yield* begin(works.wait({ gate: "door" }))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.cut
      yield* settle
      yield* floor(one).gate("door").open
      assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
    }), { host: { resumeWindow: 0 } })
})

describe("a call to an actor in memory whose node", () => {
  nodes("leaves, runs on the next one if its turn had not come", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* from(two, key)
      const first = yield* begin(reasonOf(works.visit({ keys: ["@door", "@never"] })))
      yield* until(Deferred.await(floor(one).waits("door")))
      const second = yield* begin(works.add({ amount: 7 }))
      yield* settle
      yield* begin(one.stop)
      assert.strictEqual(yield* until(Fiber.join(first)), "OutcomeUnknown")
      assert.strictEqual(yield* until(Fiber.join(second)), 7)
      assert.notInclude(floor(one).entries, "add 7")
    }))

  nodes("leaves, is answered if it ends in time", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const visiting = yield* begin(works.visit({ keys: ["@door"] }))
      yield* until(Deferred.await(floor(one).waits("door")))
      const stopping = yield* begin(one.stop)
      yield* settle
      yield* floor(one).gate("door").open
      assert.strictEqual(yield* until(Fiber.join(visiting)), "arrived")
      yield* until(Fiber.join(stopping))
    }))
})

describe("a call to a durable actor", () => {
  books(
    "is answered once while the actor moves from node to node",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const book = yield* ledger(three, key)
        const names = Array.from({ length: 60 }, (_, i) => `${i}`)
        const writing = yield* begin(Effect.forEach(
          names,
          (name) => Effect.andThen(book.remind({ name }), Effect.sleep("50 millis")),
          { concurrency: 3, discard: true }
        ))
        yield* until(Effect.sleep("300 millis"))
        yield* until(one.stop)
        yield* until(Effect.sleep("300 millis"))
        yield* until(two.stop)
        yield* until(Fiber.join(writing))
        assert.sameMembers([...(yield* until(book.reminders()))], names)
      })
  )

  books(
    "is in its state once and answered, whichever of its nodes crash",
    4,
    (cluster, one, two, three, four) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const book = yield* ledger(three, key)
        const names = Array.from({ length: 120 }, (_, i) => `${i}`)
        const writing = yield* begin(Effect.forEach(
          names,
          (name) => Effect.andThen(book.remind({ name }), Effect.sleep("100 millis")),
          { concurrency: 4, discard: true }
        ))
        for (const node of [one, four, two]) {
          yield* until(Effect.sleep("900 millis"))
          yield* node.crash
        }
        yield* until(Fiber.join(writing))
        assert.sameMembers([...(yield* until(book.reminders()))], names)
      })
  )
})

describe("a call to an actor that cannot be loaded", () => {
  let isAway = false
  const storage = Layer.effect(
    ActorStorage.ActorStorage,
    Effect.map(ActorStorage.ActorStorage, (memory) => {
      isAway = false
      const away = new ActorStorage.StorageError({ failure: "Unavailable", message: "away", cause: undefined })
      return { ...memory, load: (address) => isAway ? Effect.fail(away) : memory.load(address) }
    })
  ).pipe(Layer.provide(ActorStorage.layerMemory))

  books(
    "fails with ActorUnavailable, and the next one runs when it can be",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const book = yield* ledger(two, cluster.keyOn(one))
        isAway = true
        assert.strictEqual(yield* until(reasonOf(book.remind({ name: "lost" }))), "ActorUnavailable")
        isAway = false
        yield* until(book.remind({ name: "one" }))
        assert.deepStrictEqual(yield* until(book.reminders()), ["one"])
      }),
    { storage }
  )

  books("waits where there is a session", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const book = yield* ledger(two, cluster.keyOn(one))
      yield* until(book.remind({ name: "one" }))
      isAway = true
      yield* one.crash
      const second = yield* begin(book.remind({ name: "two" }))
      yield* until(Effect.sleep("30 seconds"))
      isAway = false
      yield* until(Fiber.join(second))
      assert.deepStrictEqual(yield* until(book.reminders()), ["one", "two"])
    }), { storage })

  books("waits there for as long as a session can be resumed", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const book = yield* ledger(two, cluster.keyOn(one))
      yield* until(book.remind({ name: "one" }))
      isAway = true
      yield* one.crash
      const sent = yield* begin(reasonOf(book.remind({ name: "sent" })))
      yield* until(Effect.sleep("20 seconds"))
      const waiting = yield* begin(reasonOf(book.remind({ name: "waiting" })))
      yield* until(Effect.sleep("30 seconds"))
      assert.deepStrictEqual([sent.pollUnsafe(), waiting.pollUnsafe()], [undefined, undefined])
      assert.strictEqual(yield* until(Fiber.join(sent)), "OutcomeUnknown")
      assert.strictEqual(yield* until(Fiber.join(waiting)), "ActorUnavailable")
      isAway = false
      assert.deepStrictEqual(yield* until(book.reminders()), ["one"])
    }), { storage })
})

describe("a call while its own node leaves", () => {
  nodes("fails with HostClosed where it was not sent, and with OutcomeUnknown where it was", 3, (
    cluster,
    one,
    two
  ) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const sent = yield* begin(reasonOf(works.wait({ gate: "door" })))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.freeze
      yield* until(Effect.sleep("20 seconds"))
      const waiting = yield* begin(reasonOf(works.add({ amount: 1 })))
      yield* settle
      yield* until(two.stop)
      assert.strictEqual(yield* until(Fiber.join(sent)), "OutcomeUnknown")
      assert.strictEqual(yield* until(Fiber.join(waiting)), "HostClosed")
    }))
})

describe("a call whose result nobody wants", () => {
  nodes("is done when its handler begins, and waits for nothing", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      yield* until(works.wait({ gate: "door" }, { discard: true }))
      assert.include(floor(one).entries, "wait door")
      yield* floor(one).gate("door").open
      yield* settle
      assert.include(floor(one).entries, "passed door")
    }))
})

describe("a session of calls", () => {
  const isStored = (cluster: MemoryCluster.Cluster<never>, key: string) =>
    Effect.map(cluster.storage.load({ type: "Ledger", key }), ({ connections, journal }) => ({
      sessions: connections.size,
      replies: journal.length
    })).pipe(Effect.scoped, Effect.orDie)

  books("that nobody calls through leaves nothing behind", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const book = yield* ledger(two, key)
      yield* until(book.remind({ name: "one" }))
      yield* until(Effect.sleep("3 minutes"))
      assert.strictEqual(yield* Context.get(one.services, ActorHost).size, 0)
      assert.deepStrictEqual(yield* isStored(cluster, key), { sessions: 0, replies: 0 })
    }))

  books("is stored until its node has been away for the window", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const book = yield* ledger(two, key)
      yield* until(book.remind({ name: "one" }))
      yield* two.crash
      yield* until(Effect.sleep("5 minutes"))
      assert.deepStrictEqual(yield* isStored(cluster, key), { sessions: 0, replies: 0 })
    }))

  nodes("asks for no actor that nobody calls", 3, (cluster, one, two, three) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* from(two, key)
      yield* until(works.add({ amount: 1 }))
      yield* one.crash
      yield* until(Effect.sleep("1 minute"))
      assert.deepStrictEqual([...floor(two).entries, ...floor(three).entries], [])
    }))

  books("is none of the connections that the actor sees", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const book = yield* ledger(two, key)
      yield* until(book.remind({ name: "one" }))
      const host = Context.get(one.services, ActorHost)
      const { connectionCount, connections } = yield* host.inspect({ search: "", limit: 10 })
      assert.deepStrictEqual([connectionCount, connections.length], [0, 0])
      assert.strictEqual(yield* until(book.listed()), 0)
    }))

  nodes("whose node is gone lets the call that runs come to its end", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      yield* begin(Effect.ignore(works.visit({ keys: ["@door"] })))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.crash
      yield* until(Effect.sleep("4 minutes"))
      yield* floor(one).gate("door").open
      yield* settle
      assert.deepStrictEqual(floor(one).entries.slice(-2), ["wait door", "passed door"])
    }))

  nodes(
    "whose node is gone keeps nobody from calling the actor that has called",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const [a, b] = [cluster.keyOn(one), cluster.keyOn(two)]
        const works = yield* from(one, a)
        yield* begin(Effect.ignore(works.visit({ keys: [b, "@later", a] })))
        yield* until(Deferred.await(floor(two).waits("later")))
        yield* one.crash
        yield* until(Effect.sleep("2 minutes"))
        yield* floor(two).gate("later").open
        yield* until(Effect.sleep("10 seconds"))
        assert.include([...floor(two).entries, ...floor(three).entries], `start ${a}`)
      })
  )

  nodes("whose node is gone lets its actor sleep in the end", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* from(two, key)
      yield* begin(Effect.ignore(Stream.runDrain(works.listen({ gate: "door" }))))
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* two.crash
      yield* until(Effect.sleep("5 minutes"))
      assert.include(floor(one).entries, `stop ${key}`)
    }))
})
