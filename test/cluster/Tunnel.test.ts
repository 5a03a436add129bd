import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import { ClusterError, EntityAddress, EntityId, EntityType, ShardId } from "effect/cluster"
import { TestClock } from "effect/testing"
import * as Tunnel from "../../src/cluster/Tunnel.ts"
import { type DownlinkFrame, type EntityClient, TunnelBroken } from "../../src/cluster/TunnelRpcs.ts"

const address = EntityAddress.make({
  shardId: ShardId.make("default", 1),
  entityType: EntityType.make("effect-tether/Room"),
  entityId: EntityId.make("lobby")
})

/** An actor's node that is spoken by hand. */
const make = Effect.fnUntraced(
  function*(push: (payload: any) => Effect.Effect<boolean, unknown> = () => Effect.succeed(true)) {
    const downlink = yield* Queue.unbounded<DownlinkFrame, unknown>()
    const pushed: Array<readonly [index: number, ReadonlyArray<string>]> = []
    const entity = {
      Open: () => Effect.succeed(downlink),
      Push: (payload: any) => {
        pushed.push([payload.index, payload.messages])
        return push(payload)
      }
    } as unknown as EntityClient
    const open = Tunnel.open(entity, {
      use: "Socket",
      headers: {},
      timing: { heartbeat: { interval: 5_000, timeout: 10_000 }, leaveGrace: 20_000 }
    })
    return { downlink, open, pushed }
  }
)

const lost = <A>(effect: Effect.Effect<A, { readonly _tag: string }>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error._tag, "TunnelLost")
    return (error as Tunnel.TunnelLost).why
  })

describe("the near end of a tunnel", () => {
  it.effect("waits until the actor's node says that it is open", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make()
      const opening = yield* Effect.forkChild(open, { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(opening.pollUnsafe())
      yield* Queue.offer(downlink, ["opened", "life 1"])
      yield* Fiber.join(opening)
    }))

  it.effect("numbers its pushes, one under way at a time, and repeats what was not taken", () =>
    Effect.gen(function*() {
      const gate = yield* Queue.unbounded<boolean>()
      const { downlink, open, pushed } = yield* make(() => Queue.take(gate))
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      const both = yield* Effect.forkChild(
        Effect.all([tunnel.push(["a"]), tunnel.push(["b", "c"])], { concurrency: 2 }),
        { startImmediately: true }
      )
      yield* Effect.yieldNow
      assert.deepStrictEqual(pushed, [[0, ["a"]]])
      yield* Queue.offerAll(gate, [true, false, true])
      yield* Fiber.join(both)
      assert.deepStrictEqual(pushed, [[0, ["a"]], [1, ["b", "c"]], [1, ["b", "c"]]])
    }))

  it.effect("shows that its node lives while nothing travels", () =>
    Effect.gen(function*() {
      const { downlink, open, pushed } = yield* make()
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      yield* TestClock.adjust("4 seconds")
      yield* tunnel.push(["a"])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(pushed, [[0, ["a"]]])
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(pushed, [[0, ["a"]], [1, []], [2, []]])
    }))

  it.effect("is lost when the actor's node does not answer in time, though nobody pushes", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make(() => Effect.never)
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      const waiting = yield* Effect.forkChild(lost(tunnel.lost))
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(waiting), "the actor's node does not answer")
    }))

  it.effect("is lost when it is opened again, to another life of the actor", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make()
      yield* Queue.offerAll(downlink, [["opened", "life 1"], ["message", "hi"], ["opened", "life 2"]])
      const tunnel = yield* open
      assert.strictEqual(yield* tunnel.pull, "hi")
      assert.strictEqual(yield* lost(tunnel.pull), "it leads to another life of the actor")
    }))

  it.effect("is lost when the actor moves, which comes as an interruption of nobody's", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make()
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      yield* Queue.interrupt(downlink)
      assert.strictEqual(yield* lost(tunnel.pull), "the actor has moved")
    }))

  it.effect("is lost when a push is refused, or has no room", () =>
    Effect.gen(function*() {
      for (
        const error of [
          new TunnelBroken({ cause: "OtherIncarnation" }),
          new TunnelBroken({ cause: "WrongIndex" }),
          new ClusterError.MailboxFull({ address })
        ]
      ) {
        const { downlink, open } = yield* make(() => Effect.fail(error))
        yield* Queue.offer(downlink, ["opened", "life 1"])
        const tunnel = yield* open
        yield* lost(tunnel.push(["a"]))
        yield* lost(tunnel.lost)
      }
    }))

  it.effect("of an actor that leaves brings its last words, though it takes nothing", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make(() => Effect.fail(new TunnelBroken({ cause: "OtherIncarnation" })))
      yield* Queue.offerAll(downlink, [["opened", "life 1"], ["leaving"], ["message", "an answer"]])
      const tunnel = yield* open
      assert.strictEqual(yield* tunnel.pull, "an answer")
      const pushing = yield* Effect.forkChild(tunnel.push(["a"]), { startImmediately: true })
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(pushing.pollUnsafe())
      yield* Queue.offer(downlink, ["message", "bye"])
      assert.strictEqual(yield* tunnel.pull, "bye")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* lost(tunnel.lost), "the actor has left")
    }))

  it.effect("that the actor has ended brings its last words, though a push has found it gone", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make(() => Effect.fail(new TunnelBroken({ cause: "UnknownTunnel" })))
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      const pushing = yield* Effect.forkChild(lost(tunnel.push(["a"])), { startImmediately: true })
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(pushing.pollUnsafe())
      yield* Queue.offerAll(downlink, [["message", "bye"], ["close", 4001, "kicked"]])
      assert.strictEqual(yield* tunnel.pull, "bye")
      assert.strictEqual((yield* Effect.flip(tunnel.pull))._tag, "TunnelClosed")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(pushing), "the actor has ended it")
    }))

  it.effect("does not take a push that was under way for lost when the actor leaves", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make(() => Effect.never)
      yield* Queue.offer(downlink, ["opened", "life 1"])
      const tunnel = yield* open
      const pushing = yield* Effect.forkChild(tunnel.push(["a"]), { startImmediately: true })
      yield* Queue.offerAll(downlink, [["leaving"], ["message", "bye"]])
      assert.strictEqual(yield* tunnel.pull, "bye")
      yield* TestClock.adjust("15 seconds")
      assert.isUndefined(pushing.pollUnsafe())
    }))

  it.effect("tells how the actor has closed it", () =>
    Effect.gen(function*() {
      const { downlink, open } = yield* make()
      yield* Queue.offerAll(downlink, [["opened", "life 1"], ["close", 4001, "kicked"]])
      const tunnel = yield* open
      const error = yield* Effect.flip(tunnel.pull)
      assert.deepStrictEqual(error, new Tunnel.TunnelClosed({ code: 4001, reason: "kicked" }))
    }))
})
