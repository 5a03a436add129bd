// Calls of server code and of actors to actors on other nodes.
import { assert, describe } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Queue, Stream } from "effect"
import { CallError } from "../../src/CallError.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import * as Works from "../support/Works.ts"
import { untilSimulated as until } from "../support/World.ts"

const nodes = MemoryCluster.testWith(Works.layer)

type Node = MemoryCluster.Node<Works.Floor>

const floor = (node: Node) => Context.get(node.services, Works.Floor)

/** The client of an actor, as server code of a node has it. */
const from = (node: Node, key: string) => Works.Works.client(key).pipe(Effect.provideContext(node.services))

const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error instanceof CallError ? error.reason._tag : error)

describe("a call to another node", () => {
  nodes("comes back with its result, a typed error or a defect", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      assert.strictEqual(yield* until(works.add({ amount: 3 })), 3)
      assert.strictEqual(yield* until(works.add({ amount: 4 })), 7)
      const at = new Date(1_000)
      assert.deepStrictEqual(yield* until(works.when({ at })), at)
      const error = yield* until(Effect.flip(works.add({ amount: 101 })))
      assert.instanceOf(error, Works.TooMuch)
      const died = yield* until(Effect.exit(works.die({ secret: "oh" })))
      assert.isTrue(Exit.isFailure(died) && Cause.hasDies(died.cause))
      assert.deepStrictEqual(floor(one).entries.slice(1), ["add 3", "add 4"])
      assert.deepStrictEqual(floor(two).entries, [])
    }))

  nodes("keeps the order in which they were made, however many", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const amounts = Array.from({ length: 500 }, (_, i) => i % 100)
      yield* until(Effect.forEach(amounts, (amount) => works.add({ amount }), { concurrency: "unbounded" }))
      assert.deepStrictEqual(floor(one).entries.slice(1), amounts.map((amount) => `add ${amount}`))
    }))

  nodes("streams, at the pace of its consumer, and holds nobody up", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const slow = yield* Queue.bounded<number>(1)
      yield* Stream.runForEach(works.count({ to: 100_000 }), (n) => Queue.offer(slow, n)).pipe(Effect.forkScoped)
      assert.strictEqual(yield* until(Queue.take(slow)), 1)
      assert.strictEqual(yield* until(works.add({ amount: 1 })), 1)
      yield* until(Effect.sleep("1 second"))
      assert.isBelow(floor(one).counted, 1_000)
      const all = yield* until(Stream.runCollect(works.count({ to: 1_000 })))
      assert.deepStrictEqual(all, Array.from({ length: 1_000 }, (_, i) => i + 1))
    }))

  nodes("is interrupted with its caller", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const waiting = yield* Effect.forkChild(works.wait({ gate: "door" }), { startImmediately: true })
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* Fiber.interrupt(waiting)
      yield* until(works.add({ amount: 1 }))
      assert.include(floor(one).entries, "interrupted door")
    }))

  nodes(
    "that is larger than a message may be dies, and no other one with it",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const works = yield* from(two, cluster.keyOn(one))
        const waiting = yield* Effect.forkChild(works.wait({ gate: "door" }), { startImmediately: true })
        yield* until(Deferred.await(floor(one).waits("door")))
        const up = yield* until(Effect.exit(works.big({ text: "x".repeat(20_000), length: 1 })))
        const down = yield* until(Effect.exit(works.big({ text: "", length: 20_000 })))
        for (const exit of [up, down]) {
          assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "10000 are allowed")
        }
        yield* floor(one).gate("door").open
        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
      }),
    { host: { maxBatchBytes: 10_000, maxFrameBytes: 9_000 } }
  )

  nodes(
    "fails with OutcomeUnknown when the actor's node crashes, and never runs twice",
    3,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const works = yield* from(two, key)
        const waiting = yield* Effect.forkChild(reasonOf(works.wait({ gate: "door" })), { startImmediately: true })
        yield* until(Deferred.await(floor(one).waits("door")))
        yield* one.crash
        assert.strictEqual(yield* until(Fiber.join(waiting)), "OutcomeUnknown")
        const elsewhere = cluster.nodes().flatMap((node) => floor(node).entries)
        assert.notInclude(elsewhere, "wait door")
      })
  )

  nodes("made while the actor has no node waits until it has one", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* from(two, key)
      yield* one.crash
      assert.strictEqual(yield* until(works.add({ amount: 5 })), 5)
      assert.notStrictEqual(cluster.ownerOf(key), one)
    }))

  nodes("is answered or fails when the actor's node leaves", 3, (cluster, one, two) =>
    Effect.gen(function*() {
      const works = yield* from(two, cluster.keyOn(one))
      const waiting = yield* Effect.forkChild(reasonOf(works.wait({ gate: "door" })), { startImmediately: true })
      yield* until(Deferred.await(floor(one).waits("door")))
      yield* until(one.stop)
      assert.strictEqual(yield* until(Fiber.join(waiting)), "OutcomeUnknown")
      assert.include(floor(one).entries, "interrupted door")
      assert.strictEqual(yield* until(works.add({ amount: 1 })), 1)
    }))

  nodes("does not keep an actor awake that has answered", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* from(two, key)
      yield* until(works.add({ amount: 1 }))
      yield* until(Effect.sleep("2 minutes"))
      assert.include(floor(one).entries, `stop ${key}`)
    }))
})

describe("a circle of calls over nodes", () => {
  nodes("is found when the chain comes back", 3, (cluster, one, two, three) =>
    Effect.gen(function*() {
      const [a, b, c] = [cluster.keyOn(one), cluster.keyOn(two), cluster.keyOn(three)]
      const works = yield* from(two, a)
      assert.strictEqual(
        yield* until(works.visit({ keys: [b, c, a] })),
        `CallCycle Works/${a} > Works/${b} > Works/${c} > Works/${a}`
      )
      assert.strictEqual(yield* until(works.visit({ keys: [b, c] })), "arrived")
    }))

  nodes("is found where two chains meet", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const [a, b] = [cluster.keyOn(one), cluster.keyOn(two)]
      const fromOne = yield* from(one, a)
      const fromTwo = yield* from(two, b)
      const first = yield* Effect.forkChild(fromOne.visit({ keys: ["@one", b] }), { startImmediately: true })
      const second = yield* Effect.forkChild(fromTwo.visit({ keys: ["@two", a] }), { startImmediately: true })
      yield* until(Deferred.await(floor(one).waits("one")))
      yield* until(Deferred.await(floor(two).waits("two")))
      yield* floor(one).gate("one").open
      yield* floor(two).gate("two").open
      const outcomes = [yield* until(Fiber.join(first)), yield* until(Fiber.join(second))]
      assert.isTrue(outcomes.some((outcome) => outcome.startsWith("CallCycle")), outcomes.join(", "))
    }))

  nodes("is none where the first one has answered before", 3, (cluster, one, two, three) =>
    Effect.gen(function*() {
      const [a, b, c] = [cluster.keyOn(one), cluster.keyOn(two), cluster.keyOn(three)]
      const works = yield* from(three, a)
      // a calls b, answers its own caller, and only then is called back through c.
      yield* until(works.send({ keys: [b, "@later", c, a] }))
      yield* until(Deferred.await(floor(two).waits("later")))
      yield* floor(two).gate("later").open
      assert.strictEqual(yield* until(Deferred.await(floor(one).sent)), "arrived")
    }))
})
