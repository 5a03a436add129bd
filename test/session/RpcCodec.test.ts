import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as RpcCodec from "../../src/session/RpcCodec.ts"

class Full extends Schema.TaggedError<Full>("RpcCodecTest/Full")("Full", { seats: Schema.Int }) {}

const rpcs = [
  Rpc.make("note", { success: Schema.Struct({ text: Schema.String, at: Schema.Date }), error: Full }),
  Rpc.make("nothing", { error: Full }),
  Rpc.make("some", { success: Schema.Option(Schema.Int) }),
  Rpc.make("any", { success: Schema.Unknown }),
  Rpc.make("many", { success: Schema.Int, stream: true })
]

const note = { text: "a", at: "2026-01-02T03:04:05.000Z" }

const encodings: ReadonlyArray<unknown> = [
  { _tag: "Success", value: note },
  { _tag: "Success", value: { ...note, more: 1 }, more: 2 },
  { _tag: "Success", value: { ...note, at: 1 } },
  { _tag: "Success", value: { _tag: "Some", value: 1 } },
  { _tag: "Success", value: null },
  { _tag: "Success", value: { _tag: "Success", value: null } },
  { _tag: "Success" },
  { _tag: "success", value: null },
  { _tag: "Failure", cause: [{ _tag: "Fail", error: { _tag: "Full", seats: 3 } }] },
  { _tag: "Failure", cause: [{ _tag: "Die", defect: "x" }] },
  { _tag: "Failure", cause: "x" },
  { value: note },
  null,
  "Success",
  []
]

describe("the exit of a call", () => {
  it.effect("decodes as its schema says, whatever was sent", () =>
    Effect.gen(function*() {
      for (const rpc of rpcs) {
        const schema = Schema.toCodecJson(Rpc.exitSchema(rpc as Rpc.Any)) as unknown as Schema.Codec<unknown>
        const { decodeExit } = RpcCodec.of(rpc as never)
        for (const encoded of encodings) {
          const expected = yield* Effect.exit(Schema.decodeUnknownEffect(schema)(encoded))
          const actual = yield* Effect.exit(decodeExit(encoded))
          const about = `${rpc._tag} ${JSON.stringify(encoded)}`
          if (Exit.isSuccess(expected)) assert.deepStrictEqual(actual as unknown, expected, about)
          else assert.strictEqual(String(Exit.isFailure(actual) && actual.cause), String(expected.cause), about)
        }
      }
    }))
})
