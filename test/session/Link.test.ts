import { assert, describe, it } from "@effect/vitest"
import { type Array, Effect, Fiber, Queue, Schema } from "effect"
import { Socket } from "effect/socket"
import * as Link from "../../src/session/Link.ts"

type Chunk = string | Uint8Array

/** A link over a socket that a test feeds, batch by batch. */
const open = Effect.fnUntraced(function*(maxBytes = 1_000) {
  const inbound = yield* Queue.unbounded<Array.NonEmptyReadonlyArray<Chunk>>()
  const written: Array<Chunk | Socket.CloseEvent> = []
  const write = (chunk: Chunk | Socket.CloseEvent) => Effect.sync(() => void written.push(chunk))
  const link = yield* Link.fromSocket(
    Socket.make({
      reader: Effect.succeed({ pull: Queue.take(inbound), upgrade: Socket.SocketUpgradeError.unsupported }),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
    }),
    { maxBytes }
  )
  const feed = (...chunks: Array.NonEmptyReadonlyArray<Chunk>) => Queue.offer(inbound, chunks)
  return { link, feed, written }
})

const bytes = (text: string) => new TextEncoder().encode(text)

describe("a link over a WebSocket", () => {
  it.effect("takes each text as a message", () =>
    Effect.gen(function*() {
      const { feed, link } = yield* open()
      yield* feed("[1]\n", "[2]")
      assert.deepStrictEqual((yield* link.pull).map((message) => message.trim()), ["[1]", "[2]"])
    }))

  it.effect("fails on a message that is too long, in bytes, without its line feed", () =>
    Effect.gen(function*() {
      const { feed, link } = yield* open(10)
      yield* feed("é".repeat(5) + "\n")
      assert.lengthOf(yield* link.pull, 1)
      yield* feed("é".repeat(6) + "\n")
      assert.strictEqual((yield* Effect.flip(link.pull))._tag, "ProtocolViolation")
    }))

  it.effect("ends every message with a line feed, and no more than one", () =>
    Effect.gen(function*() {
      const { link, written } = yield* open()
      yield* link.write("[1]")
      yield* link.write("[2]\n")
      assert.deepStrictEqual(written, ["[1]\n", "[2]\n"])
    }))
})

describe("a link over a byte stream", () => {
  it.effect("takes a long message that comes byte by byte, in the time of its test", () =>
    Effect.gen(function*() {
      const { feed, link } = yield* open(300_000)
      const text = `["${"é".repeat(100_000)}"]`
      const encoded = bytes(`${text}\n`)
      const pulled = yield* Effect.forkChild(link.pull)
      for (let i = 0; i < encoded.length; i++) yield* feed(encoded.subarray(i, i + 1))

      assert.deepStrictEqual(yield* Fiber.join(pulled), [text])
    }))

  it.effect.prop("finds its messages wherever the stream is split", {
    messages: Schema.Array(Schema.Literals(["[1]", "[\"grüße\"]", "[\"👋🏽 €\"]", "[]"])).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(8)
    ),
    sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(5)
    )
  }, ({ messages, sizes }) =>
    Effect.gen(function*() {
      const { feed, link } = yield* open()
      const stream = bytes(messages.map((message) => message + "\n").join(""))
      for (let from = 0, i = 0; from < stream.length; i++) {
        const to = from + sizes[i % sizes.length]!
        yield* feed(stream.subarray(from, to))
        from = to
      }
      const received: Array<string> = []
      while (received.length < messages.length) received.push(...(yield* link.pull))
      assert.deepStrictEqual(received, messages.slice())
    }))

  it.effect("fails on a line that is too long before it has ended", () =>
    Effect.gen(function*() {
      const { feed, link } = yield* open(10)
      yield* feed(bytes("x".repeat(8)))
      yield* feed(bytes("x".repeat(8)))
      assert.strictEqual((yield* Effect.flip(link.pull))._tag, "ProtocolViolation")
    }))

  it.effect("fails on bytes that are no UTF-8", () =>
    Effect.gen(function*() {
      const { feed, link } = yield* open()
      yield* feed(new Uint8Array([0x5B, 0xFF, 0x5D, 0x0A]))
      const error = yield* Effect.flip(link.pull)
      assert.strictEqual(error.message, "a message is not valid UTF-8")
    }))
})

describe("the reason of a close", () => {
  it("is left as it is up to 123 bytes", () => {
    assert.strictEqual(Link.truncateReason("x".repeat(123)), "x".repeat(123))
    assert.strictEqual(Link.truncateReason("é".repeat(61)), "é".repeat(61))
  })

  it.prop("is cut at a character", { reason: Schema.String }, ({ reason }) => {
    const long = "é€👋".repeat(20) + reason
    const cut = Link.truncateReason(long)
    assert.isTrue(long.startsWith(cut))
    assert.isAtMost(bytes(cut).byteLength, 123)
    assert.isAtLeast(bytes(cut).byteLength, 120)
  })

  it.effect("reaches the socket with its code", () =>
    Effect.gen(function*() {
      const { link, written } = yield* open()
      yield* link.close(4001, "x".repeat(200))
      const [event] = written
      assert.isTrue(Socket.isCloseEvent(event))
      assert.deepStrictEqual(event, new Socket.CloseEvent(4001, "x".repeat(123)))
    }))
})
