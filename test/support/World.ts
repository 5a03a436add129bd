/**
 * One behaviour suite over every transport: each scenario runs in memory, with a test clock, over real WebSockets, and in
 * memory again with the actors in a cluster of one node.
 *
 * @since 0.1.0
 */
import { NodeHttpServer, NodeWS } from "@effect/platform-node"
import { it } from "@effect/vitest"
import {
  Cause,
  Context,
  type Duration,
  Effect,
  Fiber,
  Layer,
  Logger,
  Option,
  Schedule,
  Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import type { Client } from "../../src/Client.ts"
import type { Status } from "../../src/ConnectionStatus.ts"
import * as InProcess from "../../src/internal/inProcess.ts"
import type { Lost } from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import * as Hosts from "./Hosts.ts"
import { settle } from "./settle.ts"
import * as TcpProxy from "./TcpProxy.ts"

/**
 * What both networks can do to all that travels through them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  /** Kills every socket at once, on both ends. Clients dial again; combine it with `refuse` to keep them out. */
  readonly cut: Effect.Effect<void>
  /** Holds everything in both directions, new dials included, until `heal` or `cut`; neither end is told. */
  readonly freeze: Effect.Effect<void>
  /** Makes dials fail until `heal`. Sockets that exist stay. */
  readonly refuse: Effect.Effect<void>
  /** Sets the time that everything takes in either direction. */
  readonly latency: (duration: Duration.Input) => Effect.Effect<void>
  /** Ends every fault. */
  readonly heal: Effect.Effect<void>
  /** The number of sockets that exist. */
  readonly sockets: Effect.Effect<number>
}

/**
 * One line of the log of server and clients.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogEntry {
  readonly level: string
  /** The message, with all that was logged beside it, the cause included, as text. */
  readonly text: string
}

/**
 * Where a scenario takes place.
 *
 * @category models
 * @since 0.1.0
 */
export interface World {
  readonly transport: "memory" | "webSocket" | "cluster"
  readonly network: Network
  /** The network of `memory` with all that it can do; dies in a scenario that runs over WebSockets too. */
  readonly memory: Effect.Effect<TestNetwork.Network>
  /** The proxy of `webSocket`, by whose port clients of another make get in; dies in a scenario that runs in memory too. */
  readonly proxy: Effect.Effect<TcpProxy.TcpProxy>
  /**
   * Waits for an effect: in memory the test clock goes on step by step until it is done, at most 10 minutes of it; over
   * WebSockets it has 10 seconds. Dies when the time is over.
   */
  readonly until: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Lets all run that can run without time passing; dies in a scenario that runs over WebSockets too. */
  readonly settle: Effect.Effect<void>
  /** Waits until a client's status is of the given tag, and returns it. */
  readonly awaitStatus: <Rejection, Tag extends Status["_tag"]>(
    client: { readonly status: Client<never, {}, Rejection>["status"] },
    tag: Tag
  ) => Effect.Effect<Extract<Status<Rejection>, { readonly _tag: Tag }>>
  /** Short steady delays, for clients that shall be back soon. */
  readonly reconnect: Schedule.Schedule<unknown, Lost>
  /** A socket of its own to the server, for scenarios that speak the protocol by hand. */
  readonly dial: Effect.Effect<Socket.Socket>
  /** What server and clients have logged from level `Info` on. */
  readonly logs: Effect.Effect<ReadonlyArray<LogEntry>>
}

/**
 * How a scenario is set up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<A> {
  /** The actors, and what else the body asks for. */
  readonly actors: Layer.Layer<A, never, ActorHost.ActorHost>
  /** Options of the host over both transports. */
  readonly hostOptions?: ActorHost.HostOptions
  /** Options of the host over WebSockets alone, where times are real. Default: `liveOptions`. */
  readonly liveOptions?: ActorHost.HostOptions
  /** The one transport that can show the behaviour; what `memory` can, `cluster` can. Default: all. */
  readonly only?: "memory" | "webSocket"
  /** Why a cluster behaves differently by design, or cannot show it; the scenario is left out there. */
  readonly notInCluster?: string
}

