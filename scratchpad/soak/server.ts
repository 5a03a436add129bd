/**
 * The server of the soak, a process of its own. It answers the questions that its parent sends it.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Deferred, Duration, Effect, Layer, Logger, Stream } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { ActorHost, ActorServer, ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { Marathon, rooms } from "./Marathon.ts"
import type { Answer, Question } from "./Talk.ts"
import * as Vitals from "./Vitals.ts"

/** Where the actors are stored; without it they are not. */
const filename = process.env["SOAK_FILE"]

/** Steps by runner. */
const steps = new Map<number, number>()

const step = Effect.map(Marathon.CurrentConnection, ({ state: { runner } }) => {
  const count = (steps.get(runner) ?? 0) + 1
  steps.set(runner, count)
  return count
})

let errors = 0
const countErrors = Logger.make(({ logLevel, message }) => {
  if (logLevel !== "Error" && logLevel !== "Fatal") return
  errors++
  process.stderr.write(`${String(message)}\n`)
})

const MarathonLayer = Marathon.toLayer(
  Effect.gen(function*() {
    const connections = yield* Marathon.Connections
    let lap = 0
    return Marathon.of({
      step: () => step,
      stumble: () => Effect.void,
      rest: ({ millis }) => Effect.sleep(millis),
      cheer: () => Effect.suspend(() => connections.broadcast("lap", ++lap)),
      climb: ({ steps }) => Stream.rechunk(Stream.range(1, steps), 1),
      fall: ({ retryAfter }) =>
        Effect.flatMap(Marathon.CurrentConnection, (connection) =>
          connection.disconnect({
            reason: "fell",
            ...(retryAfter === undefined ? {} : { retryAfter: Duration.millis(retryAfter) })
          })),
      runners: () => Effect.map(connections.all, (all) => all.size)
    })
  }),
  {
    concurrency: "unbounded",
    maxIdleTime: "1 second",
    ...(filename === undefined ? {} : { durability: "commit" as const })
  }
).pipe(
  Layer.provide(Marathon.layerHooks({
    onBeforeConnect: ({ params }) => Effect.succeed(params),
    onConnect: (connection) => Effect.asVoid(Effect.forkScoped(Effect.delay(connection.send("lap", 0), "1 minute")))
  })),
  Layer.provide(filename === undefined ? ActorStorage.layerMemory : SqliteStorage.layer({ filename }))
)

const ServerLayer = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
  disableListenLog: true,
  disableLogger: true
}).pipe(
  Layer.provide(MarathonLayer),
  Layer.provideMerge(ActorHost.layerLocal({
    resumeWindow: "5 seconds",
    heartbeatInterval: "5 seconds",
    heartbeatTimeout: "5 seconds",
    maxHandshakes: 10_000
  })),
  Layer.provideMerge(NodeHttpServer.layer(createServer, {
    host: "127.0.0.1",
    port: 0,
    backlog: 4_096,
    disablePreemptiveShutdown: true,
    websocket: { maxPayload: 2_000_000 }
  }))
)

const listed = Effect.gen(function*() {
  const { size } = yield* ActorHost.ActorHost
  const actors = yield* size
  // Asking an actor starts it, so those who have stopped are not asked.
  if (actors === 0) return { actors, listed: 0 }
  const counts = yield* Effect.forEach(
    Array.from({ length: rooms }, (_, room) => String(room)),
    (key) => Effect.flatMap(Marathon.client(key), (room) => room.runners()),
    { concurrency: "unbounded" }
  )
  return { actors, listed: counts.reduce((sum, count) => sum + count, 0) }
})

const answer = Effect.fnUntraced(function*(question: Question): Effect.fn.Return<Answer, never, ActorHost.ActorHost> {
  switch (question) {
    case "vitals":
      return { vitals: yield* Vitals.take, errors, ...(yield* Effect.orDie(listed)) }
    case "steps":
      return { steps: Array.from(steps) }
    case "actors":
      return { actors: yield* (yield* ActorHost.ActorHost).size }
  }
})

const main = Effect.gen(function*() {
  const { address } = yield* HttpServer.HttpServer
  const over = yield* Deferred.make<void>()
  const context = yield* Effect.context<ActorHost.ActorHost>()
  process.on("message", ({ id, question }: { readonly id: number; readonly question: Question }) => {
    Effect.runForkWith(context)(Effect.map(answer(question), (answer) => process.send?.({ id, answer })))
  })
  process.on("disconnect", () => Effect.runFork(Deferred.succeed(over, undefined)))
  process.send?.({ port: "port" in address ? address.port : 0 })
  yield* Deferred.await(over)
}).pipe(Effect.provide([ServerLayer, Logger.layer([countErrors])]), Vitals.countFibers)

NodeRuntime.runMain(main, { disableErrorReporting: false })
