/**
 * What a cluster costs and how fast it heals: `npm run bench:cluster`. The load runs in this process, the nodes and the
 * databases in others, all on one machine; what is compared takes turns.
 */
import { NodeRuntime, NodeWS } from "@effect/platform-node"
import { Array as Arr, Clock, Console, Effect, Layer, Order, References, Schedule } from "effect"
import { availableParallelism, loadavg } from "node:os"
import * as ActorClient from "../../src/ActorClient.ts"
import * as Database from "./Database.ts"
import { Echo } from "./Echo.ts"
import * as Nodes from "./Nodes.ts"
import { keys, Room } from "./Room.ts"

const runs = 3
const runMillis = 2000
const warmUpMillis = 1000
/** Many calls at a time: this many by one client, or shared among the clients of all actors. */
const inFlight = 100
const actors = 12
/** The room that is moved, and the key of the actor that is called. */
const key = keys[0]!

type Call = Effect.Effect<unknown, unknown>

const clientOf = (url: string) =>
  Layer.build(Layer.provide(ActorClient.layerWebSocket({ url }), NodeWS.layerWebSocketConstructor))

/** A call of the actor with this key, by a client of its own through the node with this URL. */
const caller = Effect.fnUntraced(function*(url: string, key: string) {
  const echo = yield* Effect.provideContext(Echo.connect(key), yield* clientOf(url))
  const call: Call = echo.rpc.echo({ text: "hello" })
  yield* call
  return call
})

const median = (values: ReadonlyArray<number>) => Arr.sort(values, Order.Number)[values.length >> 1] ?? Number.NaN

/** Milliseconds, with fractions. */
const now = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

/** One call after the other until then: how long each took. */
const repeat = Effect.fnUntraced(function*(call: Call, until: number) {
  const took: Array<number> = []
  let last = yield* now
  while (last < until) {
    yield* call
    const at = yield* now
    took.push(at - last)
    last = at
  }
  return took
})

/** Calls per second, with each of these calls repeated at the same time. */
const rate = Effect.fnUntraced(function*(calls: ReadonlyArray<Call>, millis: number) {
  const started = yield* now
  const took = yield* Effect.forEach(calls, (call) => repeat(call, started + millis), { concurrency: "unbounded" })
  const count = took.reduce((sum, { length }) => sum + length, 0)
  return 1000 * count / ((yield* now) - started)
})

/** Each measurement in turn, after a run that is not counted; the medians in their order. */
const alternate = Effect.fnUntraced(function*(
  measurements: ReadonlyArray<(millis: number) => Effect.Effect<number, unknown>>
) {
  yield* Effect.forEach(measurements, (measure) => measure(warmUpMillis))
  const rounds = yield* Effect.replicateEffect(
    Effect.forEach(measurements, (measure) => measure(runMillis)),
    runs
  )
  return measurements.map((_, i) => median(rounds.map((round) => round[i]!)))
})

/** Waits until each room lives on one node, and still does so two seconds later. */
const settled = Effect.fnUntraced(function*(nodes: ReadonlyArray<Nodes.Node>) {
  const homes = Effect.sync(() => nodes.map(({ rooms }) => rooms().join()).join(" | "))
  const isSettled = Effect.gen(function*() {
    const before = yield* homes
    yield* Effect.sleep("2 seconds")
    return before === (yield* homes) && nodes.flatMap(({ rooms }) => rooms()).length === keys.length
  })
  yield* Effect.repeat(isSettled, { until: (done) => done }).pipe(Effect.timeout("30 seconds"))
})

const startCluster = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
  const database = yield* Database.own
  const start = (name: string) => Nodes.start(name, database).pipe(Effect.timeout("30 seconds"))
  const nodes = yield* Effect.forEach(names, start, { concurrency: "unbounded" })
  yield* settled(nodes)
  return { nodes, start }
})

type Cluster = Effect.Success<ReturnType<typeof startCluster>>

const homeOf = (nodes: ReadonlyArray<Nodes.Node>) => nodes.find(({ rooms }) => rooms().includes(key))!
const otherOf = (nodes: ReadonlyArray<Nodes.Node>) => nodes.find(({ rooms }) => !rooms().includes(key))!