/**
 * The times of the host over WebSockets: short enough to wait for, long enough for a busy machine.
 *
 * @category constants
 * @since 0.1.0
 */
const liveOptions: ActorHost.HostOptions = {
  heartbeatInterval: "100 millis",
  heartbeatTimeout: "400 millis",
  handshakeTimeout: "500 millis",
  hookTimeout: "500 millis",
  kickGrace: "500 millis",
  resumeWindow: "5 seconds"
}

/**
 * What happens in a scenario; the services of `actors`, host and client are at its hands.
 *
 * @category models
 * @since 0.1.0
 */
export type Body<A, E> = (
  world: World
) => Effect.Effect<void, E, A | ActorHost.ActorHost | ActorClient.ActorClient | Scope.Scope>

/**
 * Registers one behaviour as a test over each transport.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scenario = <A, E>(
  name: string,
  body: Body<A, E>,
  options: Options<A>
): void => {
  if (options.only !== "webSocket") it.effect(`${name} (memory)`, () => run(body, layerMemory(options, "memory")))
  if (options.only !== "webSocket" && options.notInCluster === undefined) {
    it.effect(`${name} (cluster)`, () => run(body, layerMemory(options, "cluster")))
  }
  if (options.only !== "memory") {
    it.live(`${name} (WebSocket)`, () =>
      run(body, layerWebSocket(options)).pipe(
        Effect.timeoutOrElse({
          duration: "14 seconds",
          orElse: () => Effect.die(new Error("the scenario took too long"))
        })
      ))
  }
}

type App<A> = A | CurrentWorld | ActorHost.ActorHost | ActorClient.ActorClient

/** The clients end before the app does. The time of a test clock goes on meanwhile, so that no farewell waits for ever. */
const run = Effect.fnUntraced(function*<A, E>(body: Body<A, E>, layer: Layer.Layer<App<A>>) {
  const scope = yield* Scope.make()
  let until: World["until"] = (effect) => effect
  yield* Effect.gen(function*() {
    const app = yield* Layer.buildWithScope(layer, scope)
    const world = Context.get(app, CurrentWorld)
    until = world.until
    const clients = yield* Scope.fork(scope)
    yield* Effect.provideContext(body(world), Context.add(app, Scope.Scope, clients))
  }).pipe(Effect.onExit((exit) => until(Scope.close(scope, exit))))
})

class CurrentWorld extends Context.Service<CurrentWorld, World>()("effect-tether/test/World") {}

class Logs extends Context.Service<Logs, { readonly entries: Array<LogEntry> }>()("effect-tether/test/World/Logs") {}

/** Keeps the log for the test, instead of printing it. */
const layerLogs = Layer.unwrap(Effect.sync(() => {
  const entries: Array<LogEntry> = []
  const logger = Logger.make(({ cause, logLevel, message }) => {
    const parts = (Array.isArray(message) ? message : [message]).map(toText)
    entries.push({ level: logLevel, text: [...parts, ...(cause.reasons.length > 0 ? [toText(cause)] : [])].join(" ") })
  })
  return Layer.merge(Logger.layer([logger]), Layer.succeed(Logs, { entries }))
}))

const toText = (value: unknown): string => Cause.isCause(value) ? Cause.pretty(value) : String(value)

const memory = (transport: "memory" | "cluster") =>
  Effect.gen(function*() {
    const { entries } = yield* Logs
    const { client, network } = yield* InProcess.make
    const world: World = {
      transport,
      network: { ...network, sockets: network.live },
      memory: Effect.succeed(TestNetwork.fromNetwork(network)),
      proxy: Effect.die(new Error("the scenario needs `only: \"webSocket\"`")),
      settle,
      until: untilSimulated,
      awaitStatus: awaitStatusBy(untilSimulated),
      reconnect: Schedule.spaced("100 millis"),
      dial: network.dial,
      logs: Effect.sync(() => entries.slice())
    }
    return Context.make(CurrentWorld, world).pipe(Context.add(ActorClient.ActorClient, client))
  })

