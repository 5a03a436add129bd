/**
 * An app that closes its actors before their host, as layers do.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Scope } from "effect"
import * as ActorHost from "../../src/ActorHost.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import { it, layerHost } from "../support/Hosts.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy, untilSimulated as until } from "../support/World.ts"

const layer = TestNetwork.layer.pipe(Layer.provideMerge(layerHost()))

const reconnect = Schedule.spaced("1 second")

/** Registers the actor; what is returned gives it up. */
const open = Effect.gen(function*() {
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Layer.buildWithScope(Layer.fresh(Rooms.layer), scope)
  return Scope.close(scope, Exit.void)
})

describe("an actor that its app has given up", () => {
  it.onEachHost("asks its clients back, instead of telling them that there is none", () =>
    Effect.gen(function*() {
      yield* until(yield* open)
      const ada = yield* Rooms.join("ada", { reconnect })
      const { cause } = yield* awaitStatusBy(until)(ada, "Waiting")
      assert.strictEqual((cause as { readonly _tag: string })._tag, "Draining")
    }).pipe(Effect.provide(layer)))

  it.onEachHost("is found by its clients when it is there again", () =>
    Effect.gen(function*() {
      yield* until(yield* open)
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatusBy(until)(ada, "Waiting")
      yield* open
      assert.deepStrictEqual(yield* until(ada.rpc.names()), ["ada"])
    }).pipe(Effect.provide(layer)), {
    notInCluster: "a node that gives up an actor leaves the cluster, by the engine's preemptiveShutdown"
  })

  it.onEachHost("is no fault of server code that calls it: the host closes", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const close = yield* open
      const room = yield* Effect.provideService(Rooms.Room.client("lobby"), ActorHost.ActorHost, host)
      assert.deepStrictEqual(yield* until(room.roll()), [])
      yield* until(close)
      const error = yield* until(Effect.flip(room.roll()))
      assert.strictEqual(error.reason._tag, "HostClosed")
    }).pipe(Effect.provide(layer)))
})
