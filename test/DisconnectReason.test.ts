import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Schema } from "effect"
import * as DisconnectReason from "../src/DisconnectReason.ts"

const codec = Schema.toCodecJson(DisconnectReason.DisconnectReason)
const encode = Schema.encodeEffect(codec)
const decode = Schema.decodeUnknownEffect(codec)

const all: ReadonlyArray<DisconnectReason.DisconnectReason> = [
  new DisconnectReason.ClientLeft({}),
  new DisconnectReason.ClientLeft({ reason: "bye" }),
  new DisconnectReason.Kicked({}),
  new DisconnectReason.Kicked({ reason: "Too many requests", retryAfter: Duration.seconds(1) }),
  new DisconnectReason.Lost(),
  new DisconnectReason.Refused(),
  new DisconnectReason.SlowConsumer({ frames: 3, bytes: 700 }),
  new DisconnectReason.ProtocolError({ message: "two hellos" }),
  new DisconnectReason.InvalidParams({ message: "Missing key" }),
  new DisconnectReason.UnknownActor({ actor: "Nobody" }),
  new DisconnectReason.InternalError(),
  new DisconnectReason.Draining({}),
  new DisconnectReason.Draining({ retryAfter: Duration.seconds(5) }),
  new DisconnectReason.ActorStopped(),
  new DisconnectReason.Displaced(),
  new DisconnectReason.Stale()
]

describe("DisconnectReason", () => {
  it.effect("is a small plain object on the wire, with retryAfter in milliseconds", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* encode(new DisconnectReason.Kicked({ reason: "Too many requests", retryAfter: Duration.seconds(1) })),
        { _tag: "Kicked", reason: "Too many requests", retryAfter: 1000 }
      )
      assert.deepStrictEqual(yield* encode(new DisconnectReason.Kicked({})), { _tag: "Kicked" })
      assert.deepStrictEqual(yield* encode(new DisconnectReason.Lost()), { _tag: "Lost" })
    }))

  it.effect("comes back from the wire as it was", () =>
    Effect.forEach(all, (reason) =>
      Effect.gen(function*() {
        const received = yield* decode(JSON.parse(JSON.stringify(yield* encode(reason))))
        assert.deepStrictEqual(received, reason)
      })))

  it.effect("rounds fractions of a millisecond up", () =>
    Effect.gen(function*() {
      const sent = yield* encode(new DisconnectReason.Draining({ retryAfter: Duration.micros(1500n) }))
      assert.deepStrictEqual(sent, { _tag: "Draining", retryAfter: 2 })
    }))

  it.effect("does not decode a retryAfter that is negative, fractional, endless or no number", () =>
    Effect.forEach([-1, 0.5, 2 ** 31, Number.POSITIVE_INFINITY, "1000", null], (retryAfter) =>
      Effect.gen(function*() {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(decode({ _tag: "Kicked", retryAfter }))))
      })))

  it.effect("does not decode an unknown tag", () =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isFailure(yield* Effect.exit(decode({ _tag: "Bored" }))))
    }))
})

describe("DisconnectReason.kicked", () => {
  it("takes a text, options or nothing", () => {
    assert.deepStrictEqual(DisconnectReason.kicked(), new DisconnectReason.Kicked({}))
    assert.deepStrictEqual(DisconnectReason.kicked("spam"), new DisconnectReason.Kicked({ reason: "spam" }))
    assert.deepStrictEqual(
      DisconnectReason.kicked({ reason: undefined, retryAfter: "2 seconds" }),
      new DisconnectReason.Kicked({ retryAfter: Duration.seconds(2) })
    )
  })

  it("moves a retryAfter outside the bounds to the nearer one", () => {
    assert.deepStrictEqual(DisconnectReason.kicked({ retryAfter: -1 }).retryAfter, Duration.zero)
    assert.deepStrictEqual(
      DisconnectReason.kicked({ retryAfter: Duration.infinity }).retryAfter,
      Duration.millis(2 ** 31 - 1)
    )
  })
})

describe("DisconnectReason.isTerminal", () => {
  it("keeps those away who left, were kicked for good, or can never succeed", () => {
    assert.deepStrictEqual(all.filter(DisconnectReason.isTerminal).map((reason) => reason._tag), [
      "ClientLeft",
      "ClientLeft",
      "Kicked",
      "ProtocolError",
      "InvalidParams",
      "UnknownActor"
    ])
  })
})

describe("DisconnectReason.retryAfter", () => {
  it("is the time that the reason names, if any", () => {
    const times = all.flatMap((reason) => Option.toArray(DisconnectReason.retryAfter(reason)))
    assert.deepStrictEqual(times, [Duration.seconds(1), Duration.seconds(5)])
  })
})

describe("DisconnectReason.describe", () => {
  it("is a sentence for each reason", () => {
    for (const reason of all) assert.match(DisconnectReason.describe(reason), /^[A-Z].*\.$/)
  })

  it("tells what the reason holds", () => {
    assert.strictEqual(
      DisconnectReason.describe(DisconnectReason.kicked({ reason: "Too many requests", retryAfter: "1 second" })),
      "The actor ended the connection: Too many requests, to be dialled again after 1s."
    )
  })
})
