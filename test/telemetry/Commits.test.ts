import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Metrics from "../../src/Metrics.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
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
      assert.deepInclude(yield* Observed.valueOf(Metrics.commits, { ...of, outcome: "success" }), { count: 1 })
      const size = yield* Observed.valueOf(Metrics.commitBytes, of)
      assert.strictEqual(size?.count, 1)
      assert.isAbove(size?.sum ?? 0, 1_000)
      assert.isBelow(size?.sum ?? 0, 1_200)
      assert.approximately((yield* Observed.valueOf(Metrics.commitTime, of))?.sum ?? 0, 2, 0.01)

      yield* storage.failCommits("Unavailable")
      yield* Effect.exit(diary.write({ text: "lost" }))
      assert.deepInclude(yield* Observed.valueOf(Metrics.commits, { ...of, outcome: "failure" }), { count: 1 })
      assert.strictEqual((yield* Observed.valueOf(Metrics.commitBytes, of))?.count, 1)
    }).pipe(Effect.scoped, Effect.provide(app)))
})
