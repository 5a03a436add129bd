import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { TestClock } from "effect/testing"
import * as Engine from "../../src/session/Engine.ts"
import * as Envelope from "../../src/session/Envelope.ts"
import type * as Frame from "../../src/session/Frame.ts"
import type { Link } from "../../src/session/Link.ts"
import { Session } from "../../src/session/Session.ts"
import { SessionSocket } from "../../src/session/SessionSocket.ts"

/** A socket of a server that answers each `call`, and what it has written, message by message. */
const make = Effect.gen(function*() {
  const inbound = yield* Queue.unbounded<string>()
  const written: Array<ReadonlyArray<unknown>> = []
  const link: Link = {
    scope: yield* Effect.scope,
    pull: Queue.takeAll(inbound),
    abort: Effect.void,
    write: (message) => Effect.sync(() => void written.push(JSON.parse(message))),
    close: () => Effect.void
  }
  const session = new Session({ frames: 2_000, bytes: 1_000_000 })
  const socket: SessionSocket<Frame.ClientFrame> = new SessionSocket(link, yield* Engine.make, {
    decode: Envelope.decodeClient,
    maxBatchBytes: () => 100_000,
    onFrame: (frame) => {
      if (frame[0] === "call") session.send(JSON.stringify(["reply", frame[1], null]))
      return undefined
    },
    onSilence: () => {}
  })
  socket.attach(session)
  yield* Effect.forkScoped(socket.read)
  const say = (...frames: ReadonlyArray<unknown>) =>
    Effect.andThen(Queue.offer(inbound, JSON.stringify(frames)), TestClock.adjust(0))
  const heard = () => written.splice(0)
  return { say, heard, session }
})

const call = (id: number) => ["call", id, "x", null]
const reply = (id: number) => ["reply", id, null]
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe("a socket of a session", () => {
  it.effect("acknowledges with the first answer, so that a lone call costs no message of its own for it", () =>
    Effect.gen(function*() {
      const { heard, say } = yield* make
      yield* say(call(0))
      assert.deepStrictEqual(heard(), [[reply(0), ["ack", 1]]])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(heard(), [])
      yield* say(call(1))
      assert.deepStrictEqual(heard(), [[reply(1), ["ack", 2]]])
    }))

  it.effect("does not acknowledge with each of the answers that follow within a second", () =>
    Effect.gen(function*() {
      const { heard, say } = yield* make
      yield* say(call(0))
      heard()
      for (const id of range(1, 8)) {
        yield* TestClock.adjust("1 milli")
        yield* say(call(id))
      }
      assert.deepStrictEqual(heard(), range(1, 8).map((id) => [reply(id)]))
      yield* TestClock.adjust("1 milli")
      yield* say(call(8))
      assert.deepStrictEqual(heard(), [[reply(8), ["ack", 9]]])
    }))

  it.effect("acknowledges a second later what no message has taken along", () =>
    Effect.gen(function*() {
      const { heard, say } = yield* make
      yield* say(["subscribe", "a"])
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(heard(), [])
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual(heard(), [[["ack", 1]]])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(heard(), [])
    }))

  it.effect("acknowledges frames that are large together without waiting, once each time", () =>
    Effect.gen(function*() {
      const { heard, say } = yield* make
      const large = (id: number) => ["call", id, "x", "x".repeat(40_000)]
      yield* say(call(0))
      heard()
      yield* say(large(1))
      assert.deepStrictEqual(heard(), [[reply(1)]])
      yield* TestClock.adjust("1 milli")
      yield* say(large(2))
      assert.deepStrictEqual(heard(), [[reply(2), ["ack", 3]]])
      yield* TestClock.adjust("1 milli")
      yield* say(call(3))
      assert.deepStrictEqual(heard(), [[reply(3)]])
    }))

  it.effect("acknowledges many frames without waiting for anything", () =>
    Effect.gen(function*() {
      const { heard, say } = yield* make
      yield* say(...range(0, 127).map((i) => ["subscribe", `event-${i}`]))
      assert.deepStrictEqual(heard(), [])
      yield* say(["subscribe", "event-127"])
      assert.deepStrictEqual(heard(), [[["ack", 128]]])
    }))

  it.effect("acknowledges an eighth of what the peer may keep, however little that is", () =>
    Effect.gen(function*() {
      const { heard, say, session } = yield* make
      session.bounds = { frames: 32, bytes: 1_000_000 }
      yield* say(...range(0, 3).map((i) => ["subscribe", `event-${i}`]))
      assert.deepStrictEqual(heard(), [])
      yield* say(["subscribe", "event-3"])
      assert.deepStrictEqual(heard(), [[["ack", 4]]])
    }))

  it.effect("takes an acknowledgement of frames that had not been sent when it was on its way for a fault", () =>
    Effect.gen(function*() {
      const { session, say, heard } = yield* make
      yield* say(call(0), ["ack", 1])
      assert.deepStrictEqual(heard(), [[reply(0), ["ack", 1]]])
      assert.strictEqual(session.state.acknowledged, 0)
    }))
})