/** Calls of one actor: of a server without a cluster, through its own node, and through another one. */
const measureWays = Effect.fnUntraced(function*({ nodes }: Cluster) {
  const alone = yield* Nodes.start("alone", "", "./Alone.ts").pipe(Effect.timeout("30 seconds"))
  const urls = [alone.url, homeOf(nodes).url, otherOf(nodes).url]
  const calls = yield* Effect.forEach(urls, (url) => caller(url, key))
  const rates = yield* alternate(calls.map((call) => (millis) => rate(Arr.makeBy(inFlight, () => call), millis)))
  const latencies = yield* alternate(
    calls.map((call) => (millis) =>
      Effect.flatMap(now, (started) => Effect.map(repeat(call, started + millis), median))
    )
  )
  yield* Console.log(
    `\n| way of a call | calls/s, ${inFlight} in flight | to one server | p50, one at a time | to one server |\n` +
      "| --- | ---: | ---: | ---: | ---: |"
  )
  for (const [i, name] of ["server without a cluster", "node of the actor", "another node"].entries()) {
    const [perSecond, millis] = [rates[i]!, latencies[i]!]
    yield* Console.log(
      `| ${name} | ${perSecond.toFixed(0)} | ${(perSecond / rates[0]!).toFixed(2)} x | ` +
        `${millis.toFixed(3)} ms | ${(millis / latencies[0]!).toFixed(2)} x |`
    )
  }
}, Effect.scoped)

/** Many actors, each with a client, over the nodes of each cluster in turn. */
const measureNodes = Effect.fnUntraced(function*(clusters: ReadonlyArray<Cluster>) {
  const perClient = Math.floor(inFlight / actors)
  const calls = yield* Effect.forEach(clusters, ({ nodes }) =>
    Effect.forEach(
      Arr.makeBy(actors, (i) => i),
      (i) => caller(nodes[i % nodes.length]!.url, `echo ${i}`)
    ))
  const rates = yield* alternate(
    calls.map((calls) => (millis) => rate(calls.flatMap((call) => Arr.makeBy(perClient, () => call)), millis))
  )
  yield* Console.log(
    `\n| nodes | calls/s, ${actors} actors and clients, ${perClient} in flight each | to one node |\n| --- | ---: | ---: |`
  )
  for (const [i, perSecond] of rates.entries()) {
    const count = clusters[i]!.nodes.length
    yield* Console.log(`| ${count} | ${perSecond.toFixed(0)} | ${(perSecond / rates[0]!).toFixed(2)} x |`)
  }
}, Effect.scoped)

/** From the kill of a room's node to the answer to a client on another one; then a new node comes. */
const failOver = Effect.fnUntraced(function*(nodes: Array<Nodes.Node>, start: Cluster["start"], name: string) {
  const victim = homeOf(nodes)
  const took = yield* Effect.scoped(Effect.gen(function*() {
    const room = yield* Room.connect(key, { params: { name }, reconnect: Schedule.spaced("200 millis") }).pipe(
      Effect.provideContext(yield* clientOf(otherOf(nodes).url))
    )
    yield* room.rpc.post({ text: "before" })
    const killed = yield* now
    yield* victim.signal("SIGKILL")
    yield* victim.gone
    yield* room.rpc.post({ text: "after" }).pipe(Effect.timeout("30 seconds"))
    return (yield* now) - killed
  }))
  nodes.splice(nodes.indexOf(victim), 1, yield* start(name))
  yield* settled(nodes)
  return took
})

const program = Effect.gen(function*() {
  const load = loadavg()[0]!.toFixed(1)
  yield* Console.log(`${availableParallelism()} cores, load before ${load}; starting databases and nodes ...`)
  const one = yield* startCluster(["one"])
  const three = yield* startCluster(["a", "b", "c"])
  yield* measureWays(three)
  yield* measureNodes([one, three])
  const nodes = [...three.nodes]
  const took = yield* Effect.forEach(["d", "e", "f"], (name) => failOver(nodes, three.start, name))
  const each = took.map((millis) => (millis / 1000).toFixed(2)).join(", ")
  yield* Console.log(`\nA killed node's actor answers after ${(median(took) / 1000).toFixed(2)} s (${each})`)
}).pipe(
  Effect.scoped,
  Effect.timeout("4 minutes"),
  Effect.provideService(References.MinimumLogLevel, "Warn")
)

NodeRuntime.runMain(program)
