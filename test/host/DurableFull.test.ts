/**
 * Durable actors on a file that has no room left.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, ActorClient, ActorHost } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { temporaryFolder } from "../storage/files.ts"

class Shelf extends Actor.make("Shelf", {
  state: { names: Schema.Array(Schema.String), load: Schema.String },
  rpcs: [
    Rpc.make("put", { payload: { name: Schema.String, bytes: Schema.Int }, success: Schema.Int }),
    Rpc.make("names", { success: Schema.Array(Schema.String) })
  ]
}) {}

const ShelfLayer = Shelf.toLayer(
  Effect.map(Shelf.State, (state) =>
    Shelf.of({
      put: ({ bytes, name }) =>
        state.modify(({ names }) => [names.length + 1, { names: [...names, name], load: "x".repeat(bytes) }]),
      names: () => Effect.map(state.get, ({ names }) => names)
    })),
  { initialState: { names: [], load: "" }, durability: "commit" }
).pipe(Layer.provide(Shelf.layerAdmitAll))

describe("a durable actor on a file that has no room left", () => {
  it.live(
    "has its calls wait, and goes on by itself when there is room again, with nothing lost or done twice",
    () =>
      Effect.gen(function*() {
        const folder = yield* temporaryFolder
        const app = yield* Layer.build(ActorClient.layerInProcess.pipe(
          Layer.provide(ShelfLayer),
          Layer.provide(ActorHost.layerLocal()),
          Layer.provide(SqliteStorage.layer({ filename: `${folder}/actors.db`, maxBytes: 600_000 }))
        ))
        const [wide, shelf] = yield* Effect.all([Shelf.connect("wide"), Shelf.connect("shelf")]).pipe(
          Effect.provideContext(app)
        )
        assert.strictEqual(yield* wide.rpc.put({ name: "wide", bytes: 400_000 }), 1)
        assert.strictEqual(yield* shelf.rpc.put({ name: "a", bytes: 0 }), 1)

        const isAway = yield* SubscriptionRef.changes(shelf.status).pipe(
          Stream.filter(({ _tag }) => _tag === "Waiting"),
          Stream.take(2),
          Stream.runDrain,
          Effect.forkScoped({ startImmediately: true })
        )
        const waiting = yield* Effect.forEach(
          ["b", "c", "d"],
          (name) => shelf.rpc.put({ name, bytes: 300_000 }),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* Fiber.join(isAway)
        assert.isUndefined(waiting.pollUnsafe())

        // Another actor makes room.
        assert.strictEqual(yield* wide.rpc.put({ name: "narrow", bytes: 0 }), 2)
        assert.deepStrictEqual(yield* Fiber.join(waiting), [2, 3, 4])
        assert.deepStrictEqual(yield* shelf.rpc.names(), ["a", "b", "c", "d"])
      }),
    60_000
  )
})
