import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer } from "effect"
import { ActorStorage } from "../../src/index.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { changes, room } from "../storage/changes.ts"
import { contract, put, read } from "../storage/contract.ts"

const failures = (exits: ReadonlyArray<Exit.Exit<unknown, ActorStorage.StorageError>>) =>
  exits.map((exit) =>
    Exit.isSuccess(exit) ?
      "ok" :
      Exit.findErrorOption(exit).pipe((error) => error._tag === "Some" ? error.value.failure : "died")
  )

describe("TestStorage", () => {
  describe("without faults", () => {
    contract(
      it,
      Effect.map(Layer.build(TestStorage.layerMemory), (context) => Effect.provide(ActorStorage.ActorStorage, context))
    )
  })

  layer(TestStorage.layerMemory)((it) => {
    it.effect("holds commits until they are let go, in their order", () =>
      Effect.gen(function*() {
        const test = yield* TestStorage
        const storage = yield* ActorStorage.ActorStorage
        const { fence } = yield* storage.load(room("held"))
        const before = yield* test.commits
        yield* test.hold
        const commits = yield* Effect.forEach(
          ["1", "2", "3"],
          (state) =>
            Effect.forkChild(storage.commit(room("held"), fence, changes({ state })), { startImmediately: true })
        )
        for (let i = 0; i < 10; i++) yield* Effect.yieldNow
        assert.deepStrictEqual(commits.map((fiber) => fiber.pollUnsafe()), [undefined, undefined, undefined])
        assert.strictEqual(yield* test.commits, before)

        yield* test.letGo
        yield* storage.commit(room("held"), fence, changes({ connections: { c: "1" } }))
        assert.deepStrictEqual(failures(yield* Fiber.awaitAll(commits)), ["ok", "ok", "ok"])
        assert.strictEqual((yield* read(storage, room("held"))).state?.value, "3")
      }))

    it.effect("fails the next commits, and with one all later ones of its load", () =>
      Effect.gen(function*() {
        const test = yield* TestStorage
        const storage = yield* ActorStorage.ActorStorage
        const { fence } = yield* storage.load(room("failing"))
        yield* test.failCommits("Full")
        const exits = yield* Effect.forEach(
          ["1", "2"],
          (state) => Effect.exit(storage.commit(room("failing"), fence, changes({ state }))),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(failures(exits), ["Full", "Fenced"])
        assert.strictEqual((yield* read(storage, room("failing"))).state, undefined)
        yield* put(storage, room("failing"), changes({ state: "3" }))
        assert.strictEqual((yield* read(storage, room("failing"))).state?.value, "3")
      }))

    it.effect("loses the answer of a commit that has happened", () =>
      Effect.gen(function*() {
        const test = yield* TestStorage
        const storage = yield* ActorStorage.ActorStorage
        yield* test.loseCommits()
        const exit = yield* Effect.exit(put(storage, room("lost"), changes({ state: "1" })))
        assert.deepStrictEqual(failures([exit]), ["Unavailable"])
        assert.strictEqual((yield* read(storage, room("lost"))).state?.value, "1")
      }))

    it.effect("fails loads as often as told, and heals", () =>
      Effect.gen(function*() {
        const test = yield* TestStorage
        const storage = yield* ActorStorage.ActorStorage
        yield* test.failLoads("Corrupt", 2)
        const load = Effect.exit(read(storage, room("loads")))
        assert.deepStrictEqual(failures([yield* load, yield* load, yield* load]), ["Corrupt", "Corrupt", "ok"])
        yield* test.failLoads("Corrupt", 2)
        yield* test.heal
        assert.deepStrictEqual(failures([yield* load]), ["ok"])
      }))

    it.effect("counts commits, loads and what was stored", () =>
      Effect.gen(function*() {
        const test = yield* TestStorage
        const storage = yield* ActorStorage.ActorStorage
        const before = [yield* test.commits, yield* test.loads, yield* test.size]
        yield* put(
          storage,
          room("count"),
          changes({ state: "12345", connections: { c: "67", gone: null }, answered: [["c", 1, "89"]] }),
          changes({})
        )
        const after = [yield* test.commits, yield* test.loads, yield* test.size]
        const name = "Room".length + "count".length
        assert.deepStrictEqual(after.map((n, i) => n - before[i]!), [2, 1, 2 * name + 5 + 3 + 4 + 3])
        const asked = yield* test.asked
        assert.deepStrictEqual(asked.slice(-2).map(({ address }) => address), [room("count"), room("count")])
      }))
  })
})
