// Durable actors on three real nodes over a real PostgreSQL: what was answered stays, and nothing runs twice.
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Random, Stream, SubscriptionRef } from "effect"
import type { Status } from "../../src/ConnectionStatus.ts"
import type { NodeProcess } from "../support/ClusterProcesses.ts"
import { again, type PlaceClient, type Scene, scene } from "../support/ClusterScene.ts"
import { Ledger } from "../support/Ledger.ts"
import { describePostgres, Postgres } from "../support/Postgres.ts"

type LedgerClient = Effect.Success<ReturnType<typeof Ledger.connect>>

const connect = ({ through }: Scene, key: string, nodes: ReadonlyArray<NodeProcess>) =>
  Effect.flatMap(through(nodes), (client) => Effect.provideContext(Ledger.connect(key, { reconnect: again }), client))

const awaitStatus = <Tag extends Status["_tag"]>(client: LedgerClient, tag: Tag) =>
  SubscriptionRef.changes(client.status).pipe(
    Stream.filter((status): status is Extract<Status, { readonly _tag: Tag }> => status._tag === tag),
    Stream.runHead,
    Effect.flatMap(Effect.fromOption),
    Effect.orDie
  )

const idOf = (client: LedgerClient) => Effect.map(awaitStatus(client, "Connected"), ({ id }) => id)

/** Writes names one after the other; every one must be answered, whatever happens. */
const write = (client: LedgerClient, who: string, count: number, from = 0, onAnswer: () => void = () => {}) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => `${who} ${from + i}`),
    (name) => Effect.tap(client.rpc.put({ name }), () => Effect.sync(onAnswer)),
    { discard: true }
  )

/** Lets something happen while names are written: when so many of them are answered, and the others are not. */
const amid = Effect.fnUntraced(function*<A, E, R>(
  answers: number,
  writing: (onAnswer: () => void) => Effect.Effect<unknown, unknown>,
  happens: Effect.Effect<A, E, R>
) {
  const begun = yield* Deferred.make<void>()
  let left = answers
  const fiber = yield* Effect.forkChild(writing(() => --left === 0 && Deferred.doneUnsafe(begun, Exit.void)), {
    startImmediately: true
  })
  yield* Effect.raceFirst(Deferred.await(begun), Fiber.join(fiber))
  assert.isUndefined(fiber.pollUnsafe())
  yield* happens
  yield* Fiber.join(fiber)
})

/** Has server code write a name, to a ledger that may be on another node. */
const writeThere = (caller: PlaceClient, key: string, name: string, onAnswer: () => void) =>
  Effect.map(caller.rpc.write({ key, name }), (answer) => {
    assert.strictEqual(answer, "written")
    onAnswer()
  })

const expected = (writers: ReadonlyArray<string>, count: number) =>
  writers.flatMap((who) => Array.from({ length: count }, (_, i) => `${who} ${i}`))

/** What is written has every name once, and those of one writer in their order. */
const check = Effect.fnUntraced(function*(client: LedgerClient, writers: ReadonlyArray<string>, count: number) {
  const written = yield* client.rpc.names()
  assert.strictEqual(written.length, writers.length * count)
  for (const who of writers) {
    assert.deepStrictEqual(written.filter((name) => name.startsWith(`${who} `)), expected([who], count))
  }
})

