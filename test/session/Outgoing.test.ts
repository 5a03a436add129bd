import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Scope } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as Engine from "../../src/session/Engine.ts"
import type { Link } from "../../src/session/Link.ts"
import { Outgoing, type Owner } from "../../src/session/Outgoing.ts"

/** A link that writes down what is written; `hold` delays each write. */
const makeLink = (hold: Effect.Effect<void, Socket.SocketError> = Effect.void) => {
  const written: Array<string> = []
  const link: Link = {
    scope: Scope.makeUnsafe(),
    pull: Effect.never,
    abort: Effect.void,
    write: (message) => Effect.andThen(hold, Effect.sync(() => written.push(message.trimEnd()))),
    close: (code, reason) => Effect.sync(() => written.push(`close ${code} ${reason}`))
  }
  return { link, written }
}

/** A writer of a link, and whether its owner has been told of the end. */
const write = Effect.fnUntraced(function*(link: Link, owner: Partial<Owner> = {}) {
  const ended = { value: false }
  const outgoing = new Outgoing(link, yield* Engine.make, {
    maxBatchBytes: () => 1_000,
    beforeWrite: () => undefined,
    onEnd: () => ended.value = true,
    ...owner
  })
  return { outgoing, ended }
})
const settle = TestClock.adjust(0)
const failure = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

describe("Outgoing", () => {
  it.effect("writes the frames of a tick as one message, in order", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink()
      const { outgoing } = yield* write(link)
      outgoing.push("1")
      outgoing.push("2")
      yield* settle
      outgoing.push("3")
      yield* settle
      assert.deepStrictEqual(written, ["[1,2]", "[3]"])
    }))

  it.effect("keeps a message below the bound in bytes, and a frame whole", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink()
      const { outgoing } = yield* write(link, { maxBatchBytes: () => 100 })
      const frame = JSON.stringify("é".repeat(10))
      for (let i = 0; i < 7; i++) outgoing.push(frame)
      const large = JSON.stringify("x".repeat(200))
      outgoing.push(large)
      yield* settle
      assert.strictEqual(written.at(-1), `[${large}]`)
      for (const message of written.slice(0, -1)) assert.isAtMost(new TextEncoder().encode(message).byteLength, 100)
      assert.deepStrictEqual(written.flatMap((message) => JSON.parse(message)), [
        ...Array.from({ length: 7 }, () => "é".repeat(10)),
        "x".repeat(200)
      ])
    }))

  it.effect("collects what is pushed while a write takes its time", () =>
    Effect.gen(function*() {
      const free = yield* Deferred.make<void>()
      const { link, written } = makeLink(Deferred.await(free))
      const { outgoing } = yield* write(link)
      outgoing.push("1")
      yield* settle
      outgoing.push("2")
      outgoing.push("3")
      yield* settle
      assert.deepStrictEqual(written, [])
      yield* Deferred.succeed(free, undefined)
      yield* settle
      assert.deepStrictEqual(written, ["[1]", "[2,3]"])
    }))

  it.effect("adds one frame of the session to each message, and writes it alone when nudged", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink()
      let acks = 0
      const { outgoing } = yield* write(link, {
        beforeWrite: () => acks < 2 ? `"ack ${++acks}"` : undefined
      })
      outgoing.push("1")
      yield* settle
      outgoing.nudge()
      yield* settle
      outgoing.nudge()
      yield* settle
      assert.deepStrictEqual(written, ["[1,\"ack 1\"]", "[\"ack 2\"]"])
    }))

  it.effect("closes after what was pushed before the end, and drops what is pushed after it", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink()
      const { ended, outgoing } = yield* write(link)
      outgoing.push("1")
      outgoing.end(4000, "bye")
      outgoing.push("2")
      outgoing.end(4001, "again")
      yield* outgoing.done
      yield* settle
      assert.isTrue(ended.value)
      assert.deepStrictEqual(written, ["[1]", "close 4000 bye"])
    }))

  it.effect("does not wait for a peer that does not read its farewell", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink(Effect.never)
      const { ended, outgoing } = yield* write(link)
      outgoing.push("1")
      outgoing.end(4000, "bye")
      yield* TestClock.adjust(4_999)
      assert.isFalse(ended.value)
      yield* TestClock.adjust(1)
      assert.isTrue(ended.value)
      yield* outgoing.done
      assert.deepStrictEqual(written, [])
    }))

  it.effect("tells its owner a second after a write has failed, so that what the peer said last is still read", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink(Effect.fail(failure))
      const { ended, outgoing } = yield* write(link)
      outgoing.push("1")
      yield* TestClock.adjust(999)
      assert.isFalse(ended.value)
      yield* TestClock.adjust(1)
      assert.isTrue(ended.value)
      outgoing.push("2")
      yield* settle
      assert.deepStrictEqual(written, [])
    }))

  it.effect("writes nothing after it was stopped", () =>
    Effect.gen(function*() {
      const { link, written } = makeLink()
      const { outgoing } = yield* write(link)
      outgoing.push("1")
      outgoing.stop()
      yield* outgoing.done
      outgoing.push("2")
      yield* settle
      assert.deepStrictEqual(written, [])
    }))
})
