// The decoding by hand must take and refuse exactly what the schemas take and refuse.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { maxNameLength } from "../../src/internal/names.ts"
import * as Envelope from "../../src/session/Envelope.ts"
import * as Frame from "../../src/session/Frame.ts"

const compare = (byHand: Exit.Exit<unknown, unknown>, bySchema: Exit.Exit<unknown, unknown>, message: string): void => {
  if (Exit.isSuccess(bySchema)) assert.deepStrictEqual(byHand, bySchema, message)
  else assert.strictEqual(String(Exit.isFailure(byHand) && byHand.cause), String(bySchema.cause), message)
}

const check = (message: string): void => {
  compare(Envelope.decodeClient(message), Frame.decodeClient(message), message)
  compare(Envelope.decodeServer(message), Frame.decodeServer(message), message)
}

const tags = [
  "call",
  "interrupt",
  "chunk-ack",
  "subscribe",
  "unsubscribe",
  "hello",
  "reply",
  "refused",
  "chunk",
  "event",
  "welcome",
  "rejected",
  "ack",
  "ping",
  "pong",
  "bye",
  "nonsense",
  "__proto__",
  ""
]

/** Parts that are right in some place and wrong in another. */
const parts: ReadonlyArray<string> = [
  "0",
  "-0",
  "7",
  "1.0",
  "1e2",
  "9007199254740991",
  "9007199254740992",
  "1e400",
  "-1",
  "1.5",
  "\"1\"",
  "\"echo\"",
  "\"UnknownRpc\"",
  "\"\"",
  `"${"n".repeat(maxNameLength)}"`,
  `"${"n".repeat(maxNameLength + 1)}"`,
  "null",
  "true",
  "[]",
  "[1,[2]]",
  "{}",
  "{\"discard\":true}",
  "{\"discard\":false}",
  "{\"headers\":[[\"a\",\"b\"]],\"other\":1}",
  "{\"__proto__\":{\"a\":1},\"constructor\":2}",
  "{\"length\":3,\"0\":\"ping\"}"
]

const Part = Schema.Literals(parts)
const FrameText = Schema.Struct({
  tag: Schema.Literals(tags),
  rest: Schema.Array(Part).check(Schema.isMaxLength(5)),
  isBare: Schema.Boolean
})

const toText = ({ isBare, rest, tag }: typeof FrameText.Type) =>
  isBare && rest.length > 0 ? rest[0]! : `[${[JSON.stringify(tag), ...rest].join(",")}]`

describe("messages decoded by hand", () => {
  it("are those that the schemas decode, for each frame with up to two parts", () => {
    for (const tag of tags.map((tag) => JSON.stringify(tag))) {
      check(`[[${tag}]]`)
      for (const one of parts) {
        check(`[[${tag},${one}]]`)
        for (const two of parts) check(`[[${tag},${one},${two}]]`)
      }
    }
  })

  it("are those that the schemas decode, for calls, chunks and refusals with more", () => {
    for (const tag of ["call", "chunk", "refused", "reply", "event"]) {
      for (const name of ["\"echo\"", "\"UnknownRpc\"", "[]", "1"]) {
        for (const third of parts) {
          check(`[["${tag}",1,${name},${third}]]`)
          for (const fourth of parts) check(`[["${tag}",1,${name},${third},${fourth}]]`)
        }
      }
    }
  })

  it.effect.prop("are those that the schemas decode, for several frames in a message", {
    frames: Schema.Array(FrameText).check(Schema.isMaxLength(4)),
    before: Schema.Literals(["[", " [ ", "", "{"]),
    after: Schema.Literals(["]", " ]\n", "", "]]", ",]"])
  }, ({ after, before, frames }) => Effect.sync(() => check(`${before}${frames.map(toText).join(",")}${after}`)))

  it("are those that the schemas decode, where there is no message at all", () => {
    for (
      const text of ["", "null", "1", "\"[]\"", "{}", "[", "[]", "[[]]", "[null]", "[[],[\"ping\"]]", "[[\"ping\"],1]"]
    ) {
      check(text)
    }
  })
})
