// What an actor does wrong concerns its own clients: starts that hang, contracts that differ, hooks that give up.
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Latch, Layer, Queue, Schedule, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import { Backstage, failure, join, layer, scenario } from "../support/Rooms.ts"
import * as World from "../support/World.ts"

/** Open while sleepers wake up. */
class Alarm extends Context.Service<Alarm, Latch.Latch>()("effect-tether/test/Hardening/Alarm") {
  static readonly layer = Layer.effect(Alarm, Latch.make(false))
}

/** An actor that starts when the alarm goes. */
class Sleeper extends Actor.make("Sleeper", {
  state: Schema.String,
  rpcs: [Rpc.make("ask", { success: Schema.String })]
}) {}

const SleeperLayer = Sleeper.toLayer(
  Effect.map(Sleeper.State, (state) => Sleeper.of({ ask: () => state.get })),
  { initialState: Effect.flatMap(Alarm, (alarm) => Effect.as(alarm.await, "awake")) }
).pipe(Layer.provide(Sleeper.layerAdmitAll), Layer.provideMerge(Alarm.layer))

const actors = Layer.merge(layer, SleeperLayer)

describe("an actor whose start hangs", () => {
  World.scenario(
    "sends its clients away with InternalError, and they are back once it has started",
    (world) =>
      Effect.gen(function*() {
        const client = yield* Sleeper.connect("x", { reconnect: world.reconnect })
        const { cause } = yield* world.awaitStatus(client, "Waiting")
        assert.propertyVal(cause, "_tag", "InternalError")

        yield* Effect.flatMap(Alarm, (alarm) => alarm.open)

        yield* world.awaitStatus(client, "Connected")
        assert.strictEqual(yield* world.until(client.rpc.ask()), "awake")
      }),
    { actors }
  )

  World.scenario(
    "gives up each client after the time limit of hooks, and not before",
    (world) =>
      Effect.gen(function*() {
        const client = yield* Sleeper.connect("x", { reconnect: Schedule.spaced("1 minute") })
        yield* world.settle
        yield* TestClock.adjust(9_999)
        yield* world.settle
        assert.strictEqual((yield* SubscriptionRef.get(client.status))._tag, "Connecting")

        yield* TestClock.adjust(1)
        yield* world.settle

        assert.strictEqual((yield* SubscriptionRef.get(client.status))._tag, "Waiting")
      }),
    { actors, only: "memory" }
  )

  World.scenario("lets the clients of other actors in meanwhile", (world) =>
    Effect.gen(function*() {
      yield* Effect.replicateEffect(Sleeper.connect("x", { reconnect: world.reconnect }), 2)
      yield* world.settle

      const ada = yield* join("ada")
      yield* world.settle

      assert.strictEqual((yield* SubscriptionRef.get(ada.status))._tag, "Connected")
    }), { actors, hostOptions: { maxHandshakes: 3 }, only: "memory" })

  World.scenario(
    "lets them in between its own clients where those take all handshakes",
    (world) =>
      Effect.gen(function*() {
        yield* Effect.replicateEffect(Sleeper.connect("x", { reconnect: Schedule.spaced("1 second") }), 3)
        yield* world.settle

        const ada = yield* join("ada", { reconnect: world.reconnect })

        yield* world.awaitStatus(ada, "Connected")
      }),
    { actors, hostOptions: { maxHandshakes: 3 }, only: "memory" }
  )

  World.scenario("frees the handshake of a client that has left at once", (world) =>
    Effect.gen(function*() {
      for (let i = 0; i < 3; i++) {
        yield* world.until(Effect.scoped(Effect.andThen(Sleeper.connect("x"), world.settle)))
      }
      yield* world.settle
      const { sockets } = world.network
      assert.strictEqual(yield* sockets, 0)

      const ada = yield* join("ada")
      yield* world.settle

      assert.strictEqual((yield* SubscriptionRef.get(ada.status))._tag, "Connected")
    }), { actors, hostOptions: { maxHandshakes: 3 }, only: "memory" })
})

/** Where the streams of the server are written down as they end. */
class Ended extends Context.Service<Ended, Queue.Queue<number>>()("effect-tether/test/Hardening/Ended") {
  static readonly layer = Layer.effect(Ended, Queue.unbounded<number>())
}

/** The contract of a server that was deployed with other schemas than its client. */
class NewCounter extends Actor.make("Counter", {
  rpcs: [Rpc.make("count", { success: Schema.Unknown, stream: true }), Rpc.make("total", { success: Schema.Finite })]
}) {}

/** The contract of that client. */
class OldCounter extends Actor.make("Counter", {
  rpcs: [Rpc.make("count", { success: Schema.Finite, stream: true }), Rpc.make("total", { success: Schema.Finite })]
}) {}

const CounterLayer = NewCounter.toLayer(Effect.gen(function*() {
  const ended = yield* Ended
  let started = 0
  return NewCounter.of({
    count: () =>
      Stream.unwrap(Effect.sync(() => {
        const number = ++started
        return Stream.range(1, Infinity).pipe(
          Stream.rechunk(1),
          Stream.map((n) => n === 3 ? "three" : n),
          Stream.ensuring(Queue.offer(ended, number))
        )
      })),
    total: () => Effect.sync(() => started)
  })
})).pipe(Layer.provide(NewCounter.layerAdmitAll), Layer.provideMerge(Ended.layer))

