// What a peer can put into a frame: the limits of size, number, depth and length, and values that look like traps.
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as Frame from "../../src/session/Frame.ts"
import * as Fortress from "../support/Fortress.ts"
import { Keep } from "../support/Fortress.ts"
import { it } from "../support/Hosts.ts"
import { enter, hello, open } from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"

const provide = (options?: Parameters<typeof Fortress.layer>[0]) => Effect.provide(Fortress.layer(options))

const tree = (depth: number): string => "{\"children\":[".repeat(depth) + "]}".repeat(depth)

const success = <A>(id: number, value: A) => ["reply", id, { _tag: "Success", value }]

describe("a call larger than a frame may be", () => {
  it.onEachHost("is refused alone; its neighbours in the same message run", () =>
    Effect.gen(function*() {
      const { frames, isServed, send } = yield* enter("Fortress", { params: {} })
      yield* send(
        ["call", 0, "echo", { text: "before" }],
        ["call", 1, "echo", { text: "x".repeat(2_000) }],
        ["call", 2, "echo", { text: "after" }]
      )

      assert.deepStrictEqual(frames("reply"), [success(0, "before"), success(2, "after")] as any)
      assert.deepStrictEqual(frames("refused").map(([, id, cause]) => [id, cause]), [[1, "FrameTooLarge"]])
      assert.deepStrictEqual((yield* Keep).ran, ["echo", "echo"])
      assert.isTrue(isServed())
    }).pipe(provide({ maxFrameBytes: 1_000, maxBatchBytes: 10_000 })))

  it.onEachHost("is measured in bytes of UTF-8, quotes and escapes included", () =>
    Effect.gen(function*() {
      const { frames, raw } = yield* enter("Fortress", { params: {} })
      const call = (id: number, text: string) => `["call",${id},"shout",{"text":"${text}"}]`
      const overhead = call(0, "").length
      // Each is one byte above the limit or at it, in characters of one to four bytes and in escapes.
      const units: ReadonlyArray<readonly [text: string, bytes: number]> = [
        ["x", 1],
        ["é", 2],
        ["€", 3],
        ["👋", 4],
        ["\\\"", 2],
        ["\\u0041", 6]
      ]
      for (const [id, [unit, bytes]] of units.entries()) {
        const times = Math.floor((500 - overhead) / bytes)
        const fitting = unit.repeat(times) + "x".repeat(500 - overhead - times * bytes)
        yield* raw(`[${call(id, fitting)}, ["ping"]]`)
        yield* raw(`[["ping"],${call(id, `${fitting}x`)}]`)
      }

      assert.deepStrictEqual(frames("reply").map(([, id]) => id), [0, 1, 2, 3, 4, 5])
      assert.deepStrictEqual(
        frames("refused").map(([, id, cause]) => [id, cause]),
        [0, 1, 2, 3, 4, 5].map((id) => [
          id,
          "FrameTooLarge"
        ])
      )
    }).pipe(provide({ maxFrameBytes: 500, maxBatchBytes: 10_000 })))
})

describe("a frame that is too large and no call", () => {
  it.onEachHost("ends the connection with a protocol error", () =>
    Effect.gen(function*() {
      const { frames, isServed, raw } = yield* enter("Fortress", { params: {} })
      yield* raw(`[["ack",0${" ".repeat(2_000)}]]`)
      yield* settle

      assert.strictEqual(frames("bye")[0]?.[1].reason._tag, "ProtocolError")
      assert.isFalse(isServed())
    }).pipe(provide({ maxFrameBytes: 1_000, maxBatchBytes: 10_000 })))
})

describe("what only nodes say to each other", () => {
  it.effect("is a protocol error of a client, or ignored", () =>
    Effect.gen(function*() {
      const { frames, isServed, send } = yield* enter("Fortress", { params: {} })
      yield* send(["call", 0, "echo", { text: "hi" }, { chain: [["Fortress/keep", "node/1"]] }])
      assert.deepStrictEqual(frames("reply"), [success(0, "hi")] as any)
      yield* send(["released", "node/1"])
      yield* settle

      assert.strictEqual(frames("bye")[0]?.[1].reason._tag, "ProtocolError")
      assert.isFalse(isServed())
    }).pipe(provide()))
})

