import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Metric, Queue, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as ActorHost from "../../src/ActorHost.ts"
import * as DisconnectReason from "../../src/DisconnectReason.ts"
import * as Rooms from "../support/Rooms.ts"
import { Backstage, failure, hear, join, Room, scenario } from "../support/Rooms.ts"

const hostSize = Effect.flatMap(ActorHost.ActorHost, ({ size }) => size)

describe("a clean leave (11)", () => {
  scenario("ends the connection, and the next connect is a fresh one", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, hooks } = yield* Backstage
      const reasons = yield* Queue.unbounded<DisconnectReason.DisconnectReason>()
      hooks.onDisconnect = (_, reason) => Effect.asVoid(Queue.offer(reasons, reason))
      const ben = yield* join("ben")
      yield* ben.rpc.whoami()
      const first = yield* join("ada")
      const before = yield* first.rpc.whoami()
      yield* first.disconnect("so long")
      assert.deepStrictEqual(yield* Queue.take(reasons), DisconnectReason.ClientLeft.make({ reason: "so long" }))
      assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
      const { reason } = yield* world.awaitStatus(first, "Disconnected")
      assert.deepStrictEqual(reason, DisconnectReason.ClientLeft.make({ reason: "so long" }))

      const second = yield* join("ada")
      assert.notStrictEqual((yield* second.rpc.whoami()).id, before.id)
      yield* awaitEntry("onConnect ada", 2)
      assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada ClientLeft"])
    }))

  scenario("settles what waits, at once, and refuses what comes", ({ awaitStatus, memory }) =>
    Effect.gen(function*() {
      const { awaitEntry, gate } = yield* Backstage
      const ada = yield* join("ada")
      const sent = yield* Effect.forkChild(failure(ada.rpc.wait({ gate: "door" }), "OutcomeUnknown"))
      const events = yield* Effect.forkChild(failure(Stream.runDrain(ada.events.said), "Disconnected"))
      yield* awaitEntry("wait door")
      yield* ada.disconnect()
      assert.strictEqual((yield* Fiber.join(sent)).cause?._tag, "ClientLeft")
      assert.strictEqual((yield* Fiber.join(events)).reason._tag, "ClientLeft")
      assert.strictEqual((yield* failure(ada.rpc.names(), "Disconnected")).reason._tag, "ClientLeft")
      yield* awaitEntry("interrupted door")
      yield* ada.disconnect("again")
      const { reason } = yield* awaitStatus(ada, "Disconnected")
      assert.deepStrictEqual(reason, DisconnectReason.ClientLeft.make({}))
      yield* gate("door").open
      const network = yield* memory
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* network.dials, 1)
    }), { only: "memory" })

  scenario(
    "of a client that was never connected settles its calls as never run",
    ({ network }) =>
      Effect.gen(function*() {
        yield* network.refuse
        const ada = yield* join("ada")
        const queued = yield* Effect.forkChild(failure(ada.rpc.names(), "Disconnected"), { startImmediately: true })
        yield* ada.disconnect()
        assert.strictEqual((yield* Fiber.join(queued)).reason._tag, "ClientLeft")
        const { entries } = yield* Backstage
        assert.deepStrictEqual(yield* entries, [])
      })
  )
})

describe("disconnect by the actor (30)", () => {
  scenario(
    "is seen by the client as its reason, is final, and settles what waits",
    ({ awaitStatus }) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf } = yield* Backstage
        const [ada, ben] = [yield* join("ada"), yield* join("ben")]
        yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami()])
        const running = yield* Effect.forkChild(failure(ada.rpc.waitBeside({ gate: "door" }), "OutcomeUnknown"))
        const events = yield* Effect.forkChild(failure(Stream.runDrain(ada.events.said), "Disconnected"))
        yield* awaitEntry("wait door")
        yield* ben.rpc.kick({ name: "ada", reason: "Too many requests" })

        const { reason } = yield* awaitStatus(ada, "Disconnected")
        const kicked = DisconnectReason.Kicked.make({ reason: "Too many requests" })
        assert.deepStrictEqual(reason, kicked)
        assert.deepStrictEqual((yield* Fiber.join(running)).cause, kicked)
        assert.deepStrictEqual((yield* Fiber.join(events)).reason, kicked)
        assert.deepStrictEqual((yield* failure(ada.rpc.names(), "Disconnected")).reason, kicked)
        assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada Kicked"])
      })
  )

  scenario(
    "refuses the calls whose turn has not come, and lets the one finish whose turn it is",
    ({ settle }) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, gate } = yield* Backstage
        const ada = yield* join("ada")
        yield* ada.rpc.whoami()
        const running = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }))
        yield* awaitEntry("wait door")
        const waiting = yield* Effect.forkChild(failure(ada.rpc.echo({ text: "hi" }), "NotExecuted"))
        yield* settle
        const bell = yield* Effect.forkChild(kickAll("lobby"))
        yield* settle
        assert.strictEqual((yield* Fiber.join(waiting)).cause, "ConnectionEnded")
        yield* gate("door").open
        assert.strictEqual(yield* Fiber.join(running), "door")
        yield* Fiber.join(bell)
        assert.deepStrictEqual(yield* entriesOf("ada echoes"), [])
      }),
    { only: "memory", room: { concurrency: 1 } }
  )

  scenario(
    "with retryAfter brings the client back, fresh and with a gap, and not sooner",
    (world) =>
      Effect.gen(function*() {
        const network = yield* world.memory
        const { entriesOf } = yield* Backstage
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const gaps = yield* hear(ada.gaps)
        const before = yield* ada.rpc.whoami()
        yield* ada.rpc.kick({ name: "ada", reason: "later", retryAfterMillis: 30_000 })
        const { cause, delay } = yield* world.awaitStatus(ada, "Waiting")
        assert.instanceOf(cause, DisconnectReason.Kicked)
        assert.deepStrictEqual(delay, Duration.seconds(30))
        const queued = yield* Effect.forkChild(ada.rpc.whoami())
        yield* TestClock.adjust("29999 millis")
        assert.strictEqual(yield* network.dials, 1)
        yield* TestClock.adjust("1 milli")
        assert.strictEqual(yield* network.dials, 2)
        const after = yield* Fiber.join(queued)
        assert.notStrictEqual(after.id, before.id)
        const gap = yield* Queue.take(gaps)
        assert.deepStrictEqual([gap.previous, gap.current, gap.cause], [before.id, after.id, "SessionLost"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada Kicked"])
      }),
    { only: "memory" }
  )
})

