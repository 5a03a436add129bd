/**
 * Durable actors as the tests of an app have them: a network and a storage in memory, in the time of the test clock.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import { Actor, ActorHost, ActorStorage } from "../../src/index.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"

class Kettle extends Actor.make("Kettle", {
  state: { boiled: Schema.Int },
  events: { boiled: { times: Schema.Int } },
  rpcs: [Rpc.make("boil", { payload: { minutes: Schema.Int } }), Rpc.make("count", { success: Schema.Int })],
  internal: [Rpc.make("whistle")]
}) {}

const KettleLayer = Kettle.toLayer(
  Effect.gen(function*() {
    const state = yield* Kettle.State
    const alarms = yield* Kettle.Alarms
    const connections = yield* Kettle.Connections
    return Kettle.of({
      boil: Effect.fnUntraced(function*({ minutes }) {
        yield* alarms.set("whistle", DateTime.add(yield* DateTime.now, { minutes }), "whistle")
      }),
      count: () => Effect.map(state.get, ({ boiled }) => boiled),
      whistle: Effect.fnUntraced(function*() {
        const times = yield* state.modify(({ boiled }) => [boiled + 1, { boiled: boiled + 1 }])
        yield* connections.broadcast("boiled", { times })
      })
    })
  }),
  { initialState: { boiled: 0 }, durability: "commit" }
).pipe(Layer.provide(Kettle.layerAdmitAll))

/** A server and its network; what it stores is provided outside of it. */
const ServerLayer = TestNetwork.layer.pipe(Layer.provide(KettleLayer), Layer.provide(ActorHost.layerLocal()))

const join = Kettle.connect("kitchen", { subscribe: ["boiled"] })

describe("a durable actor on a TestNetwork", () => {
  it.effect("needs no layer but those of the app", () =>
    Effect.gen(function*() {
      const kettle = yield* join
      yield* kettle.rpc.boil({ minutes: 3 })
      const heard = yield* Effect.forkChild(Stream.runHead(kettle.events.boiled), { startImmediately: true })
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(heard.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      assert.isDefined(heard.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(ServerLayer), Effect.provide(ActorStorage.layerMemory)))

  it.effect("takes a client back in the time of the test, and none besides", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const kettle = yield* join
      yield* kettle.rpc.count()
      for (let drop = 0; drop < 5; drop++) {
        yield* network.refuse
        yield* network.cut
        yield* TestClock.adjust("10 seconds")
        yield* network.heal
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* SubscriptionRef.get(kettle.status))._tag, "Connected")
      }
    }).pipe(Effect.scoped, Effect.provide(ServerLayer), Effect.provide(ActorStorage.layerMemory)))

  it.effect("goes on in the next life of the server", () =>
    Effect.gen(function*() {
      const life = Effect.provide(ServerLayer)
      yield* Effect.flatMap(join, ({ rpc }) => rpc.boil({ minutes: 3 })).pipe(Effect.scoped, life)
      yield* TestClock.adjust("1 hour")
      const counted = yield* Effect.gen(function*() {
        const kettle = yield* join
        yield* TestClock.adjust("1 second")
        return yield* kettle.rpc.count()
      }).pipe(Effect.scoped, life)
      assert.strictEqual(counted, 1)
    }).pipe(Effect.provide(ActorStorage.layerMemory)))
})
