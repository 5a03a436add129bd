/**
 * Three nodes, a database and a few clients: `npm run chat:cluster` shows who lives where while a node is killed, another
 * one is told to leave, and new ones come. Every line that a client says must be there in the end, once.
 */
import { NodeRuntime, NodeWS } from "@effect/platform-node"
import { Clock, Console, Data, Effect, Layer, Ref, References, Schedule, SubscriptionRef } from "effect"
import * as ActorClient from "../../src/ActorClient.ts"
import * as Database from "./Database.ts"
import * as Nodes from "./Nodes.ts"
import { keys, Room } from "./Room.ts"

class Lost extends Data.TaggedError("Lost")<{ readonly message: string }> {}

const people = ["ada", "ben", "cyd", "dan", "eve", "fay"]

/** The nodes that clients are sent to, in turn: a load balancer needs no more. */
interface Cluster {
  readonly nodes: Array<Nodes.Node>
}

/** One who says a line every 50 ms in a room, through whichever node. */
const chat = Effect.fnUntraced(function*(name: string, key: string, said: Ref.Ref<number>) {
  const room = yield* Room.connect(key, { params: { name }, reconnect: Schedule.spaced("200 millis") })
  yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
    const number = yield* Ref.getAndUpdate(said, (n) => n + 1)
    yield* room.rpc.post({ text: `${number}` })
    yield* Effect.sleep("50 millis")
  })))
  return { name, key, room, said }
})

type Person = Effect.Success<ReturnType<typeof chat>>

const show = Effect.fnUntraced(function*({ nodes }: Cluster, all: ReadonlyArray<Person>) {
  for (const { name, rooms } of nodes) yield* Console.log(`  node ${name.padEnd(3)} ${rooms().join(", ") || "-"}`)
  const standings = yield* Effect.forEach(all, ({ name, room }) =>
    Effect.map(
      Effect.all([SubscriptionRef.get(room.status), room.queued]),
      ([{ _tag }, queued]) => `${name} ${_tag === "Connected" ? "connected" : `away, with ${queued} lines to say`}`
    ))
  yield* Console.log(`  ${standings.join(", ")}\n`)
})

/** How long it takes until everybody has been answered again. */
const untilAnswered = Effect.fnUntraced(function*(all: ReadonlyArray<Person>) {
  const started = yield* Clock.currentTimeMillis
  const before = yield* Effect.forEach(all, ({ said }) => Ref.get(said))
  const isAnswered = Effect.map(
    Effect.forEach(all, ({ said }) => Ref.get(said)),
    (now) => now.every((count, i) => count > before[i]! + 1)
  )
  yield* Effect.repeat(isAnswered, { schedule: Schedule.spaced("20 millis"), until: (done) => done })
  return (yield* Clock.currentTimeMillis) - started
})

/** Every line of everybody is in the room's history, once and in order. */
const check = Effect.fnUntraced(function*(all: ReadonlyArray<Person>) {
  let lines = 0
  for (const { key, name, room, said } of all) {
    const sure = (yield* Ref.get(said)) - 1
    const history = yield* room.rpc.history()
    const own = history.filter(({ from }) => from === name).map(({ text }) => Number(text)).slice(0, sure)
    if (own.length < sure || own.some((number, i) => number !== i)) {
      return yield* new Lost({ message: `${name} has said ${sure} lines in the ${key}; ${own.join(" ")} are there` })
    }
    lines += sure
  }
  return lines
})

const program = Effect.gen(function*() {
  yield* Console.log("Starting a database and three nodes ...")
  const database = yield* Database.url
  const start = (name: string) => Nodes.start(name, database)
  const cluster: Cluster = { nodes: yield* Effect.forEach(["a", "b", "c"], start, { concurrency: "unbounded" }) }
  let turn = 0
  const url = Effect.sync(() => cluster.nodes[turn++ % cluster.nodes.length]!.url)
  const clients = yield* Layer.build(
    Layer.provide(ActorClient.layerWebSocket({ url }), NodeWS.layerWebSocketConstructor)
  )
  const all = yield* Effect.forEach(
    people,
    (name, i) => Effect.flatMap(Ref.make(0), (said) => chat(name, keys[i]!, said)).pipe(Effect.provideContext(clients))
  )
  yield* untilAnswered(all)
  yield* Console.log("\nEverybody talks, each in a room:\n")
  yield* show(cluster, all)

  const replace = Effect.fnUntraced(function*(victim: Nodes.Node, signal: "SIGKILL" | "SIGTERM", words: string) {
    yield* Console.log(`Node ${victim.name} ${words}.`)
    cluster.nodes.splice(cluster.nodes.indexOf(victim), 1)
    yield* victim.signal(signal)
    yield* Console.log(`  everybody is answered again after ${yield* untilAnswered(all)} ms\n`)
    yield* show(cluster, all)
    const name = `${victim.name}'`
    yield* Console.log(`Node ${name} comes instead.`)
    cluster.nodes.push(yield* start(name))
    yield* Console.log(`  everybody is answered again after ${yield* untilAnswered(all)} ms\n`)
    yield* show(cluster, all)
  })
  yield* replace(cluster.nodes.find(({ rooms }) => rooms().includes("lobby"))!, "SIGKILL", "is killed")
  yield* replace(cluster.nodes[0]!, "SIGTERM", "is told to leave")

  const lines = yield* check(all)
  yield* Console.log(`All ${lines} lines that were said are there, each once and in order.`)
}).pipe(
  Effect.scoped,
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  Effect.tapError((error) => Console.error(String(error)))
)

NodeRuntime.runMain(program, { disableErrorReporting: true })