describe("a stream with a chunk that does not decode", () => {
  World.scenario(
    "fails with InvalidReply, ends its handler and leaves its place to the next one",
    (world) =>
      Effect.gen(function*() {
        const ended = yield* Ended
        const client = yield* OldCounter.connect("x", { reconnect: world.reconnect })
        const { id } = yield* world.awaitStatus(client, "Connected")
        for (let number = 1; number <= 10; number++) {
          const values: Array<number> = []
          const counting = Stream.runForEach(client.rpc.count(), (n) => Effect.sync(() => values.push(n)))
          yield* world.until(failure(counting, "InvalidReply"))

          assert.deepStrictEqual(values, [1, 2])
          assert.strictEqual(yield* world.until(Queue.take(ended)), number)
        }
        assert.strictEqual(yield* world.until(client.rpc.total()), 10)
        const status = yield* SubscriptionRef.get(client.status)
        assert.deepStrictEqual(status, { _tag: "Connected", id, resumed: false })
      }),
    { actors: CounterLayer, hostOptions: { maxCallsInFlight: 5 } }
  )
})

describe("a hook that interrupts itself has failed:", () => {
  scenario("onBeforeConnect lets nobody in, until it has recovered", (world) =>
    Effect.gen(function*() {
      const { entriesOf, hooks } = yield* Backstage
      hooks.onBeforeConnect = () => Effect.interrupt
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const { cause } = yield* world.awaitStatus(ada, "Waiting")
      assert.propertyVal(cause, "_tag", "InternalError")
      assert.deepStrictEqual(yield* entriesOf("onConnect", "onDisconnect"), [])

      hooks.onBeforeConnect = undefined

      yield* world.awaitStatus(ada, "Connected")
    }))

  scenario("onConnect ends the connection, and the next client is greeted", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, hooks } = yield* Backstage
      hooks.onConnect = ({ state }) => state.name === "ada" ? Effect.interrupt : Effect.void
      const ada = yield* join("ada", { reconnect: Schedule.spaced("1 hour") })
      const { cause } = yield* world.awaitStatus(ada, "Waiting")
      assert.propertyVal(cause, "_tag", "InternalError")
      yield* world.until(awaitEntry("onDisconnect ada InternalError"))

      const bob = yield* join("bob", { reconnect: world.reconnect })

      assert.deepStrictEqual(yield* world.until(bob.rpc.names()), ["bob"])
    }))

  scenario("onSuspend leaves the connection as it is, and it resumes", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, hooks } = yield* Backstage
      hooks.onSuspend = () => Effect.interrupt
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const { id } = yield* world.awaitStatus(ada, "Connected")
      yield* world.until(ada.rpc.echo({ text: "confirmed" }))
      yield* world.network.refuse
      yield* world.network.cut
      yield* world.until(awaitEntry("onSuspend ada"))
      yield* world.awaitStatus(ada, "Waiting")

      yield* world.network.heal

      assert.deepStrictEqual(yield* world.awaitStatus(ada, "Connected"), { _tag: "Connected", id, resumed: true })
      assert.deepStrictEqual(yield* entriesOf("onDisconnect"), [])
    }))

  scenario("onResume turns the attempt away, and a later one resumes", (world) =>
    Effect.gen(function*() {
      const { entriesOf, hooks } = yield* Backstage
      hooks.onResume = () => Effect.interrupt
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const { id } = yield* world.awaitStatus(ada, "Connected")
      yield* world.until(ada.rpc.echo({ text: "confirmed" }))
      yield* world.network.cut
      const turnedAway = SubscriptionRef.changes(ada.status).pipe(
        Stream.filter((status) => status._tag === "Waiting" && isInternalError(status.cause)),
        Stream.runHead
      )
      yield* world.until(turnedAway)

      hooks.onResume = () => Effect.void

      assert.deepStrictEqual(yield* world.awaitStatus(ada, "Connected"), { _tag: "Connected", id, resumed: true })
      assert.deepStrictEqual(yield* entriesOf("onDisconnect"), [])
    }))

  scenario(
    "onDisconnect holds up nobody: the connection is gone, other hooks run, the actor stops",
    (world) =>
      Effect.gen(function*() {
        const { awaitEntry, hooks } = yield* Backstage
        hooks.onDisconnect = ({ state }) => state.name === "ada" ? Effect.interrupt : Effect.void
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const bob = yield* join("bob", { reconnect: world.reconnect })
        yield* world.until(Effect.andThen(ada.rpc.whoami(), bob.rpc.whoami()))

        yield* world.until(ada.disconnect())
        yield* world.until(awaitEntry("onDisconnect ada"))

        assert.deepStrictEqual(yield* world.until(bob.rpc.names()), ["bob"])
        assert.isTrue((yield* world.logs).some(({ text }) => text.includes("onDisconnect failed")))
        yield* world.until(bob.disconnect())
        yield* world.until(awaitEntry("onDisconnect bob"))
        yield* world.until(awaitEntry("stop lobby"))
      }),
    { room: { maxIdleTime: "200 millis" } }
  )
})

const isInternalError = Schema.is(Schema.Struct({ _tag: Schema.Literal("InternalError") }))
