import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ResumeToken from "../../src/session/ResumeToken.ts"

describe("ResumeToken", () => {
  it.effect("holds 144 random bits that fit into a URL, and is never the same", () =>
    Effect.gen(function*() {
      const tokens = yield* Effect.forEach(Array.from({ length: 500 }), () => ResumeToken.make)
      for (const token of tokens) assert.match(token, /^[A-Za-z0-9_-]{24}$/)
      assert.strictEqual(new Set(tokens).size, 500)
    }))

  it.prop("is equal to itself and to nothing else", { a: Schema.String, b: Schema.String }, ({ a, b }) => {
    assert.isTrue(ResumeToken.equals(a, a))
    assert.strictEqual(ResumeToken.equals(a, b), a === b)
    assert.isFalse(ResumeToken.equals(a, a + "x"))
    assert.isFalse(ResumeToken.equals(a + "x", a))
  })
})
