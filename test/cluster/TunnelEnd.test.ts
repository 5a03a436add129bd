import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as TunnelEnd from "../../src/cluster/TunnelEnd.ts"

/** An end whose request is a flag. */
const make = Effect.fnUntraced(function*() {
  const scope = yield* Scope.fork(yield* Effect.scope)
  let aborts = 0
  const end = yield* TunnelEnd.make({
    incarnation: "life 1",
    heartbeat: { interval: 5_000, timeout: 10_000 },
    abort: () => aborts++
  }).pipe(Scope.provide(scope))
  return { end, aborts: () => aborts, close: Scope.close(scope, Exit.void) }
})

const broken = (effect: Effect.Effect<boolean, { readonly cause: string }>) =>
  Effect.map(Effect.flip(effect), ({ cause }) => cause)

describe("the far end of a tunnel", () => {
  it.effect("says first which life of the actor it leads to", () =>
    Effect.gen(function*() {
      const { end } = yield* make()
      assert.deepStrictEqual(yield* Queue.take(end.downlink), ["opened", "life 1"])
    }))

  it.effect("takes pushes in the order of their indices", () =>
    Effect.gen(function*() {
      const { end } = yield* make()
      const { pull } = yield* end.socket.reader
      yield* end.take(0, ["a", "b"])
      yield* end.take(1, [])
      yield* end.take(2, ["c"])
      assert.deepStrictEqual(yield* pull, ["a", "b", "c"])
    }))

  it.effect("ends when a push is missing, and when one comes twice", () =>
    Effect.gen(function*() {
      for (const index of [0, 2]) {
        const { aborts, end } = yield* make()
        yield* end.take(0, ["a"])
        assert.strictEqual(yield* broken(end.take(index, ["b"])), "WrongIndex")
        assert.strictEqual(aborts(), 1)
      }
    }))

  it.effect("takes no push while nobody reads, and says so after a while", () =>
    Effect.gen(function*() {
      const { end } = yield* make()
      const { pull } = yield* end.socket.reader
      const many = Array.from({ length: 64 }, (_, i) => `${i}`)
      assert.isTrue(yield* end.take(0, many))
      const pushing = yield* Effect.forkChild(end.take(1, ["more"]), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* Fiber.join(pushing))
      const again = yield* Effect.forkChild(end.take(1, ["more"]), { startImmediately: true })
      assert.deepStrictEqual([...(yield* pull)], many)
      assert.isTrue(yield* Fiber.join(again))
      assert.deepStrictEqual(yield* pull, ["more"])
    }))

  it.effect("takes no push either while few messages wait that are long", () =>
    Effect.gen(function*() {
      const { end } = yield* make()
      const { pull } = yield* end.socket.reader
      const long = "x".repeat(600_000)
      assert.isTrue(yield* end.take(0, [long]))
      assert.isTrue(yield* end.take(1, [long]))
      const pushing = yield* Effect.forkChild(end.take(2, ["more"]), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* Fiber.join(pushing))
      assert.lengthOf(yield* pull, 2)
      assert.isTrue(yield* end.take(2, ["more"]))
    }))

  it.effect("is given up when nothing is heard in time; an empty push is a sign of life", () =>
    Effect.gen(function*() {
      const { aborts, end } = yield* make()
      for (let index = 0; index < 4; index++) {
        yield* end.take(index, [])
        yield* TestClock.adjust("14 seconds")
      }
      assert.strictEqual(aborts(), 0)
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual(aborts(), 1)
    }))

  it.effect("is not given up for silence when the actor leaves, as no push can come then", () =>
    Effect.gen(function*() {
      const { aborts, end } = yield* make()
      yield* Queue.take(end.downlink)
      end.leave()
      assert.deepStrictEqual(yield* Queue.take(end.downlink), ["leaving"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(aborts(), 0)
    }))

  it.effect("delivers what was written before its close, then ends; what was pushed is still read", () =>
    Effect.gen(function*() {
      const { end } = yield* make()
      const { pull } = yield* end.socket.reader
      const { write } = yield* end.socket.writer
      yield* end.take(0, ["last words"])
      const writing = yield* Effect.forkChild(
        Effect.andThen(write("bye\n"), write(new Socket.CloseEvent(4001, "kicked")))
      )
      assert.deepStrictEqual(yield* Queue.take(end.downlink), ["opened", "life 1"])
      assert.deepStrictEqual(yield* Queue.take(end.downlink), ["message", "bye"])
      assert.deepStrictEqual(yield* Queue.take(end.downlink), ["close", 4001, "kicked"])
      yield* Fiber.join(writing)
      assert.strictEqual((yield* Effect.flip(Queue.take(end.downlink)))._tag, "Done")
      assert.deepStrictEqual(yield* pull, ["last words"])
      assert.strictEqual((yield* Effect.flip(pull))._tag, "SocketError")
      assert.strictEqual((yield* Effect.flip(write("more")))._tag, "SocketError")
      assert.strictEqual(yield* broken(end.take(1, ["late"])), "UnknownTunnel")
    }))

  it.effect("drops the request of a node that does not fetch what is left for it", () =>
    Effect.gen(function*() {
      const { aborts, end } = yield* make()
      end.end()
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(aborts(), 0)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(aborts(), 1)
    }))
})
