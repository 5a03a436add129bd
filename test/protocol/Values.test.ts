// The table of "Values" in docs/PROTOCOL.md, row by row: what a client in another language encodes by hand.
import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Duration, Exit, Option, Redacted, Schema } from "effect"

class NotAllowed extends Schema.TaggedError<NotAllowed>()("NotAllowed", { hint: Schema.String }) {}

const json = <A>(schema: Schema.Codec<A, unknown>, value: A) =>
  JSON.stringify(Schema.encodeSync(Schema.toCodecJson(schema))(value))

const optional = Schema.Struct({ a: Schema.optional(Schema.String), b: Schema.optionalKey(Schema.String) })

const exit = Schema.Exit(Schema.Void, NotAllowed, Schema.Defect())

describe("the JSON of a value", () => {
  it("is the value where JSON has it", () => {
    const schema = Schema.Struct({ text: Schema.String, on: Schema.Boolean, list: Schema.Array(Schema.Number) })
    assert.strictEqual(json(schema, { text: "ü", on: true, list: [1.5] }), `{"text":"ü","on":true,"list":[1.5]}`)
    assert.deepStrictEqual([NaN, Infinity, -Infinity].map((n) => json(Schema.Number, n)), [
      `"NaN"`,
      `"Infinity"`,
      `"-Infinity"`
    ])
  })

  it("is null or nothing where there is no value", () => {
    assert.strictEqual(json(Schema.Void, undefined), "null")
    assert.strictEqual(json(Schema.Undefined, undefined), "null")
    assert.strictEqual(json(optional, {}), "{}")
    assert.strictEqual(json(optional, { a: undefined }), `{"a":null}`)
    assert.deepStrictEqual(Schema.decodeUnknownSync(Schema.toCodecJson(optional))({ b: "x" }), { b: "x" })
  })

  it("is a string for dates, large integers and bytes", () => {
    assert.strictEqual(json(Schema.Date, new Date(0)), `"1970-01-01T00:00:00.000Z"`)
    assert.strictEqual(json(Schema.DateTimeUtc, DateTime.makeUnsafe(0)), `"1970-01-01T00:00:00.000Z"`)
    assert.strictEqual(json(Schema.BigInt, 10n), `"10"`)
    assert.strictEqual(json(Schema.Uint8Array, new Uint8Array([1, 2, 3])), `"AQID"`)
  })

  it("is tagged for durations and options", () => {
    assert.strictEqual(json(Schema.Duration, Duration.seconds(90)), `{"_tag":"Millis","value":90000}`)
    assert.strictEqual(json(Schema.Duration, Duration.nanos(1n)), `{"_tag":"Nanos","value":"1"}`)
    assert.strictEqual(json(Schema.Duration, Duration.infinity), `{"_tag":"Infinity"}`)
    assert.strictEqual(json(Schema.Option(Schema.Number), Option.some(1)), `{"_tag":"Some","value":1}`)
    assert.strictEqual(json(Schema.Option(Schema.Number), Option.none()), `{"_tag":"None"}`)
    assert.strictEqual(json(NotAllowed, new NotAllowed({ hint: "no" })), `{"_tag":"NotAllowed","hint":"no"}`)
  })

  it("is an array for sets and maps", () => {
    assert.strictEqual(json(Schema.ReadonlySet(Schema.String), new Set(["a"])), `["a"]`)
    assert.strictEqual(json(Schema.ReadonlyMap(Schema.String, Schema.Number), new Map([["a", 1]])), `[["a",1]]`)
  })

  it("is what is within, or on the encoded side", () => {
    assert.strictEqual(json(Schema.RedactedFromValue(Schema.String), Redacted.make("token")), `"token"`)
    assert.strictEqual(json(Schema.Redacted(Schema.String), Redacted.make("token")), `"token"`)
    assert.strictEqual(
      json(Schema.String.pipe(Schema.brand("Id")), Schema.String.pipe(Schema.brand("Id")).make("x")),
      `"x"`
    )
    assert.strictEqual(json(Schema.FiniteFromString, 3), `"3"`)
  })
})

describe("the JSON of an exit", () => {
  it("tells success, failure, defect and interruption apart", () => {
    assert.strictEqual(json(exit, Exit.void), `{"_tag":"Success","value":null}`)
    assert.strictEqual(
      json(exit, Exit.fail(new NotAllowed({ hint: "no" }))),
      `{"_tag":"Failure","cause":[{"_tag":"Fail","error":{"_tag":"NotAllowed","hint":"no"}}]}`
    )
    assert.strictEqual(
      json(exit, Exit.die(new Error("x"))),
      `{"_tag":"Failure","cause":[{"_tag":"Die","defect":{"name":"Error","message":"x"}}]}`
    )
    assert.strictEqual(
      json(exit, Exit.failCause(Cause.interrupt())),
      `{"_tag":"Failure","cause":[{"_tag":"Interrupt","fiberId":null}]}`
    )
    assert.strictEqual(json(exit, Exit.failCause(Cause.empty)), `{"_tag":"Failure","cause":[]}`)
  })
})
