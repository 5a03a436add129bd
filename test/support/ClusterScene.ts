/**
 * Three real nodes with a database, for a test.
 *
 * @since 0.1.0
 */
import { type Context, Effect, Exit, Redacted, Schedule, type Scope } from "effect"
import type { ActorClient } from "../../src/ActorClient.ts"
import * as Processes from "./ClusterProcesses.ts"
import { Place } from "./Places.ts"
import { Postgres } from "./Postgres.ts"
import * as TcpProxy from "./TcpProxy.ts"

/**
 * A client of a place.
 *
 * @category models
 * @since 0.1.0
 */
export type PlaceClient = Effect.Success<ReturnType<typeof Place.connect>>

/**
 * @category models
 * @since 0.1.0
 */
export type Nodes = ReadonlyArray<Processes.NodeProcess>

/**
 * What a test has at hand: three nodes that share the actors.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scene {
  readonly nodes: Nodes
  readonly node: (name: string) => Processes.NodeProcess
  /** Waits until a key's actors are on the node of a name, and returns that; asks through the given nodes. */
  readonly keyOn: (name: string, through?: Nodes) => Effect.Effect<string>
  /** Connects to a place through the nodes of a list in turn. */
  readonly join: (name: string, key: string, through: Nodes) => Effect.Effect<PlaceClient, never, Scope.Scope>
  /** Clients that dial the nodes of a list in turn. */
  readonly through: (nodes: Nodes) => Effect.Effect<Context.Context<ActorClient>, never, Scope.Scope>
  readonly start: (name: string) => Effect.Effect<Processes.NodeProcess, never, Scope.Scope>
  /** Starts a node whose way to the database can be cut. */
  readonly startBehindProxy: (
    name: string
  ) => Effect.Effect<readonly [Processes.NodeProcess, TcpProxy.TcpProxy], never, Scope.Scope>
}

/**
 * Short steady pauses, for clients that shall be back soon and for what is asked again.
 *
 * @category constants
 * @since 0.1.0
 */
export const again = Schedule.spaced("50 millis")

const names = ["a", "b", "c"]

const makeScene = Effect.gen(function*() {
  const postgres = yield* Postgres
  const database = yield* postgres.createDatabase
  const nodes = yield* Effect.forEach(names, (name) => Processes.start(name, database), { concurrency: "unbounded" })
  const join: Scene["join"] = (name, key, through) =>
    Effect.flatMap(
      Processes.clientOf(through),
      (client) =>
        Place.connect(key, { params: { name }, reconnect: again, subscribe: ["said", "whispered"] }).pipe(
          Effect.provideContext(client)
        )
    )
  const homeOf = (key: string, through: Nodes) =>
    join("scout", key, through).pipe(
      Effect.flatMap((client) => client.rpc.where()),
      Effect.scoped,
      Effect.map(({ node }) => node)
    )
  const findKey = (name: string, through: Nodes) =>
    Effect.gen(function*() {
      for (let i = 0; i < 40; i++) if ((yield* homeOf(`place ${i}`, through)) === name) return `place ${i}`
      return yield* Effect.fail("the shards are not spread yet")
    })
  const keyOn: Scene["keyOn"] = (name, through = nodes) => Effect.orDie(Effect.retry(findKey(name, through), again))
  yield* Effect.forEach(names, (name) => keyOn(name))
  return {
    nodes,
    join,
    keyOn,
    through: Processes.clientOf,
    start: (name: string) => Processes.start(name, database),
    startBehindProxy: Effect.fnUntraced(function*(name: string) {
      const url = new URL(Redacted.value(database.url))
      const proxy = yield* TcpProxy.make({ targetPort: Number(url.port) })
      url.port = String(proxy.port)
      return [yield* Processes.start(name, { url: Redacted.make(url.href) }), proxy] as const
    }),
    node: (name: string) => nodes.find((node) => node.name === name)!
  } satisfies Scene
})

/**
 * Runs a test among three nodes, under one limit of time; if it fails it says what they have logged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const scene = <E>(body: (scene: Scene) => Effect.Effect<void, E, Scope.Scope | Postgres>) =>
  Effect.scoped(Effect.gen(function*() {
    const made = yield* makeScene
    const logs = Effect.sync(() => {
      for (const { logs, name } of made.nodes) process.stderr.write(`node ${name}:\n${logs()}\n`)
    })
    yield* Effect.onExit(body(made), (exit) => Exit.isSuccess(exit) ? Effect.void : logs)
  })).pipe(
    Effect.timeoutOrElse({
      duration: "80 seconds",
      orElse: () => Effect.die(new Error("the scene took too long"))
    })
  )