describe("a message", () => {
  it.onEachHost("of more frames than are allowed ends the connection with a protocol error that says so", () =>
    Effect.gen(function*() {
      const { frames, raw } = yield* enter("Fortress", { params: {} })
      yield* raw(`[${Array.from({ length: Frame.maxFrames }, () => "[\"pong\"]").join(",")}]`)
      assert.lengthOf(frames("bye"), 0)
      yield* raw(`[${Array.from({ length: Frame.maxFrames + 1 }, () => "[\"pong\"]").join(",")}]`)
      yield* settle

      const reason = frames("bye")[0]?.[1].reason
      assert(reason?._tag === "ProtocolError")
      assert.match(reason.message, /16,?384/)
    }).pipe(provide()))

  it.onEachHost("that nests a million levels deep ends the connection with a protocol error", () =>
    Effect.gen(function*() {
      const { frames, raw } = yield* enter("Fortress", { params: {} })
      yield* raw("[".repeat(500_000) + "]".repeat(500_000))
      yield* settle

      assert.strictEqual(frames("bye")[0]?.[1].reason._tag, "ProtocolError")
      assert.deepStrictEqual((yield* Keep).errors, [])
    }).pipe(provide()))

  const broken: ReadonlyArray<readonly [what: string, chunk: string | Uint8Array]> = [
    ["that is not JSON", "[[\"ping\"]"],
    ["that is empty", ""],
    ["that is no array", "{\"0\":[\"ping\"]}"],
    ["of an unknown frame", "[[\"drop table\",1]]"],
    ["of a frame with a count above what a number can hold", "[[\"ack\",9007199254740993]]"],
    ["of a frame with an endless count", "[[\"ack\",1e999]]"],
    ["of a frame with a negative count", "[[\"interrupt\",-1]]"],
    ["of a frame with a fractional count", "[[\"call\",0.5,\"echo\",null]]"],
    ["of a frame with one element too many", "[[\"ping\",1]]"],
    ["of a frame of the server", "[[\"reply\",0,{\"_tag\":\"Success\",\"value\":1}]]"],
    ["of bytes that are not UTF-8", new Uint8Array([0x5b, 0xff, 0xfe, 0x5d, 0x0a])],
    ["of bytes that encode half a character", new Uint8Array([0x5b, 0xc3, 0x0a])],
    ["of a frame named __proto__", "[[\"__proto__\"]]"],
    ["with an RPC name of 257 characters", `[["call",0,"${"x".repeat(257)}",null]]`],
    ["with an event name of 257 characters", `[["subscribe","${"x".repeat(257)}"]]`]
  ]
  for (const [what, chunk] of broken) {
    it.onEachHost(`${what} ends the connection with a protocol error, and its neighbours go on`, () =>
      Effect.gen(function*() {
        const neighbour = yield* enter("Fortress", { params: {} })
        const { closes, frames, isServed, raw } = yield* enter("Fortress", { params: {} })
        yield* raw(chunk)
        yield* settle

        assert.strictEqual(frames("bye")[0]?.[1].reason._tag, "ProtocolError")
        assert.deepStrictEqual(closes, [4003])
        assert.isFalse(isServed())
        yield* neighbour.send(["call", 0, "echo", { text: "still here" }])
        assert.deepStrictEqual(neighbour.frames("reply"), [success(0, "still here")] as any)
        assert.deepStrictEqual((yield* Keep).errors, [])
      }).pipe(provide()))
  }
})

describe("a payload that nests", () => {
  it.onEachHost("deeper than is allowed fails its own call, without a defect", () =>
    Effect.gen(function*() {
      const { frames, raw } = yield* enter("Fortress", { params: {} })
      yield* raw(`[["call",0,"plant",${tree(32)}],["call",1,"plant",${tree(33)}],["call",2,"echo",{"text":"a"}]]`)
      yield* raw(
        `[["call",3,"plant",${tree(10_000)}],["call",4,"keep",{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}]]`
      )

      assert.deepStrictEqual(frames("reply"), [success(0, 32), success(2, "a")] as any)
      assert.deepStrictEqual(frames("refused").map(([, id, cause]) => [id, cause]), [
        [1, "InvalidPayload"],
        [3, "InvalidPayload"],
        [4, "InvalidPayload"]
      ])
      assert.deepStrictEqual((yield* Keep).errors, [])
    }).pipe(provide()))

  it.onEachHost("in the params of a hello is refused as invalid params, without a defect", () =>
    Effect.gen(function*() {
      const { frames, raw } = yield* open()
      yield* raw(
        `[["hello",{"protocol":1,"actor":"Fortress","key":"k","params":{"tree":${
          tree(2_000)
        }},"subscriptions":[],"attach":1}]]`
      )

      assert.strictEqual(frames("bye")[0]?.[1].reason._tag, "InvalidParams")
      assert.deepStrictEqual((yield* Keep).errors, [])
    }).pipe(provide()))
})