describePostgres("durable actors on three processes", () => {
  layer(Postgres.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
    it.effect(
      "random nodes are killed and replaced: every call runs once and is answered",
      () =>
        scene((scene) =>
          Effect.gen(function*() {
            const living: Array<NodeProcess> = [...scene.nodes]
            const writers = ["ada", "ben", "cyd"]
            const count = 240
            const clients = yield* Effect.forEach(writers, () => connect(scene, "books", living))
            const ids = yield* Effect.forEach(clients, idOf)
            const kill = Effect.gen(function*() {
              const index = yield* Random.nextIntBetween(0, living.length - 1)
              const [victim] = living.splice(index, 1)
              yield* victim!.signal("SIGKILL")
              living.push(yield* scene.start(`${victim!.name}+`))
            })
            const round = count / 4
            for (let from = 0; from < count; from += round) {
              const all = (onAnswer: () => void) =>
                Effect.forEach(clients, (client, i) => write(client, writers[i]!, round, from, onAnswer), {
                  concurrency: "unbounded"
                })
              yield* amid(20, all, kill)
            }
            yield* check(clients[0]!, writers, count)
            assert.deepStrictEqual(yield* Effect.forEach(clients, idOf), ids)
          })
        ),
      90_000
    )

    it.effect(
      "calls of server code on other nodes run once and are answered, whether their actor's node is killed or replaced",
      () =>
        scene((scene) =>
          Effect.gen(function*() {
            const key = yield* scene.keyOn("b")
            const caller = yield* scene.join("ada", yield* scene.keyOn("a"), [scene.node("a")])
            const names = Array.from({ length: 240 }, (_, i) => `${i}`)
            const writing = (from: number, to: number) => (onAnswer: () => void) =>
              Effect.forEach(names.slice(from, to), (name) => writeThere(caller, key, name, onAnswer), {
                concurrency: 3
              })
            yield* amid(20, writing(0, 120), scene.node("b").signal("SIGKILL"))
            yield* amid(20, writing(120, 240), Effect.andThen(scene.node("c").signal("SIGTERM"), scene.node("c").gone))
            const ledger = yield* connect(scene, key, [scene.node("a")])
            assert.sameMembers([...(yield* ledger.rpc.names())], names)
          })
        ),
      90_000
    )

    it.effect(
      "calls of server code run once and are answered, also where the node of their actor hangs and wakes",
      () =>
        scene((scene) =>
          Effect.gen(function*() {
            const key = yield* scene.keyOn("b")
            const caller = yield* scene.join("ada", yield* scene.keyOn("a"), [scene.node("a")])
            const names = Array.from({ length: 60 }, (_, i) => `${i}`)
            const writing = (onAnswer: () => void) =>
              Effect.forEach(names, (name) => writeThere(caller, key, name, onAnswer), { concurrency: 3 })
            yield* amid(10, writing, scene.node("b").signal("SIGSTOP"))
            yield* scene.node("b").signal("SIGCONT")
            assert.strictEqual(yield* caller.rpc.write({ key, name: "after" }), "written")
            const ledger = yield* connect(scene, key, [scene.node("c")])
            assert.sameMembers([...(yield* ledger.rpc.names())], [...names, "after"])
          })
        ),
      90_000
    )

    it.effect("a frozen node that wakes with old shards cannot commit", () =>
      scene((scene) =>
        Effect.gen(function*() {
          const { keyOn, node } = scene
          const key = yield* keyOn("b")
          const ada = yield* connect(scene, key, [node("a"), node("c")])
          const id = yield* idOf(ada)
          yield* write(ada, "before", 5)
          // Calls are on their way to the node while it freezes: it wakes with them, and with the actor that it had.
          yield* amid(4, (onAnswer) => write(ada, "during", 40, 0, onAnswer), node("b").signal("SIGSTOP"))
          yield* node("b").signal("SIGCONT")
          yield* write(ada, "after", 20)
          const ben = yield* connect(scene, key, [node("b")])
          assert.deepStrictEqual(yield* ben.rpc.names(), [
            ...expected(["before"], 5),
            ...expected(["during"], 40),
            ...expected(["after"], 20)
          ])
          assert.strictEqual(yield* idOf(ada), id)
        })
      ), 90_000)

    for (const partition of ["cut", "freeze"] as const) {
      it.effect(
        `a node whose way to the database is ${
          partition === "cut" ? "cut" : "frozen"
        } loses its actors, and cannot commit`,
        () =>
          scene((scene) =>
            Effect.gen(function*() {
              const [d, proxy] = yield* scene.startBehindProxy("d")
              const key = yield* scene.keyOn("d", [...scene.nodes, d])
              const ada = yield* connect(scene, key, [scene.node("a"), scene.node("c")])
              const id = yield* idOf(ada)
              yield* write(ada, "before", 5)
              const part = partition === "cut" ? Effect.andThen(proxy.refuse, proxy.cut) : proxy.freeze
              yield* amid(4, (onAnswer) => write(ada, "during", 40, 0, onAnswer), part)
              // Those behind the wall may hold on to it: what they still do is not stored.
              const ben = yield* connect(scene, key, [d])
              yield* proxy.heal
              yield* write(ada, "after", 20)
              assert.deepStrictEqual(yield* ben.rpc.names(), [
                ...expected(["before"], 5),
                ...expected(["during"], 40),
                ...expected(["after"], 20)
              ])
              assert.strictEqual(yield* idOf(ada), id)
            })
          ),
        90_000
      )
    }

    it.effect(
      "the database stops and returns: calls wait and are answered",
      () =>
        scene((scene) =>
          Effect.gen(function*() {
            const ada = yield* connect(scene, yield* scene.keyOn("b"), [scene.node("a"), scene.node("c")])
            yield* write(ada, "before", 5)
            const postgres = yield* Postgres
            const away = Effect.andThen(postgres.stop, awaitStatus(ada, "Waiting"))
            yield* amid(
              4,
              (onAnswer) => write(ada, "during", 100, 0, onAnswer),
              Effect.andThen(away, postgres.start)
            )
            assert.deepStrictEqual(yield* ada.rpc.names(), [...expected(["before"], 5), ...expected(["during"], 100)])
          })
        ),
      90_000
    )

    it.effect(
      "nodes are replaced one after the other: connections go on, and no call is lost or runs twice",
      () =>
        scene((scene) =>
          Effect.gen(function*() {
            const living: Array<NodeProcess> = [...scene.nodes]
            const ada = yield* connect(scene, yield* scene.keyOn("a"), living)
            const id = yield* idOf(ada)
            for (const [round, old] of scene.nodes.entries()) {
              living.push(yield* scene.start(`${old.name}2`))
              living.splice(living.indexOf(old), 1)
              const leave = Effect.andThen(old.signal("SIGTERM"), old.gone)
              yield* amid(10, (onAnswer) => write(ada, "ada", 100, round * 100, onAnswer), leave)
            }
            yield* check(ada, ["ada"], 300)
            assert.strictEqual(yield* idOf(ada), id)
          })
        ),
      90_000
    )
  })
})
