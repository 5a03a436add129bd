import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Metrics from "../../src/Metrics.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import * as Book from "../support/Book.ts"
import * as Observed from "../support/Observed.ts"

class Diary extends Actor.make("Diary", {
  state: { text: Schema.String },
  internal: [Rpc.make("write", { payload: { text: Schema.String } })]
}) {}

const app = Diary.toLayer(
  Effect.map(Diary.State, (state) => Diary.of({ write: ({ text }) => state.set({ text }) })),
  { initialState: { text: "" }, durability: "commit" }
).pipe(
  Layer.provide(Diary.layerAdmitAll),
  Layer.provideMerge(ActorHost.layerLocal()),
  Layer.provideMerge(TestStorage.layerMemory),
  Layer.provideMerge(Layer.succeed(Metric.MetricRegistry)(new Map()))
)

const of = { actor: "Diary" }

/** A durable actor and its clients on a network in memory. */
const books = TestNetwork.layer.pipe(
  Layer.provide(Book.layer),
  Layer.provideMerge(ActorHost.layerLocal()),
  Layer.provideMerge(Layer.mergeAll(TestStorage.layerMemory, Book.Watch.layer)),
  Layer.provideMerge(Layer.succeed(Metric.MetricRegistry)(new Map()))
)

describe("the journal of a durable actor", () => {
  it.effect("is seen to grow with the calls, and to shrink when their replies have arrived", () =>
    Effect.gen(function*() {
      const size = Effect.map(Observed.valueOf(Metrics.serverJournal, { actor: "Ledger" }), (found) => found?.value)
      const client = yield* Book.Ledger.connect("main", { params: { name: "ada" } })
      yield* Effect.forEach(["a", "b", "c"], (entry) => client.rpc.add({ entry }), { concurrency: "unbounded" })
      assert.strictEqual(yield* size, 3)
      yield* TestClock.adjust("1 second")
      yield* client.rpc.add({ entry: "d" })
      assert.strictEqual(yield* size, 1)
      yield* client.disconnect()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* size, 0)
    }).pipe(Effect.scoped, Effect.provide(books)))
})

describe("commits of durable actors", () => {
  it.effect("are counted by outcome, with their size and their time", () =>
    Effect.gen(function*() {
      const storage = yield* TestStorage
      const diary = yield* Diary.client("ada")
      yield* storage.hold
      const text = "x".repeat(1_000)
      const writing = yield* Effect.forkChild(diary.write({ text }))
      yield* Observed.settle
      yield* TestClock.adjust("2 seconds")
      yield* storage.letGo
      yield* Fiber.join(writing)
      assert.deepInclude(yield* Observed.valueOf(Metrics.serverCommits, { ...of, outcome: "success" }), { count: 1 })
      const size = yield* Observed.valueOf(Metrics.serverCommitSize, of)
      assert.strictEqual(size?.count, 1)
      assert.isAbove(size?.sum ?? 0, 1_000)
      assert.isBelow(size?.sum ?? 0, 1_200)
      assert.approximately((yield* Observed.valueOf(Metrics.serverCommitDuration, of))?.sum ?? 0, 2, 0.01)

      yield* storage.failCommits("Unavailable")
      yield* Effect.exit(diary.write({ text: "lost" }))
      assert.deepInclude(yield* Observed.valueOf(Metrics.serverCommits, { ...of, outcome: "failure" }), { count: 1 })
      assert.strictEqual((yield* Observed.valueOf(Metrics.serverCommitSize, of))?.count, 1)
    }).pipe(Effect.scoped, Effect.provide(app)))
})