describe("a payload that its schema chokes on", () => {
  it.onEachHost("fails its own call; the connection and later calls go on", () =>
    Effect.gen(function*() {
      const { frames, send } = yield* enter("Fortress", { params: {} })
      yield* send(["call", 0, "fragile", "bomb"], ["call", 1, "fragile", "glass"])
      yield* send(["call", 2, "echo", { text: "a" }])

      assert.deepStrictEqual(frames("reply"), [success(1, "glass"), success(2, "a")] as any)
      assert.deepStrictEqual(frames("refused").map(([, id, cause]) => [id, cause]), [[0, "InvalidPayload"]])
    }).pipe(provide()))
})

describe("what a refusal says", () => {
  it.onEachHost("is short, however long what was refused is", () =>
    Effect.gen(function*() {
      const { frames, send } = yield* enter("Fortress", { params: {} })
      yield* send(["call", 0, "echo", { text: { "👋": "👋".repeat(50_000) } }], [
        "call",
        1,
        "keep",
        "x".repeat(100_000)
      ])
      const peer = yield* open()
      yield* peer.send(hello("Fortress", { params: { name: ["x".repeat(30_000)] } }))

      for (const [, , , text] of frames("refused")) assert.isBelow(text.length, 1_100)
      assert.lengthOf(frames("refused"), 2)
      const reason = peer.frames("bye")[0]?.[1].reason
      assert(reason?._tag === "InvalidParams")
      assert.isBelow(reason.message.length, 1_100)
    }).pipe(provide()))
})

describe("an RPC that is internal", () => {
  it.onEachHost("is unknown to the wire", () =>
    Effect.gen(function*() {
      const { frames, send } = yield* enter("Fortress", { params: {} })
      yield* send(["call", 0, "open", null])

      assert.deepStrictEqual(frames("refused").map(([, id, cause]) => [id, cause]), [[0, "UnknownRpc"]])
      assert.deepStrictEqual((yield* Keep).ran, [])
      yield* (yield* Fortress.Fortress.client("k")).open()
      assert.deepStrictEqual((yield* Keep).ran, ["open"])
    }).pipe(provide()))
})

describe("keys that mean something to JavaScript", () => {
  it.onEachHost("in a payload, in headers and as names are data like any other", () =>
    Effect.gen(function*() {
      const { frames, raw, send } = yield* enter("Fortress", { params: {}, key: "__proto__" })
      yield* raw(
        "[[\"call\",0,\"keep\",{\"__proto__\":{\"polluted\":1},\"constructor\":{\"prototype\":{\"polluted\":1}}}]]"
      )
      yield* send(["call", 1, "echo", { text: "a" }, { headers: [["__proto__", "x"], ["constructor", "y"]] }])
      for (const [id, name] of ["__proto__", "constructor", "hasOwnProperty", "toString"].entries()) {
        yield* send(["call", 10 + id, name, null], ["subscribe", name], ["unsubscribe", name])
        const peer = yield* open()
        yield* peer.send(hello(name, { key: name }))
        assert.strictEqual(peer.frames("bye")[0]?.[1].reason._tag, "UnknownActor")
      }

      assert.isUndefined(({} as any).polluted)
      assert.deepStrictEqual(frames("reply").map(([, id]) => id), [0, 1])
      assert.include(JSON.stringify(frames("reply")[0]), "__proto__")
      assert.deepStrictEqual(
        frames("refused").map(([, id, cause]) => [id, cause]),
        [10, 11, 12, 13].map((id) => [
          id,
          "UnknownRpc"
        ])
      )
      assert.deepStrictEqual((yield* Keep).errors, [])
    }).pipe(provide()))
})
