/**
 * A cluster of real processes on the loopback interface, which a test can kill, freeze and end.
 *
 * @since 0.1.0
 */
import { NodeWS } from "@effect/platform-node"
import { type Context, Deferred, Effect, Exit, Layer, Redacted, type Scope } from "effect"
import { fork } from "node:child_process"
import * as Ports from "../../scratchpad/Ports.ts"
import * as ActorClient from "../../src/ActorClient.ts"
import type { Database } from "./Postgres.ts"

/**
 * What a node is told.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeSettings {
  readonly name: string
  readonly httpPort: number
  readonly runnerPort: number
}

/**
 * A node that runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeProcess extends NodeSettings {
  readonly url: string
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Completes when the process is gone. */
  readonly gone: Effect.Effect<void>
  /** What it has logged so far. */
  readonly logs: () => string
}

const program = new URL("./ClusterNode.ts", import.meta.url)

/**
 * Starts a node and waits until it takes sockets; it is killed when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function*(
  name: string,
  database: Database
): Effect.fn.Return<NodeProcess, never, Scope.Scope> {
  const settings: NodeSettings = { name, httpPort: yield* Ports.free, runnerPort: yield* Ports.free }
  const gone = yield* Deferred.make<void>()
  const ready = yield* Deferred.make<void>()
  let logs = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(program, [JSON.stringify(settings)], {
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        env: { ...process.env, DATABASE_URL: Redacted.value(database.url) }
      })
      child.stdout!.on("data", (data) => logs += String(data))
      child.stderr!.on("data", (data) => logs += String(data))
      child.on("message", () => Deferred.doneUnsafe(ready, Exit.void))
      child.on("exit", () => Deferred.doneUnsafe(gone, Exit.void))
      return child
    }),
    (child) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), Deferred.await(gone))
  )
  yield* Effect.raceFirst(
    Deferred.await(ready),
    Effect.flatMap(Deferred.await(gone), () => Effect.die(new Error(`node ${name} did not start:\n${logs}`)))
  )
  return {
    ...settings,
    url: `ws://127.0.0.1:${settings.httpPort}/actors`,
    signal: (signal) => Effect.sync(() => void child.kill(signal)),
    gone: Deferred.await(gone),
    logs: () => logs
  }
})

/**
 * Clients that dial the nodes of a list in turn, as through a load balancer that knows nothing of them; the list may
 * change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const clientOf = (
  nodes: ReadonlyArray<NodeProcess>
): Effect.Effect<Context.Context<ActorClient.ActorClient>, never, Scope.Scope> => {
  let turn = 0
  const url = Effect.sync(() => nodes[turn++ % nodes.length]!.url)
  return Layer.build(Layer.provide(ActorClient.layerWebSocket({ url }), NodeWS.layerWebSocketConstructor))
}
