// Three real nodes, a real PostgreSQL, real sockets: what happens to clients when processes are killed or frozen.
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Schedule, type Scope, Stream, SubscriptionRef } from "effect"
import type { Status } from "../../src/ConnectionStatus.ts"
import * as Processes from "../support/ClusterProcesses.ts"
import { Place } from "../support/Places.ts"
import { describePostgres, Postgres } from "../support/Postgres.ts"

type PlaceClient = Effect.Success<ReturnType<typeof Place.connect>>

type Nodes = ReadonlyArray<Processes.NodeProcess>

/** What a test has at hand: three nodes that share the actors. */
interface Scene {
  readonly nodes: Nodes
  readonly node: (name: string) => Processes.NodeProcess
  /** A key whose place is on the node of a name. */
  readonly keyOn: (name: string) => Effect.Effect<string>
  /** Connects through the nodes of a list in turn. */
  readonly join: (name: string, key: string, through: Nodes) => Effect.Effect<PlaceClient, never, Scope.Scope>
  readonly start: (name: string) => Effect.Effect<Processes.NodeProcess, never, Scope.Scope>
}

const names = ["a", "b", "c"]

const again = Schedule.spaced("50 millis")

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
  const homeOf = (key: string) =>
    join("scout", key, nodes).pipe(
      Effect.flatMap((client) => client.rpc.where()),
      Effect.scoped,
      Effect.map(({ node }) => node)
    )
  const findKey = (name: string) =>
    Effect.gen(function*() {
      for (let i = 0; i < 40; i++) if ((yield* homeOf(`place ${i}`)) === name) return `place ${i}`
      return yield* Effect.fail("the shards are not spread yet")
    })
  const keyOn: Scene["keyOn"] = (name) => Effect.orDie(Effect.retry(findKey(name), again))
  yield* Effect.forEach(names, keyOn)
  return {
    nodes,
    join,
    keyOn,
    start: (name: string) => Processes.start(name, database),
    node: (name: string) => nodes.find((node) => node.name === name)!
  } satisfies Scene
})

/** Runs a test among three nodes, under one limit of time; if it fails it says what they have logged. */
const scene = <E>(body: (scene: Scene) => Effect.Effect<void, E, Scope.Scope | Postgres>) =>
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

const awaitStatus = <Tag extends Status["_tag"]>(client: PlaceClient, tag: Tag) =>
  SubscriptionRef.changes(client.status).pipe(
    Stream.filter((status): status is Extract<Status, { readonly _tag: Tag }> => status._tag === tag),
    Stream.runHead,
    Effect.flatMap(Effect.fromOption),
    Effect.orDie
  )

const idOf = (client: PlaceClient) => Effect.map(awaitStatus(client, "Connected"), ({ id }) => id)

const hear = Effect.fnUntraced(function*<A, E, R>(events: Stream.Stream<A, E, R>) {
  const heard = yield* Queue.unbounded<A>()
  yield* Stream.runForEach(events, (event) => Queue.offer(heard, event)).pipe(Effect.forkScoped)
  return heard
})

