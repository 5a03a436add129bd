/**
 * The size of a browser client, by esbuild: minified, and gzipped.
 */
import { build } from "esbuild"
import { gzipSync } from "node:zlib"
import type { Result } from "../run.ts"

const root = new URL("../../..", import.meta.url).pathname

const contract = `
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
const Note = Schema.Struct({ text: Schema.String, number: Schema.Int })
const echo = Rpc.make("echo", { payload: Note, success: Note })
`

const common = `
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
`

/** An app that connects, calls and listens to an event. */
const tether = `${contract}${common}
import * as Stream from "effect/Stream"
import * as Actor from "./src/Actor.ts"
import * as ActorClient from "./src/ActorClient.ts"
class Bench extends Actor.make("Bench", { params: { token: Schema.String }, events: { said: Note }, rpcs: [echo] }) {}
const program = Effect.gen(function*() {
  const client = yield* Bench.connect("bench", { params: { token: "let-me-in" } })
  yield* Effect.forkScoped(Stream.runForEach(client.events.said, Effect.log))
  yield* client.rpc.echo({ text: "", number: 1 })
})
Effect.runFork(Effect.scoped(program).pipe(Effect.provide(
  ActorClient.layerWebSocket({ url: "wss://example.org/actors" }).pipe(
    Layer.provide(Socket.layerWebSocketConstructorGlobal)
  )
)))
`

const effectRpc = `${contract}${common}
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
const program = Effect.gen(function*() {
  const client = yield* RpcClient.make(RpcGroup.make(echo))
  yield* client.echo({ text: "", number: 1 })
})
Effect.runFork(Effect.scoped(program).pipe(Effect.provide(
  RpcClient.layerProtocolSocket().pipe(
    Layer.provide(Socket.layerWebSocket("wss://example.org/rpc")),
    Layer.provide([RpcSerialization.layerJson, Socket.layerWebSocketConstructorGlobal])
  )
)))
`

const sizes = async (contents: string, external: ReadonlyArray<string> = []) => {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: root, sourcefile: "app.ts", loader: "ts" },
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
  const code = outputFiles[0]!.contents
  const own = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([path]) => path.startsWith("src/"))
    .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
  return { code: code.length, gzip: gzipSync(code, { level: 9 }).length, own }
}

export const measure = async (): Promise<Result> => {
  const whole = await sizes(tether)
  const alone = await sizes(tether, ["effect/*"])
  const rpc = await sizes(effectRpc)
  return {
    code: whole.code,
    gzip: whole.gzip,
    ownCode: whole.own,
    aloneCode: alone.code,
    ownGzip: alone.gzip,
    effectRpcCode: rpc.code,
    effectRpcGzip: rpc.gzip
  }
}
