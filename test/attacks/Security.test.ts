import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const page = readFileSync(join(root, "SECURITY.md"), "utf8").replaceAll(/\s+/g, " ")

/** Each test file that the page names, with the names of tests that follow it. */
const named = Array.from(page.matchAll(/`(test\/[\w/]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g), ([, file, names]) => ({
  file: file!,
  names: Array.from(names!.matchAll(/"([^"]+)"/g), ([, name]) => name!)
}))

describe("SECURITY.md", () => {
  it("names a test for each of its facts", () => {
    const facts = page.split("What the app must do itself")[0]!.split("| --- | --- |").slice(1).join(" ").split(" | | ")
    assert.isAbove(facts.length, 20)
    for (const fact of facts) assert.match(fact, /`test\/[\w/]+\.test\.ts`: "/)
  })

  for (const { file, names } of named) {
    it(`names tests of ${file} that there are: ${names.join(", ")}`, () => {
      assert.isTrue(existsSync(join(root, file)))
      const source = readFileSync(join(root, file), "utf8")
      for (const name of names) assert.include(source, name)
    })
  }
})