describePostgres("three processes", () => {
  layer(Postgres.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
    it.effect(
      "place each actor on one node, and carry messages, broadcasts and calls between all",
      () =>
        scene(({ join, keyOn, node }) =>
          Effect.gen(function*() {
            const key = yield* keyOn("b")
            const ada = yield* join("ada", key, [node("a")])
            const ben = yield* join("ben", key, [node("c")])
            assert.strictEqual((yield* ada.rpc.where()).node, "b")
            assert.deepStrictEqual(yield* ada.rpc.where(), yield* ben.rpc.where())
            const said = yield* hear(ben.events.said)
            const whispered = yield* hear(ben.events.whispered)
            yield* ada.rpc.say({ text: "to all" })
            assert.isTrue(yield* ada.rpc.whisper({ to: "ben", text: "to you" }))
            assert.deepStrictEqual(yield* Queue.take(said), { from: "ada", text: "to all" })
            assert.deepStrictEqual(yield* Queue.take(whispered), { from: "ada", text: "to you" })
            const answer = yield* ada.rpc.ask({ key: yield* keyOn("c") })
            assert.strictEqual(typeof answer === "string" ? answer : answer.node, "c")
          })
        ),
      90_000
    )

    it.effect(
      "the node of a socket is killed: its client resumes through another one, its running call goes on",
      () =>
        scene(({ join, keyOn, node }) =>
          Effect.gen(function*() {
            const ada = yield* join("ada", yield* keyOn("b"), [node("a"), node("c")])
            const id = yield* idOf(ada)
            const said = yield* hear(ada.events.said)
            assert.strictEqual(yield* ada.rpc.add(), 1)
            const running = yield* Effect.forkChild(ada.rpc.slow({ millis: 1_500 }), { startImmediately: true })
            yield* Queue.take(said)
            yield* node("a").signal("SIGKILL")
            yield* node("a").gone
            const queued = yield* Effect.forkChild(ada.rpc.add(), { startImmediately: true })
            assert.strictEqual((yield* Fiber.join(running)).node, "b")
            assert.strictEqual(yield* Fiber.join(queued), 2)
            assert.strictEqual(yield* idOf(ada), id)
          })
        ),
      90_000
    )

    it.effect(
      "the node of an actor is killed: it starts on another one, and its clients come to it",
      () =>
        scene(({ join, keyOn, node }) =>
          Effect.gen(function*() {
            const ada = yield* join("ada", yield* keyOn("b"), [node("a")])
            const id = yield* idOf(ada)
            const said = yield* hear(ada.events.said)
            const running = yield* Effect.forkChild(Effect.flip(ada.rpc.slow({ millis: 60_000 })), {
              startImmediately: true
            })
            yield* Queue.take(said)
            yield* node("b").signal("SIGKILL")
            const error = yield* Fiber.join(running)
            assert.strictEqual(error.reason._tag, "OutcomeUnknown")
            assert.include(["a", "c"], (yield* ada.rpc.where()).node)
            assert.notStrictEqual(yield* idOf(ada), id)
            assert.strictEqual(yield* ada.rpc.add(), 1)
          })
        ),
      90_000
    )

    it.effect(
      "nodes are replaced one after the other: every call is answered",
      () =>
        scene(({ join, keyOn, nodes, start }) =>
          Effect.gen(function*() {
            const through = [...nodes]
            const key = yield* keyOn("a")
            const members = yield* Effect.forEach(names, (name) => join(name, key, through))
            let answers = 0
            const working = yield* Effect.forEach(members, (member) =>
              member.rpc.add().pipe(
                Effect.andThen(Effect.sync(() => answers++)),
                Effect.andThen(Effect.sleep("20 millis")),
                Effect.forever
              ), { concurrency: "unbounded" }).pipe(Effect.forkChild)
            for (const old of nodes) {
              through.push(yield* start(`${old.name}2`))
              through.splice(through.indexOf(old), 1)
              yield* old.signal("SIGTERM")
              yield* old.gone
              const seen = answers
              yield* Effect.repeat(Effect.andThen(Effect.sleep("20 millis"), Effect.sync(() => answers)), {
                until: (count) => count > seen + 30
              })
            }
            assert.isUndefined(working.pollUnsafe())
            assert.strictEqual((yield* members[0]!.rpc.where()).node.length, 2)
          })
        ),
      90_000
    )

    it.effect(
      "the database stops and returns: actors give way, and are there again",
      () =>
        scene(({ join, keyOn, node, nodes }) =>
          Effect.gen(function*() {
            const ada = yield* join("ada", yield* keyOn("b"), [node("a"), node("c")])
            yield* idOf(ada)
            const postgres = yield* Postgres
            yield* postgres.stop
            yield* awaitStatus(ada, "Waiting")
            yield* postgres.start
            const home = yield* ada.rpc.where()
            assert.include(nodes.map(({ name }) => name), home.node)
          })
        ),
      90_000
    )

    it.effect(
      "a frozen node loses its actors, and brings its clients to where they are now when it wakes",
      () =>
        scene(({ join, keyOn, node }) =>
          Effect.gen(function*() {
            const key = yield* keyOn("b")
            const ada = yield* join("ada", key, [node("a"), node("c")])
            const first = yield* ada.rpc.where()
            yield* node("b").signal("SIGSTOP")
            // The call that meets the frozen actor is unknown; one of the next ones finds it elsewhere.
            const next = yield* Effect.retry(ada.rpc.where(), again)
            assert.notStrictEqual(next.node, first.node)
            yield* node("b").signal("SIGCONT")
            const ben = yield* join("ben", key, [node("b")])
            // The node may have got the actor back: what counts is that both come to the same one.
            const both = Effect.all([ada.rpc.where(), ben.rpc.where()], { concurrency: 2 })
            const [one, other] = yield* Effect.repeat(Effect.retry(both, again), {
              schedule: again,
              until: ([one, other]) => one.node === other.node && one.start === other.start
            })
            assert.deepStrictEqual(one, other)
          })
        ),
      90_000
    )
  })
})
