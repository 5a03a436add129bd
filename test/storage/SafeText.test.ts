import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as SafeText from "../../src/storage/SafeText.ts"

describe("SafeText", () => {
  it("leaves ordinary text as it is", () => {
    for (const text of ["", "lobby", "\u00e9\u{1F600}\n", "%5Cd800", "\\ud800"]) {
      assert.strictEqual(SafeText.encode(text), text)
      assert.strictEqual(SafeText.decode(text), text)
    }
  })

  it("writes what databases cannot keep apart as an escape and digits", () => {
    assert.strictEqual(SafeText.encode("a\0b"), "a\u001b0000b")
    assert.strictEqual(SafeText.encode("\ud800"), "\u001bd800")
    assert.strictEqual(SafeText.encode("\u001b"), "\u001b001b")
  })

  const Unit = Schema.Literals(["\0", "\u001b", "\ud83d", "\ude00", "0", "d", "8", "3"])

  it.prop("gives back any text, from text that is well-formed and without U+0000", [Schema.Array(Unit)], ([units]) => {
    const text = units.join("")
    const encoded = SafeText.encode(text)
    assert.strictEqual(SafeText.decode(encoded), text)
    assert.strictEqual(Buffer.from(encoded, "utf8").toString("utf8"), encoded)
    assert.notInclude(encoded, "\0")
  })
})
