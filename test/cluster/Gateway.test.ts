import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import { ClusterError, EntityAddress, EntityId, EntityType, ShardId } from "effect/cluster"
import { Headers } from "effect/http"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as Gateway from "../../src/cluster/Gateway.ts"
import { type DownlinkFrame, type EntityClient, TunnelBroken } from "../../src/cluster/TunnelRpcs.ts"
import type * as Frame from "../../src/session/Frame.ts"
import * as Link from "../../src/session/Link.ts"
import { hello } from "../support/RawPeer.ts"

const address = EntityAddress.make({
  shardId: ShardId.make("default", 1),
  entityType: EntityType.make("effect-tether/Room"),
  entityId: EntityId.make("lobby")
})

/** A gateway between a client and an actor's node, both spoken by hand. */
const serve = Effect.fnUntraced(
  function*(push: () => Effect.Effect<boolean, unknown> = () => Effect.succeed(true)) {
    const downlink = yield* Queue.unbounded<DownlinkFrame, unknown>()
    const inbound = yield* Queue.unbounded<string, Socket.SocketError>()
    const written: Array<string> = []
    const closes: Array<number> = []
    const entity = { Open: () => Effect.succeed(downlink), Push: push } as unknown as EntityClient
    const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
      Effect.sync(() => {
        if (Socket.isCloseEvent(chunk)) closes.push(chunk.code)
        else written.push(String(chunk).trim())
      })
    const socket = Socket.make({
      reader: Effect.succeed({ pull: Queue.takeAll(inbound), upgrade: Socket.SocketUpgradeError.unsupported }),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
    })
    const link = yield* Link.fromSocket(socket, { maxBytes: 1_000 })
    const greeting = hello("Room", { key: "lobby" })[1] as Frame.Hello
    const fiber = yield* Effect.forkChild(
      Effect.scoped(Gateway.serve(
        entity,
        { hello: greeting, link, headers: Headers.empty, onAttached: () => {} },
        {
          openTimeout: 10_000,
          timing: { heartbeat: { interval: 5_000, timeout: 10_000 }, leaveGrace: 20_000 }
        }
      )),
      { startImmediately: true }
    )
    return { downlink, inbound, written, closes, done: Fiber.join(fiber) }
  }
)

/** The code with which the way to the actor is gone, and nothing else: the client dials again. */
const rerouted = 4017

describe("a gateway", () => {
  for (
    const [what, error] of [
      ["is for another life of the actor", new TunnelBroken({ cause: "OtherIncarnation" })],
      ["is not the next one", new TunnelBroken({ cause: "WrongIndex" })],
      ["has no room in the actor's mailbox", new ClusterError.MailboxFull({ address })],
      ["reaches a node that has the actor no more", new ClusterError.EntityNotAssignedToRunner({ address })]
    ] as const
  ) {
    it.effect(`closes the socket, not for good, when a push ${what}`, () =>
      Effect.gen(function*() {
        const { closes, done, downlink, written } = yield* serve(() => Effect.fail(error))
        yield* Queue.offer(downlink, ["opened", "life 1"])
        yield* done
        assert.deepStrictEqual([written, closes], [[], [rerouted]])
      }))
  }

  it.effect("closes the socket, not for good, when the tunnel is opened again to another life of the actor", () =>
    Effect.gen(function*() {
      const { closes, done, downlink, written } = yield* serve()
      yield* Queue.offerAll(downlink, [["opened", "life 1"], ["message", "a"], ["opened", "life 2"], ["message", "b"]])
      yield* done
      assert.deepStrictEqual([written, closes], [["a"], [rerouted]])
    }))

  it.effect("closes the socket, not for good, when the actor has no node in time", () =>
    Effect.gen(function*() {
      const { closes, done } = yield* serve()
      yield* TestClock.adjust("10 seconds")
      yield* done
      assert.deepStrictEqual(closes, [rerouted])
    }))

  it.effect("brings a client the actor's farewell, though what it says at that moment finds the tunnel gone", () =>
    Effect.gen(function*() {
      let pushes = 0
      const { closes, done, downlink, inbound, written } = yield* serve(() =>
        pushes++ === 0 ? Effect.succeed(true) : Effect.fail(new TunnelBroken({ cause: "UnknownTunnel" }))
      )
      yield* Queue.offer(downlink, ["opened", "life 1"])
      yield* Queue.offer(inbound, "[[\"ack\",1]]")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(pushes, 2)
      yield* Queue.offerAll(downlink, [["message", "bye"], ["close", 4001, "kicked"]])
      yield* done
      assert.deepStrictEqual([written, closes], [["bye"], [4001]])
    }))
})