/** Ends all connections of a room from outside of it. */
const kickAll = (key: string) => Effect.flatMap(Room.client(key), (room) => room.clear())

describe("the scope of a client (38)", () => {
  scenario("its end is a clean leave that settles all calls", ({ network, until }) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf } = yield* Backstage
      const scope = yield* Scope.make()
      const ada = yield* Scope.provide(join("ada"), scope)
      const running = yield* Effect.forkChild(failure(ada.rpc.wait({ gate: "door" }), "OutcomeUnknown"))
      yield* awaitEntry("wait door")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(running)).cause?._tag, "ClientLeft")
      assert.strictEqual((yield* failure(ada.rpc.names(), "Disconnected")).reason._tag, "ClientLeft")
      const later = failure(Stream.runDrain(ada.rpc.count({ to: 1 })), "Disconnected")
      assert.strictEqual((yield* later).reason._tag, "ClientLeft")
      yield* awaitEntry("onDisconnect")
      assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada ClientLeft"])
      yield* until(Effect.repeat(Effect.andThen(Effect.yieldNow, network.sockets), { until: (n) => n === 0 }))
      yield* awaitEntry("interrupted door")
    }))

  scenario("its end leaves no fiber behind, wherever the client stands", (world) =>
    Effect.gen(function*() {
      const { gate, hooks } = yield* Backstage
      const network = yield* world.memory
      const lives = {
        connected: (name: string) => Effect.flatMap(join(name), (client) => client.rpc.whoami()),
        consuming: (name: string) =>
          Effect.gen(function*() {
            const client = yield* join(name)
            yield* hear(client.events.said)
            yield* hear(client.rpc.listen({ gate: "never" }))
            yield* client.rpc.whoami()
          }),
        calling: (name: string) =>
          Effect.gen(function*() {
            const client = yield* join(name)
            yield* Effect.forkScoped(Effect.exit(client.rpc.waitBeside({ gate: "never" })))
            yield* world.settle
          }),
        entering: (name: string) => Effect.andThen(join(name), world.settle),
        away: (name: string) =>
          Effect.gen(function*() {
            const client = yield* join(name)
            yield* client.rpc.whoami()
            yield* network.refuse
            yield* network.cut
            yield* world.settle
          }),
        suspended: (name: string) => Effect.andThen(join(name), Effect.andThen(network.freeze, world.settle))
      }
      const one = Effect.fnUntraced(function*(life: keyof typeof lives) {
        if (life === "entering") hooks.onBeforeConnect = () => Effect.andThen(gate("never").await, Effect.never)
        yield* Effect.scoped(Effect.asVoid(lives[life](life)))
        delete hooks.onBeforeConnect
        yield* network.heal
        // Whatever waits for the lost ones, windows and idle times included, is over by then.
        yield* world.settle
        yield* TestClock.adjust("10 minutes")
        yield* world.settle
      })
      const measure = Effect.map(Metric.value(Metric.gauge("child_fibers_active")), ({ value }) => value)
      for (const life of Object.keys(lives) as Array<keyof typeof lives>) {
        yield* one(life)
        const before = yield* measure
        for (let i = 0; i < 5; i++) yield* one(life)
        assert.strictEqual(yield* measure, before, life)
        assert.strictEqual(yield* network.live, 0, life)
        assert.strictEqual(yield* hostSize, 0, life)
      }
    }).pipe(Metric.enableRuntimeMetrics), { only: "memory" })
})

