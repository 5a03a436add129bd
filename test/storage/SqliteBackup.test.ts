import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { changes, room } from "./changes.ts"
import { put, read } from "./contract.ts"
import { temporaryFolder } from "./files.ts"

const open = (filename: string) =>
  Effect.map(Layer.build(SqliteStorage.layer({ filename, busyTimeout: 0 })), (context) => ({
    storage: Context.get(context, ActorStorage.ActorStorage),
    copyTo: Context.get(context, SqliteStorage.Backup).copyTo
  }))

/** A storage of 100 rooms, some hundreds of pages. */
const filled = Effect.fnUntraced(function*(folder: string) {
  const opened = yield* open(`${folder}/actors.db`)
  yield* Effect.forEach(
    Array.from({ length: 100 }, (_, i) => `${i}`),
    (key) => put(opened.storage, room(key), changes({ state: JSON.stringify(key.repeat(20_000)) })),
    { concurrency: "unbounded", discard: true }
  )
  return opened
})

/** Stores rounds of ten rooms until it is interrupted; each commit holds its number twice. */
const write = (storage: ActorStorage.ActorStorage["Service"], stored: Map<string, number>) =>
  Effect.forEach(
    Array.from({ length: 10 }, (_, i) => `busy ${i}`),
    Effect.fnUntraced(function*(key) {
      const { fence } = yield* storage.load(room(key))
      for (let n = 1;; n++) {
        yield* storage.commit(room(key), fence, changes({ state: `${n}`, connections: { c: `${n}` } }))
        stored.set(key, n)
      }
    }),
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.scoped)

describe("a copy of the file of a SqliteStorage", () => {
  it.live(
    "is made while commits go on, and holds all that was stored before, and each commit whole",
    () =>
      Effect.gen(function*() {
        const folder = yield* temporaryFolder
        const { copyTo, storage } = yield* filled(folder)
        const stored = new Map<string, number>()
        const writing = yield* Effect.forkScoped(write(storage, stored))
        yield* Effect.repeat(Effect.yieldNow, { until: () => stored.size === 10 })
        const before = new Map(stored)
        yield* copyTo(`${folder}/copy.db`)
        const after = new Map(stored)
        yield* Fiber.interrupt(writing)
        for (const [key, n] of before) assert.isAbove(after.get(key)!, n, "commits were made meanwhile")

        const copy = yield* open(`${folder}/copy.db`)
        for (let i = 0; i < 100; i++) {
          const { state } = yield* read(copy.storage, room(`${i}`))
          assert.isTrue(state?.value === JSON.stringify(`${i}`.repeat(20_000)))
        }
        for (const [key, n] of before) {
          const { connections, state } = yield* read(copy.storage, room(key))
          assert.isAtLeast(Number(state?.value), n)
          assert.isAtMost(Number(state?.value), after.get(key)! + 1)
          assert.strictEqual(connections["c"], state?.value)
        }
      }),
    60_000
  )

  it.live("takes the place of an earlier one, and leaves nothing beside it", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      mkdirSync(`${folder}/backup`)
      const target = `${folder}/backup/actors.db`
      const { copyTo, storage } = yield* open(`${folder}/actors.db`)
      // What a process that was killed may have left.
      writeFileSync(`${target}.part`, "half a copy")
      for (const state of ["1", "2"]) {
        yield* put(storage, room("a"), changes({ state }))
        yield* copyTo(target)
        assert.deepStrictEqual(readdirSync(`${folder}/backup`), ["actors.db"])
        yield* Effect.scoped(Effect.gen(function*() {
          const copy = yield* open(target)
          assert.strictEqual((yield* read(copy.storage, room("a"))).state?.value, state)
        }))
      }
    }), 20_000)

  it.live("is never the file itself, by whatever name", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { copyTo, storage } = yield* open(`${folder}/actors.db`)
      symlinkSync(folder, `${folder}/link`)
      yield* put(storage, room("a"), changes({ state: "1" }))
      for (const name of ["actors.db", "./actors.db", "link/actors.db", "actors.db-wal"]) {
        const { failure, message } = yield* Effect.flip(copyTo(`${folder}/${name}`))
        assert.strictEqual(failure, "Unavailable")
        assert.include(message, "is the file that is to be copied. Name another one")
      }
      yield* put(storage, room("b"), changes({ state: "2" }))
      assert.strictEqual((yield* read(storage, room("a"))).state?.value, "1")
    }), 20_000)

  it.live("that cannot be made says why, leaves nothing, and disturbs nobody", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { copyTo, storage } = yield* open(`${folder}/actors.db`)
      mkdirSync(`${folder}/full`)
      const missing = yield* Effect.flip(copyTo(`${folder}/no/copy.db`))
      assert.strictEqual(missing.failure, "Unavailable")
      assert.include(missing.message, `there is no folder "${folder}/no". Make it first`)
      const taken = yield* Effect.flip(copyTo(`${folder}/full`))
      assert.strictEqual(taken.failure, "Unavailable")
      assert.deepStrictEqual(readdirSync(folder).filter((name) => !name.startsWith("actors.db")), ["full"])
      yield* put(storage, room("a"), changes({ state: "1" }))
      yield* copyTo(`${folder}/copy.db`)
      assert.strictEqual(readFileSync(`${folder}/copy.db`).toString("latin1", 0, 15), "SQLite format 3")
    }), 20_000)

  it.live("is finished before the storage closes, and another one not begun", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const scope = yield* Scope.make()
      const { copyTo } = yield* filled(folder).pipe(Scope.provide(scope))
      const copying = yield* Effect.forkChild(copyTo(`${folder}/a.db`), { startImmediately: true })
      const late = yield* Effect.forkChild(Effect.flip(copyTo(`${folder}/b.db`)), { startImmediately: true })
      assert.notInclude(readdirSync(folder), "a.db")
      yield* Scope.close(scope, Exit.void)
      assert.include(readdirSync(folder), "a.db")
      yield* Fiber.join(copying)
      for (const error of [yield* Fiber.join(late), yield* Effect.flip(copyTo(`${folder}/b.db`))]) {
        assert.strictEqual(error.failure, "Unavailable")
        assert.include(error.message, "the storage is closed")
      }
      const copy = yield* open(`${folder}/a.db`)
      assert.isDefined((yield* read(copy.storage, room("99"))).state)
    }), 20_000)
})
