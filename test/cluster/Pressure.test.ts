// More than an actor takes, through another node: what is between them is bounded, and nothing is lost.
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Fortress from "../support/Fortress.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import { enter, type RawPeer } from "../support/RawPeer.ts"
import { untilSimulated as until } from "../support/World.ts"

type Fort = Fortress.Keep

const nodes = MemoryCluster.testWith(Layer.provideMerge(Fortress.ActorLayer, Fortress.KeepLayer))

const ranOn = (node: MemoryCluster.Node<Fort>) => Context.get(node.services, Fortress.Keep).ran

const join = (node: MemoryCluster.Node<Fort>, key: string) =>
  Effect.provideContext(enter("Fortress", { key, params: {} }), node.services)

const send = (peer: RawPeer, count: number, rpc: readonly [name: string, payload: unknown]) =>
  Effect.forEach(Array.from({ length: count }, (_, id) => id), (id) => peer.send(["call", id, ...rpc]), {
    discard: true
  })

describe("a client that sends more than its rate", () => {
  nodes(
    "is read by its gateway at that rate once the tunnel is full, and loses nothing",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const peer = yield* join(two, cluster.keyOn(one))
        yield* send(peer, 400, ["echo", { text: "a" }])
        const before = yield* peer.unread
        assert.isAbove(before, 200)
        yield* until(Effect.sleep("10 seconds"))
        assert.approximately(before - (yield* peer.unread), 100, 70)
        yield* until(Effect.sleep("40 seconds"))
        assert.lengthOf(ranOn(one), 400)
        assert.deepStrictEqual(
          peer.frames("reply").map((reply) => reply[1]),
          Array.from({ length: 400 }, (_, id) => id)
        )
      }),
    { host: { maxFramesPerSecond: 10 } }
  )
})

describe("a client that goes on sending while the way to its actor is frozen", () => {
  nodes(
    "is read no further, and all of it arrives in order when the way is free again",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const peer = yield* join(two, cluster.keyOn(one))
        yield* one.freeze
        yield* send(peer, 200, ["echo", { text: "a" }])
        assert.isAtLeast(yield* peer.unread, 198)
        yield* one.thaw
        yield* until(Effect.sleep("2 seconds"))
        assert.deepStrictEqual(
          peer.frames("reply").map((reply) => reply[1]),
          Array.from({ length: 200 }, (_, id) => id)
        )
      })
  )
})
