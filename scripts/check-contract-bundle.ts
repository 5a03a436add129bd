/**
 * Bundles a module that defines one contract and nothing else, as a browser app would, and fails if code of the server,
 * of the session or of the client, or a builtin of Node, comes along.
 */
import { build, type BuildResult, type Metafile } from "esbuild"
import { gzipSync } from "node:zlib"

const root = new URL("..", import.meta.url).pathname

const contract = `
import * as Actor from "../src/Actor.ts"
export class Room extends Actor.make("Room") {}
`

const forbidden = (path: string) => /^src\/(host|server|session|client)\//.test(path) || path.startsWith("node:")

const bundle = (): Promise<BuildResult<{ write: false; metafile: true }>> =>
  build({
    stdin: { contents: contract, resolveDir: `${root}scripts`, sourcefile: "contract.ts", loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    external: ["node:*"],
    write: false,
    metafile: true,
    logLevel: "error"
  })

/** Every module of the bundle, with the chain of imports that leads to it. */
const chains = (inputs: Metafile["inputs"], start: string): ReadonlyMap<string, string> => {
  const found = new Map([[start, start]])
  for (const [path, chain] of found) {
    for (const next of inputs[path]?.imports ?? []) {
      if (!found.has(next.path)) found.set(next.path, `${chain} -> ${next.path}`)
    }
  }
  return found
}

const { metafile, outputFiles } = await bundle()
const start = Object.keys(metafile.inputs).find((path) => path.endsWith("contract.ts")) ?? "contract.ts"
const found = chains(metafile.inputs, start)
const intruders = [...found].filter(([path]) => forbidden(path))

for (const [, chain] of intruders) console.error(`a contract must not pull in: ${chain}`)
if (!found.has("src/Actor.ts")) {
  console.error("the bundle does not hold src/Actor.ts: this check checks nothing")
  process.exitCode = 1
}
if (intruders.length > 0) process.exitCode = 1

const code = outputFiles[0]?.contents ?? new Uint8Array()
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`
console.log(`contract bundle: ${kilobytes(code.length)} minified, ${kilobytes(gzipSync(code).length)} gzipped`)
