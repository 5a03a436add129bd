/**
 * Fails if docs/reference was made from other declarations and doc comments than those of now. It compares a fingerprint
 * and does not make the pages: `npm run reference` does.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Api from "./Api.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const written = /<!-- made from (\w+) -->/.exec(readFileSync(join(root, "docs/reference/README.md"), "utf8"))?.[1]

if (written === Api.fingerprint(root)) {
  console.log(`reference: up to date with ${Api.entryPoints(root).length} modules`)
} else {
  console.error("docs/reference is older than the doc comments and types that it is made from: npm run reference")
  process.exitCode = 1
}
