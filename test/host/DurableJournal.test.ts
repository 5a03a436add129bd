/**
 * The stored replies of a durable actor: there as long as their clients may ask again, and no longer.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it } from "../support/Hosts.ts"
import * as RawPeer from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, join, type Life, Network, onServer, pass, run } from "../support/Stage.ts"

const params = { name: "ada" }

const enter = (life: Life, fields: Parameters<typeof RawPeer.enter>[1] = {}) =>
  Effect.provideContext(RawPeer.enter("Stage", { key: "main", params, ...fields }), life.context)

/** What is in the journal by all commits so far: reading it from the storage would fence the actor off. */
const journal = Effect.map(TestStorage.use(({ asked }) => asked), (asked) => {
  const kept = new Map<string, Set<number>>()
  for (const { changes } of asked) {
    for (const { call, connection } of changes.answered) {
      kept.set(connection, (kept.get(connection) ?? new Set()).add(call))
    }
    for (const { call, connection } of changes.trimmed) kept.get(connection)?.delete(call)
    for (const [connection, record] of changes.connections) if (record === null) kept.delete(connection)
  }
  return Array.from(kept.values()).flatMap((calls) => Array.from(calls))
})

const stored = Effect.scoped(
  Effect.map(
    ActorStorage.ActorStorage.use((storage) => storage.load({ type: "Stage", key: "main" })),
    (all) => all.journal.map(({ call }) => call)
  )
)

const add = (call: number) => ["call", call, "add", { entry: `${call}` }]

describe("a stored reply", () => {
  it.onEachHost("goes with the first commit after its client has acknowledged it, and not before", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      const peer = yield* enter(life)
      yield* peer.send(add(0))
      yield* pass(100)
      yield* peer.send(add(1))
      yield* pass(100)
      assert.deepStrictEqual(yield* journal, [0, 1], "the client has said nothing of either")
      yield* peer.send(["ack", 1])
      yield* peer.send(add(2))
      yield* pass(100)
      assert.deepStrictEqual(yield* journal, [1, 2])
      assert.deepStrictEqual(yield* stored, [1, 2])
    })))

  it.onEachHost("is not kept of a call that has changed nothing", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      const peer = yield* enter(life)
      yield* peer.send(["call", 0, "all", null])
      yield* pass(100)
      assert.strictEqual(peer.frames("reply").length, 1)
      assert.deepStrictEqual(yield* stored, [])
    })))

  it.onEachHost("goes when its client, back in a new epoch, does not name its call", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      const peer = yield* enter(first)
      yield* peer.send(add(0), add(1), add(2))
      yield* pass(100)
      yield* first.crash
      const second = yield* begin()
      const { connection, epoch, token } = peer.welcome
      yield* enter(second, { attach: 2, resume: { connection, epoch, token, received: 0, calls: [1] } })
      assert.deepStrictEqual(yield* stored, [1])
    })))

  it.onEachHost("goes with its connection", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      const peer = yield* enter(life)
      yield* peer.send(add(0), add(1))
      yield* pass(100)
      assert.deepStrictEqual(yield* journal, [0, 1])
      yield* peer.send(["bye", { reason: { _tag: "ClientLeft" }, received: 0 }])
      yield* pass(100)
      assert.deepStrictEqual(yield* onServer(life, (stage) => stage.entries()), ["+ada", "0", "1", "-ada"])
      assert.deepStrictEqual(yield* stored, [])
    })))

  it.onEachHost("outlives any time that its client stays away", () =>
    run(Effect.gen(function*() {
      const first = yield* begin({ host: { resumeWindow: "3 days" } })
      const peer = yield* enter(first)
      yield* peer.send(add(0))
      yield* pass(100)
      yield* peer.drop
      yield* pass(172_800_000, 21_600_000)
      yield* first.crash
      const second = yield* begin({ host: { resumeWindow: "3 days" } })
      yield* pass(172_800_000, 21_600_000)
      const { connection, epoch, token } = peer.welcome
      const back = yield* enter(second, {
        attach: 2,
        resume: { connection, epoch, token, received: 0, calls: [0] }
      })
      yield* back.send(add(0))
      yield* pass(100)
      assert.deepStrictEqual(back.frames("reply"), peer.frames("reply"))
    })))
})

describe("the journal", () => {
  it.onEachHost(
    "stays as small as the calls in flight over 10,000 calls with drops and crashes",
    () =>
      run(Effect.gen(function*() {
        const inFlight = 20
        const options = { host: { maxCallsInFlight: inFlight } }
        const network = yield* Network
        let life = yield* begin(options)
        const ada = yield* join("ada")
        let most = 0
        for (let round = 0; round < 50; round++) {
          const calls = yield* Effect.forkChild(Effect.forEach(
            Array.from({ length: 200 }, (_, i) => `${round}.${i}`),
            (entry) => ada.rpc.add({ entry }),
            { concurrency: "unbounded" }
          ))
          yield* settle
          if (round % 5 === 2) yield* network.cut
          if (round % 5 === 4) {
            yield* life.crash
            most = Math.max(most, (yield* stored).length)
            life = yield* begin(options)
          }
          const places = yield* drive(Fiber.join(calls))
          assert.deepStrictEqual(places, Array.from({ length: 200 }, (_, i) => 1 + round * 200 + i))
        }
        most = Math.max(most, (yield* journal).length)
        assert.isAtLeast(most, 1)
        assert.isAtMost(most, 2 * inFlight)
      })),
    { timeout: 60_000, notInCluster: "so many calls through an engine take too long, and nothing of it is the host's" }
  )
})
