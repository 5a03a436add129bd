import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { changes, room } from "./changes.ts"
import { put, read } from "./contract.ts"
import { temporaryFolder } from "./files.ts"

type Answer = (error: NodeJS.ErrnoException | null) => void

/** A disk that syncs when the test says so: the answers that are waited for, in their order. */
const slowDisk = Effect.acquireRelease(
  Effect.sync(() => {
    const real = fs.fdatasync
    const waiting: Array<{ readonly finish: () => void; readonly fail: (code: string) => void }> = []
    fs.fdatasync = Object.assign((fd: number, answer: Answer) => {
      waiting.push({
        finish: () => real(fd, answer),
        fail: (code) => answer(Object.assign(new Error(`${code}: i/o error, fdatasync`), { code }))
      })
    }, { __promisify__: real.__promisify__ })
    syncBuiltinESMExports()
    return { waiting, real }
  }),
  ({ real }) =>
    Effect.sync(() => {
      fs.fdatasync = real
      syncBuiltinESMExports()
    })
)

const until = (condition: () => boolean) =>
  Effect.gen(function*() {
    while (!condition()) yield* Effect.yieldNow
  })

const open = (options: SqliteStorage.SqliteOptions) =>
  Effect.map(
    Layer.build(SqliteStorage.layer({ busyTimeout: 0, ...options })),
    (context) => Effect.provide(ActorStorage.ActorStorage, context)
  ).pipe(Effect.flatten)

describe("SqliteStorage and the disk", () => {
  it.effect("stores a group when the disk has it, and gathers the next one meanwhile", () =>
    Effect.gen(function*() {
      const storage = yield* open({ filename: `${yield* temporaryFolder}/actors.db` })
      const loads = yield* Effect.forEach(["a", "b", "c"], (key) => storage.load(room(key)))
      const commit = (key: string, i: number) =>
        Effect.forkChild(storage.commit(room(key), loads[i]!.fence, changes({ state: key })), {
          startImmediately: true
        })
      const { waiting } = yield* slowDisk
      const first = yield* commit("a", 0)
      yield* until(() => waiting.length === 1)
      const second = yield* commit("b", 1)
      const third = yield* commit("c", 2)
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.deepStrictEqual([first, second, third].map((fiber) => fiber.pollUnsafe()), [
        undefined,
        undefined,
        undefined
      ])
      assert.strictEqual(waiting.length, 1)

      waiting[0]!.finish()
      yield* Fiber.join(first)
      yield* until(() => waiting.length === 2)
      assert.strictEqual(second.pollUnsafe(), undefined)
      waiting[1]!.finish()
      yield* Fiber.joinAll([second, third])
      assert.strictEqual(waiting.length, 2)
    }))

  it.effect("shows nobody what is not on the disk yet", () =>
    Effect.gen(function*() {
      const storage = yield* open({ filename: `${yield* temporaryFolder}/actors.db` })
      const { fence } = yield* storage.load(room("a"))
      const { waiting } = yield* slowDisk
      const commit = yield* Effect.forkChild(storage.commit(room("a"), fence, changes({ state: "1" })), {
        startImmediately: true
      })
      yield* until(() => waiting.length === 1)
      const load = yield* Effect.forkChild(read(storage, room("a")), { startImmediately: true })
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(load.pollUnsafe(), undefined)
      waiting[0]!.finish()
      yield* Fiber.join(commit)
      assert.strictEqual((yield* Fiber.join(load)).state?.value, "1")
    }))

  it.effect("stores nothing more when the disk has failed, until it is opened again", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      const scope = yield* Scope.make()
      const storage = yield* open({ filename }).pipe(Scope.provide(scope))
      yield* put(storage, room("a"), changes({ state: "before" }))
      const { fence } = yield* storage.load(room("a"))
      yield* Effect.scoped(Effect.gen(function*() {
        const { waiting } = yield* slowDisk
        const commit = yield* Effect.forkChild(storage.commit(room("a"), fence, changes({ state: "lost" })), {
          startImmediately: true
        })
        yield* until(() => waiting.length === 1)
        const load = yield* Effect.forkChild(read(storage, room("a")), { startImmediately: true })
        waiting[0]!.fail("EIO")
        for (const failed of [yield* Fiber.await(commit), yield* Fiber.await(load)]) {
          const error = yield* Effect.flip(failed)
          assert.strictEqual(error.failure, "Unavailable")
          assert.include(error.message, "the disk has failed")
        }
      }))
      for (
        const late of [
          storage.commit(room("a"), fence, changes({ state: "late" })),
          read(storage, room("b")),
          put(storage, room("b"), changes({ state: "late" }))
        ]
      ) {
        assert.include((yield* Effect.flip(late)).message, "the disk has failed")
      }
      yield* Scope.close(scope, Exit.void)

      const again = yield* open({ filename })
      assert.include(["before", "lost"], (yield* read(again, room("a"))).state?.value)
      assert.strictEqual((yield* read(again, room("b"))).state, undefined)
      yield* put(again, room("a"), changes({ state: "after" }))
      assert.strictEqual((yield* read(again, room("a"))).state?.value, "after")
    }))

  it.effect("does not wait for the disk where it need not", () =>
    Effect.gen(function*() {
      const { waiting } = yield* slowDisk
      const storage = yield* open({ filename: `${yield* temporaryFolder}/actors.db`, synchronous: "normal" })
      yield* put(storage, room("a"), changes({ state: "1" }))
      assert.strictEqual(waiting.length, 0)
    }))

  it.effect("waits for what is on its way when it closes", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      const scope = yield* Scope.make()
      const storage = yield* open({ filename }).pipe(Scope.provide(scope))
      const { fence } = yield* storage.load(room("a"))
      const { waiting } = yield* slowDisk
      const commit = yield* Effect.forkChild(storage.commit(room("a"), fence, changes({ state: "1" })), {
        startImmediately: true
      })
      yield* until(() => waiting.length === 1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(closing.pollUnsafe(), undefined)
      waiting[0]!.finish()
      yield* Fiber.join(commit)
      yield* Fiber.join(closing)
      const again = yield* open({ filename })
      assert.strictEqual((yield* read(again, room("a"))).state?.value, "1")
    }))
})
