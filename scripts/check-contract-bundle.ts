/**
 * Bundles, as a browser app would, a module that defines one contract and nothing else, and one that is a client of it.
 * Fails if a builtin of Node comes along, or code that has no business there, or if the client has grown too large.
 */
import { build, type BuildResult, type Metafile } from "esbuild"
import { gzipSync } from "node:zlib"

const root = new URL("..", import.meta.url).pathname

interface App {
  readonly name: string
  readonly code: string
  /** A module that must be in the bundle, or else nothing was checked. */
  readonly holds: string
  readonly forbidden: RegExp
  /** Whether a forbidden module may be imported where nothing of it is left in the bundle. */
  readonly mayDrop: boolean
  /** Largest sizes in bytes, minified and gzipped: of the whole, and of this package's own part. */
  readonly budget: { readonly whole: number; readonly own: number }
}

const contract: App = {
  name: "contract",
  code: `
import * as Actor from "../src/Actor.ts"
export class Room extends Actor.make("Room") {}
`,
  holds: "src/Actor.ts",
  forbidden: /^src\/(host|server|session|client|testing)\//,
  mayDrop: false,
  budget: { whole: 31_000, own: 1_500 }
}

const client: App = {
  name: "browser client",
  code: `
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Actor from "../src/Actor.ts"
import * as BrowserClient from "../src/BrowserClient.ts"
const Note = Schema.Struct({ text: Schema.String, number: Schema.Int })
const echo = Rpc.make("echo", { payload: Note, success: Note })
class Room extends Actor.make("Room", { params: { token: Schema.String }, events: { said: Note }, rpcs: [echo] }) {}
Effect.runFork(Effect.scoped(Effect.gen(function*() {
  const room = yield* Room.connect("lobby", { params: { token: "let-me-in" } })
  yield* Effect.forkScoped(Stream.runForEach(room.events.said, Effect.log))
  yield* room.rpc.echo({ text: "", number: 1 })
})).pipe(Effect.provide(BrowserClient.layer({ url: "/actors" }))))
`,
  holds: "src/client/ClientHandle.ts",
  forbidden: /^src\/(host|server|testing|storage|cluster)\//,
  mayDrop: true,
  budget: { whole: 71_600, own: 19_500 }
}

const bundle = (
  { code, name }: App,
  external: ReadonlyArray<string>
): Promise<BuildResult<{ write: false; metafile: true }>> =>
  build({
    stdin: { contents: code, resolveDir: `${root}scripts`, sourcefile: `${name}.ts`, loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    external: ["node:*", ...external],
    write: false,
    metafile: true,
    logLevel: "error"
  })

const sizeOf = ({ outputFiles }: BuildResult<{ write: false }>): number =>
  gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).length

/** Every module that is imported, with the chain of imports that leads to it. */
const chains = (metafile: Metafile, start: string): ReadonlyMap<string, string> => {
  const found = new Map([[start, start]])
  for (const [path, chain] of found) {
    for (const next of metafile.inputs[path]?.imports ?? []) {
      if (!found.has(next.path)) found.set(next.path, `${chain} -> ${next.path}`)
    }
  }
  return found
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`

const fail = (message: string) => {
  console.error(message)
  process.exitCode = 1
}

const check = async (app: App) => {
  const whole = await bundle(app, [])
  const own = await bundle(app, ["effect/*"])
  const { inputs } = Object.values(whole.metafile.outputs)[0]!
  const found = chains(whole.metafile, Object.keys(inputs).find((path) => path.endsWith(`${app.name}.ts`))!)
  const isIn = (path: string) => (inputs[path]?.bytesInOutput ?? 0) > 0
  for (const [path, chain] of found) {
    const isForbidden = app.forbidden.test(path) && (isIn(path) || !app.mayDrop)
    if (isForbidden || path.startsWith("node:")) fail(`a ${app.name} must not pull in: ${chain}`)
  }
  if (!isIn(app.holds)) fail(`the bundle of the ${app.name} does not hold ${app.holds}: this check checks nothing`)
  const size = { whole: sizeOf(whole), own: sizeOf(own) }
  for (const part of ["whole", "own"] as const) {
    if (size[part] > app.budget[part]) {
      fail(`the ${app.name} (${part}) has ${size[part]} bytes; ${app.budget[part]} are allowed`)
    }
  }
  console.log(`${app.name}: ${kilobytes(size.whole)} minified and gzipped, ${kilobytes(size.own)} of it its own`)
}

await check(contract)
await check(client)
