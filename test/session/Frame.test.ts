import { assert, describe, it } from "@effect/vitest"
import { Exit, Schema } from "effect"
import * as DisconnectReason from "../../src/DisconnectReason.ts"
import * as Frame from "../../src/session/Frame.ts"

const limits: Frame.Limits = {
  frameBytes: 1,
  batchBytes: 2,
  callsInFlight: 3,
  subscriptions: 4,
  streamWindow: 5,
  bufferFrames: 6,
  bufferBytes: 7
}

const clientFrames: ReadonlyArray<Exclude<Frame.ClientFrame, readonly ["bye", any]>> = [
  ["call", 0, "post", { text: "\u2028 </script> \ud83d\udc4b" }],
  ["call", 1, "post", null, { headers: [["a", "b"]], discard: true }],
  ["interrupt", 1],
  ["chunk-ack", 1],
  ["subscribe", "__proto__"],
  ["unsubscribe", "constructor"],
  ["hello", { protocol: 1, actor: "Room", key: "k", params: { a: [1] }, subscriptions: ["x"], attach: 1 }],
  ["hello", {
    protocol: 1,
    actor: "Room",
    key: "",
    params: null,
    subscriptions: [],
    attach: 2,
    resume: { connection: "c", token: "t", epoch: "e", received: 0 }
  }],
  ["ack", 0],
  ["ping"],
  ["pong"]
]

const serverFrames: ReadonlyArray<Exclude<Frame.ServerFrame, readonly ["bye", any]>> = [
  ["reply", 0, { _tag: "Success", value: null }],
  ["refused", 1, "UnknownRpc", "no such RPC"],
  ["chunk", 1, [1, "two", { three: 3 }]],
  ["event", "posted", { text: "hi" }],
  ["welcome", {
    connection: "c",
    epoch: "e",
    token: "t",
    resumed: false,
    received: 0,
    limits,
    heartbeat: { interval: 1, timeout: 2 },
    resumeWindow: 3
  }],
  ["rejected", { _tag: "Unauthorized" }],
  ["ack", 7],
  ["ping"],
  ["pong"]
]

const message = (frames: ReadonlyArray<string>) => `[${frames.join(",")}]`

describe("frames", () => {
  it("are the same after a way over the wire", () => {
    assert.deepStrictEqual(Frame.decodeClient(message(clientFrames.map(Frame.encode))), Exit.succeed(clientFrames))
    assert.deepStrictEqual(Frame.decodeServer(message(serverFrames.map(Frame.encode))), Exit.succeed(serverFrames))
  })

  it("say goodbye with any reason", () => {
    for (
      const reason of [
        DisconnectReason.ClientLeft.make({ reason: "enough" }),
        DisconnectReason.kicked({ reason: "spam", retryAfter: "5 seconds" }),
        DisconnectReason.SlowConsumer.make({ frames: 1, bytes: 2 }),
        DisconnectReason.Lost.make({})
      ]
    ) {
      const encoded = message([Frame.encodeBye(reason, 3)])
      assert.deepStrictEqual(Frame.decodeServer(encoded), Exit.succeed([["bye", { reason, received: 3 }] as const]))
    }
  })

  it("are told apart by whether they count", () => {
    const counted = [...clientFrames, ...serverFrames].filter(Frame.isData).map(([tag]) => tag)
    assert.hasAllKeys(Object.fromEntries(counted.map((tag) => [tag, true])), [
      "call",
      "chunk",
      "chunk-ack",
      "event",
      "interrupt",
      "refused",
      "reply",
      "subscribe",
      "unsubscribe"
    ])
  })

  it("that are none do not decode", () => {
    for (
      const garbage of [
        "",
        "null",
        "{}",
        "[",
        "[[]]",
        "[null]",
        "[[\"nonsense\"]]",
        "[[\"__proto__\",0]]",
        "[[\"toString\"]]",
        "[[\"ack\",-1]]",
        "[[\"ack\",1.5]]",
        "[[\"ack\",\"1\"]]",
        "[[\"call\",0]]",
        "[[\"call\",0,\"x\",1,{},2]]",
        "[[\"call\",0,\"x\",1,{\"discard\":false}]]",
        "[[\"call\",1e400,\"x\",1]]"
      ]
    ) {
      assert.isTrue(Exit.isFailure(Frame.decodeClient(garbage)), garbage)
    }
  })

  it("of the other end do not decode", () => {
    assert.isTrue(Exit.isFailure(Frame.decodeClient("[[\"event\",\"x\",1]]")))
    assert.isTrue(Exit.isFailure(Frame.decodeServer("[[\"subscribe\",\"x\"]]")))
  })

  it("with keys of prototypes in their payload poison nothing", () => {
    const decoded = Frame.decodeClient("[[\"call\",0,\"x\",{\"__proto__\":{\"admin\":true},\"constructor\":1}]]")
    assert.isTrue(Exit.isSuccess(decoded))
    assert.isUndefined(({} as { readonly admin?: unknown }).admin)
  })
})

describe("the chunks of a stream", () => {
  const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Null])

  it.prop("hold all values in order and stay within their bound", {
    values: Schema.Array(Value).check(Schema.isMaxLength(60)),
    maxBytes: Schema.Int.check(Schema.isBetween({ minimum: 40, maximum: 400 }))
  }, ({ maxBytes, values }) => {
    const parts = values.map(Frame.encodeValue)
    const frames = Frame.encodeChunks(7, parts, maxBytes)
    const decoded = Frame.decodeServer(message(frames))
    assert.isTrue(Exit.isSuccess(decoded))
    const chunks = (decoded as Exit.Success<ReadonlyArray<Frame.ServerFrame>, never>).value
    assert.deepStrictEqual(
      chunks.flatMap((frame) => frame[0] === "chunk" && frame[1] === 7 ? frame[2] : []),
      JSON.parse(message(parts))
    )
    for (const [i, frame] of frames.entries()) {
      const [, , held] = chunks[i] as readonly ["chunk", number, ReadonlyArray<unknown>]
      assert.isTrue(held.length === 1 || Frame.byteLength(frame) <= maxBytes, frame)
    }
  }, { arbitrary: { runs: 200 } })

  it("are none for no values", () => {
    assert.deepStrictEqual(Frame.encodeChunks(1, [], 100), [])
  })
})

describe("the size of a text", () => {
  it.prop("is counted in bytes", {
    text: Schema.String,
    limit: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))
  }, ({ limit, text }) => {
    const bytes = new TextEncoder().encode(text).byteLength
    assert.strictEqual(Frame.byteLength(text), bytes)
    assert.strictEqual(Frame.exceeds(text, limit), bytes > limit)
  }, { arbitrary: { runs: 200 } })
})