const layerMemory = <A>({ actors, hostOptions }: Options<A>, transport: "memory" | "cluster") =>
  Layer.effectContext(memory(transport)).pipe(
    Layer.provideMerge(actors),
    Layer.provideMerge(Hosts.layerHost(hostOptions)),
    Layer.provide(Layer.succeed(Hosts.Kind, transport === "memory" ? "local" : "cluster")),
    Layer.provideMerge(layerLogs)
  )

const webSocket = Effect.gen(function*() {
  const { entries } = yield* Logs
  const { address } = yield* HttpServer.HttpServer
  const proxy = yield* TcpProxy.make({ targetPort: "port" in address ? address.port : 0 })
  const url = `ws://127.0.0.1:${proxy.port}/actors`
  const dial = yield* Effect.map(
    Effect.context<Socket.WebSocketConstructor>(),
    (context) => Effect.provideContext(Socket.makeWebSocket(url), context)
  )
  const client = yield* Effect.map(
    Layer.build(ActorClient.layerWebSocket({ url })),
    (context) => Context.get(context, ActorClient.ActorClient)
  )
  const world: World = {
    transport: "webSocket",
    network: { ...proxy, sockets: proxy.connections },
    memory: onlyInMemory,
    proxy: Effect.succeed(proxy),
    settle: onlyInMemory,
    until: untilLive,
    awaitStatus: awaitStatusBy(untilLive),
    reconnect: Schedule.spaced("30 millis"),
    dial,
    logs: Effect.sync(() => entries.slice())
  }
  return Context.make(CurrentWorld, world).pipe(Context.add(ActorClient.ActorClient, client))
})

const onlyInMemory = Effect.die(new Error("the scenario needs `only: \"memory\"`"))

const layerWebSocket = <A>(options: Options<A>) =>
  Layer.effectContext(webSocket).pipe(
    Layer.provide(HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
      disableListenLog: true,
      disableLogger: true
    })),
    Layer.provideMerge(options.actors),
    Layer.provideMerge(ActorHost.layerLocal({ ...liveOptions, ...options.hostOptions, ...options.liveOptions })),
    Layer.provide([
      NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true }),
      NodeWS.layerWebSocketConstructor
    ]),
    Layer.provideMerge(layerLogs),
    Layer.orDie
  )

/** Fine steps first, so that what happens at once is not driven past; then coarse ones, so that minutes are cheap. */
const steps: ReadonlyArray<readonly [times: number, millis: number]> = [[40, 25], [90, 100], [590, 1000]]

/**
 * `World.until` for a test with a test clock.
 *
 * @category combinators
 * @since 0.1.0
 */
export const untilSimulated: World["until"] = Effect.fnUntraced(function*(effect) {
  const fiber = yield* Effect.forkChild(effect)
  for (const [times, millis] of steps) {
    for (let i = 0; i < times; i++) {
      yield* settle
      if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
      yield* TestClock.adjust(millis)
    }
  }
  return yield* Effect.die(new Error("what the scenario waits for did not come within 10 simulated minutes"))
})

const untilLive: World["until"] = Effect.timeoutOrElse({
  duration: "10 seconds",
  orElse: () => Effect.die(new Error("what the scenario waits for did not come within 10 seconds"))
})

/**
 * Makes a `World.awaitStatus`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const awaitStatusBy = (until: World["until"]): World["awaitStatus"] => (client, tag) =>
  until(client.status.pipe(
    (ref) => Stream.filter(SubscriptionRef.changes(ref), (status) => status._tag === tag),
    Stream.runHead,
    Effect.flatMap(Option.match({
      onNone: () => Effect.die(new Error("the status ended")),
      onSome: (status) => Effect.succeed(status as never)
    }))
  ))