describe("the life of an actor", () => {
  scenario("it starts once per key, however many come at once, and each key has its own", () =>
    Effect.gen(function*() {
      const { entriesOf } = yield* Backstage
      const names = ["a", "b", "c", "d", "e"]
      const clients = yield* Effect.forEach(names, (name) => join(name))
      const other = yield* join("f", { key: "attic" })
      yield* Effect.forEach(clients, (client) => client.rpc.whoami(), { concurrency: "unbounded" })
      yield* other.rpc.say({ text: "alone", toOthers: false })
      assert.sameMembers(Array.from(yield* clients[0]!.rpc.names()), names)
      assert.deepStrictEqual(yield* clients[0]!.rpc.history(), [])
      assert.deepStrictEqual(yield* other.rpc.names(), ["f"])
      assert.sameMembers(Array.from(yield* entriesOf("start")), ["start lobby", "start attic"])
      assert.strictEqual(yield* hostSize, 2)
    }))

  scenario(
    "it stops after its idle time, with the finalizers of its build, and starts anew",
    ({ settle }) =>
      Effect.gen(function*() {
        const { entriesOf } = yield* Backstage
        const ada = yield* join("ada")
        yield* ada.rpc.say({ text: "hi", toOthers: false })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* entriesOf("stop"), [])
        yield* ada.disconnect()
        yield* settle
        yield* TestClock.adjust("4999 millis")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("stop"), [])
        yield* TestClock.adjust("1 milli")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("stop"), ["stop lobby"])
        assert.strictEqual(yield* hostSize, 0)
        const ben = yield* join("ben")
        assert.deepStrictEqual(yield* ben.rpc.history(), [])
        assert.deepStrictEqual(yield* entriesOf("start"), ["start lobby", "start lobby"])
      }),
    { only: "memory", room: { maxIdleTime: "5 seconds" } }
  )

  scenario("a newcomer within the idle time finds it as it was", ({ settle }) =>
    Effect.gen(function*() {
      const { entriesOf } = yield* Backstage
      const ada = yield* join("ada")
      yield* ada.rpc.say({ text: "hi", toOthers: false })
      yield* ada.disconnect()
      yield* settle
      yield* TestClock.adjust("4 seconds")
      const ben = yield* join("ben")
      assert.deepStrictEqual(yield* ben.rpc.history(), ["hi"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* entriesOf("start", "stop"), ["start lobby"])
    }), { only: "memory", room: { maxIdleTime: "5 seconds" } })

  scenario(
    "calls of server code start it, keep it while they run, and let it stop afterwards",
    ({ settle }) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, gate } = yield* Backstage
        const room = yield* Room.client("attic")
        assert.deepStrictEqual(yield* room.roll(), [])
        const running = yield* Effect.forkChild(room.relay({ keys: ["@door"] }))
        yield* awaitEntry("wait door")
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* entriesOf("stop"), [])
        yield* gate("door").open
        assert.strictEqual(yield* Fiber.join(running), "arrived")
        yield* settle
        yield* TestClock.adjust("1 minute")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("start", "stop"), ["start attic", "stop attic"])
      }),
    { only: "memory" }
  )

  scenario(
    "a connection that is away keeps it, until its window is over",
    ({ memory, settle }) =>
      Effect.gen(function*() {
        const { entriesOf } = yield* Backstage
        const network = yield* memory
        const ada = yield* join("ada")
        yield* ada.rpc.whoami()
        const start = yield* Clock.currentTimeMillis
        yield* network.refuse
        yield* network.cut
        yield* settle
        yield* TestClock.adjust("59999 millis")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("onDisconnect", "stop"), [])
        yield* TestClock.adjust("1 milli")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("onDisconnect", "stop"), ["onDisconnect ada Lost"])
        yield* TestClock.adjust("5 seconds")
        yield* settle
        assert.deepStrictEqual(yield* entriesOf("stop"), ["stop lobby"])
        assert.strictEqual((yield* Clock.currentTimeMillis) - start, 65_000)
      }),
    { only: "memory", room: { maxIdleTime: "5 seconds" } }
  )

  scenario("server code reaches the connections of an actor", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada", { subscribe: ["said"] })
      const heard = yield* hear(ada.events.said)
      yield* ada.rpc.whoami()
      const room = yield* Room.client("lobby")
      assert.deepStrictEqual(yield* room.roll(), ["ada"])
      yield* room.ring({ text: "closing time" })
      assert.deepStrictEqual(yield* Queue.take(heard), { from: "bell", text: "closing time" })
    }))

  it.effect("two actors of one name fail the layer", () =>
    Effect.gen(function*() {
      const twice = Layer.merge(Rooms.layerWith({ concurrency: 1 }), Rooms.layerWith({ concurrency: 2 }))
      const exit = yield* Effect.exit(Layer.build(Layer.provide(twice, ActorHost.layerLocal())))
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(exit), "the host has an actor \"Room\" already")
    }))
})
