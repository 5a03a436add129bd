/**
 * Tether as an app has it: an HTTP server, the router, the host with its defaults.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { createServer } from "node:http"
import { ActorHost, ActorServer } from "../../../src/index.ts"
import { Bench, Unauthorized } from "../contracts/Bench.ts"
import { echo, slowness, token } from "../contracts/work.ts"
import { countExecution, cuttable, onCommand, options, ready } from "./child.ts"

const HooksLayer = Bench.layerHooks({
  onBeforeConnect: ({ params }) => params.token === token ? Effect.void : Effect.fail(new Unauthorized())
})

const HandlersLayer = Bench.toLayer(
  Effect.gen(function*() {
    const connections = yield* Bench.Connections
    let touched = 0
    return Bench.of({
      echo: (note) => Effect.succeed(echo(note)),
      slow: ({ id }) => Effect.delay(Effect.sync(() => countExecution(id)), slowness),
      shout: (note) => connections.broadcast("said", note),
      touch: () => Effect.sync(() => ++touched)
    })
  }),
  { maxIdleTime: "1 hour", concurrency: options.concurrency ?? 1 }
).pipe(Layer.provide(HooksLayer))

const http = createServer()
cuttable(http)

const ServerLayer = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
  disableListenLog: true,
  disableLogger: true
}).pipe(
  Layer.provide(HandlersLayer),
  // The storms of the benchmark dial more at once than a host lets in by default, and one client sends all that it can.
  Layer.provideMerge(ActorHost.layerLocal({ maxHandshakes: 10_000, maxFramesPerSecond: Infinity })),
  Layer.provide(NodeHttpServer.layer(() => http, {
    host: "127.0.0.1",
    port: 0,
    backlog: 4096,
    disablePreemptiveShutdown: true,
    websocket: { perMessageDeflate: false }
  }))
)

/** Touches actors by their internal RPC, as server code does; gives the nanoseconds of one call. */
const touch = Effect.fnUntraced(function*({ from, times, to }: { from: number; to: number; times: number }) {
  const clients: Array<Effect.Success<ReturnType<typeof Bench.client>>> = []
  for (let key = from; key < to; key++) clients.push(yield* Bench.client(`actor-${key}`))
  const before = process.hrtime.bigint()
  for (let i = 0; i < times; i++) yield* clients[(i * 7919) % clients.length]!.touch()
  return Number(process.hrtime.bigint() - before) / times
})

const main = Effect.gen(function*() {
  const context = yield* Layer.build(ServerLayer)
  onCommand("touch", (args) => Effect.runPromise(Effect.provide(Effect.orDie(touch(args)), context)))
  ready((http.address() as any).port)
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(main))
