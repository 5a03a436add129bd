import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
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

  it.effect("is hashed by SHA-256, at once", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ResumeToken.hash("secret"), { startImmediately: true })
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols"))
    }))

  it.live("is hashed to the same where there is no Node", () =>
    Effect.gen(function*() {
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined)),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      const fiber = yield* Effect.forkChild(ResumeToken.hash("secret"), { startImmediately: true })
      assert.isUndefined(fiber.pollUnsafe(), "it is WebCrypto that answers")
      assert.strictEqual(yield* Fiber.join(fiber), "K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols")
    }))
})
