import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { changes, room } from "./changes.ts"
import { put, read } from "./contract.ts"
import { temporaryFolder } from "./files.ts"

const open = (filename: string, options?: Partial<SqliteStorage.SqliteOptions>) =>
  Effect.map(
    Layer.build(SqliteStorage.layer({ filename, busyTimeout: 0, ...options })),
    (context) => Effect.provide(ActorStorage.ActorStorage, context)
  ).pipe(Effect.flatten)

const refusal = (filename: string) => Effect.flip(Effect.scoped(open(filename)))

/** Makes a file of 200 rooms, and gives its name. */
const stored = Effect.gen(function*() {
  const filename = `${yield* temporaryFolder}/actors.db`
  yield* Effect.scoped(Effect.gen(function*() {
    const storage = yield* open(filename, { synchronous: "normal" })
    yield* Effect.forEach(
      Array.from({ length: 200 }, (_, i) => `${i}`),
      (key) => put(storage, room(key), changes({ state: JSON.stringify(key.repeat(100)) })),
      { concurrency: "unbounded" }
    )
  }))
  return filename
})

/** That opening fails, and leaves the file as it was and nothing beside it. */
const refused = Effect.fnUntraced(function*(
  filename: string,
  failure: ActorStorage.StorageFailure,
  message: string
) {
  const before = readFileSync(filename)
  const error = yield* refusal(filename)
  assert.strictEqual(error.failure, failure)
  assert.include(error.message, message)
  assert.isTrue(readFileSync(filename).equals(before))
})

const big = (letter: string, kilobytes: number) => JSON.stringify(letter.repeat(kilobytes * 1_000))

describe("SqliteStorage, when the file", () => {
  it.effect("is in a folder that is not there: says so", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const error = yield* refusal(`${folder}/no/actors.db`)
      assert.strictEqual(error.failure, "Unavailable")
      assert.strictEqual(
        error.message,
        `"${folder}/no/actors.db" cannot be opened: there is no folder "${folder}/no". Make it first`
      )
    }))

  it.effect("is a folder: says so", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      mkdirSync(`${folder}/actors.db`)
      const error = yield* refusal(`${folder}/actors.db`)
      assert.strictEqual(error.failure, "Unavailable")
      assert.include(error.message, "it is a folder")
    }))

  it.effect("cannot be written to: says so, and leaves it", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      const before = readFileSync(filename)
      const error = yield* refusal(`file://${filename}?mode=ro`)
      assert.strictEqual(error.failure, "ReadOnly")
      assert.include(error.message, "cannot be written to")
      assert.isTrue(readFileSync(filename).equals(before))
    }))

  it.effect("is no database: says so, and leaves it", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/notes.txt`
      writeFileSync(filename, "Call the plumber. ".repeat(1_000))
      yield* refused(filename, "Corrupt", "is damaged, or no database of SQLite")
    }))

  it.effect("is cut off in the middle: says so, and leaves it", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      const content = readFileSync(filename)
      writeFileSync(filename, content.subarray(0, content.length / 2))
      yield* refused(filename, "Corrupt", "is damaged")
    }))

  it.effect("is the database of something else: says so, and leaves it", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/shop.db`
      const database = new DatabaseSync(filename)
      database.exec("CREATE TABLE customer (name TEXT); INSERT INTO customer VALUES ('Ada')")
      database.close()
      yield* refused(filename, "Unavailable", "is a database of something else")
    }))

  it.effect("is of a later version: says so, and leaves it", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      const database = new DatabaseSync(filename)
      database.exec("PRAGMA user_version = 999")
      database.close()
      yield* refused(filename, "Unavailable", "was written by a later version of effect-tether (its format is 999")
      assert.deepStrictEqual(readdirSync(dirname(filename)), ["actors.db"])
    }))

  it.effect("is no file but memory: says so", () =>
    Effect.gen(function*() {
      for (const filename of [":memory:", ""]) {
        const error = yield* refusal(filename)
        assert.include(error.message, "nothing would outlive the process")
      }
    }))

  it.effect("is open already in this process: says so", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      const storage = yield* open(filename)
      const error = yield* refusal(filename)
      assert.strictEqual(error.failure, "Busy")
      assert.include(error.message, "in one process make the layer once, and provide the same one to all actors")
      assert.isDefined((yield* read(storage, room("1"))).state)
    }))

  it.effect("is damaged inside: fails what needs the damaged part", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      const content = readFileSync(filename)
      // Everything but the first page, which says what is where.
      writeFileSync(filename, content.fill(0x41, 4_096))
      const storage = yield* open(filename)
      const scope = yield* Scope.make()
      const loading = yield* Effect.flip(storage.load(room("1")).pipe(Scope.provide(scope)))
      assert.strictEqual(loading.failure, "Corrupt")
      const waking = yield* Effect.flip(storage.wakes("Room", 1))
      assert.strictEqual(waking.failure, "Corrupt")
    }))
})

describe("SqliteStorage, when there is no room left", () => {
  it.effect("fails the commit that does not fit, alone and whole", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      const storage = yield* open(filename, { maxBytes: 400_000 })
      yield* put(storage, room("big"), changes({ state: big("a", 100), connections: { c: "1" } }))
      const loads = yield* Effect.forEach(["one", "big", "two"], (key) => storage.load(room(key)))
      const exits = yield* Effect.forEach(
        ["one", "big", "two"],
        (key, i) =>
          Effect.exit(storage.commit(
            room(key),
            loads[i]!.fence,
            changes({ state: key === "big" ? big("b", 900) : `"${key}"`, connections: { c: "2" } })
          )),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
      const error = yield* Effect.flip(exits[1]!)
      assert.strictEqual(error.failure, "Full")
      assert.include(error.message, "has no room left")

      const { connections, state } = yield* read(storage, room("big"))
      assert.isTrue(state?.value === big("a", 100))
      assert.deepStrictEqual(connections, { c: "1" })
      assert.strictEqual((yield* read(storage, room("one"))).state?.value, "\"one\"")
      assert.strictEqual((yield* read(storage, room("two"))).state?.value, "\"two\"")
    }))

  it.effect("stores no later commit of the load whose commit failed, and those of a new load", () =>
    Effect.gen(function*() {
      const storage = yield* open(`${yield* temporaryFolder}/actors.db`, { maxBytes: 400_000 })
      const { fence } = yield* storage.load(room("a"))
      const exits = yield* Effect.forEach(
        [big("a", 900), "small", "smaller"],
        (state) => Effect.exit(storage.commit(room("a"), fence, changes({ state }))),
        { concurrency: "unbounded" }
      )
      const failures = yield* Effect.forEach(exits, (exit) => Effect.flip(exit))
      assert.deepStrictEqual(failures.map(({ failure }) => failure), ["Full", "Fenced", "Fenced"])
      assert.strictEqual((yield* read(storage, room("a"))).state, undefined)
      yield* put(storage, room("a"), changes({ state: "1" }))
      assert.strictEqual((yield* read(storage, room("a"))).state?.value, "1")
    }))

  it.effect("works again when something was removed, or more room is given", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open(filename, { maxBytes: 400_000 })
        for (const key of ["a", "b", "c"]) {
          yield* put(storage, room(key), changes({ connections: { c: big(key, 100) } }))
        }
        const full = put(storage, room("d"), changes({ state: big("d", 100) }))
        assert.strictEqual((yield* Effect.flip(full)).failure, "Full")
        yield* put(storage, room("a"), changes({ connections: { c: null } }))
        yield* full
        assert.strictEqual(
          (yield* Effect.flip(put(storage, room("e"), changes({ state: big("e", 100) })))).failure,
          "Full"
        )
      }))
      const storage = yield* open(filename, { maxBytes: 800_000 })
      yield* put(storage, room("e"), changes({ state: big("e", 100) }))
      for (const key of ["b", "c"]) {
        assert.isTrue((yield* read(storage, room(key))).connections["c"] === big(key, 100))
      }
      for (const key of ["d", "e"]) assert.isTrue((yield* read(storage, room(key))).state?.value === big(key, 100))
    }))
})

describe("SqliteStorage, at its end", () => {
  it.effect("leaves one file that holds everything", () =>
    Effect.gen(function*() {
      const filename = yield* stored
      assert.deepStrictEqual(readdirSync(dirname(filename)), ["actors.db"])
      const database = new DatabaseSync(filename, { readOnly: true })
      assert.strictEqual(database.prepare("SELECT count(*) AS n FROM instance").get()!["n"], 200)
      assert.strictEqual(Object.values(database.prepare("PRAGMA integrity_check").get()!)[0], "ok")
      database.close()
    }))

  it.effect("refuses what comes later", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const storage = yield* open(`${yield* temporaryFolder}/actors.db`).pipe(Scope.provide(scope))
      const { fence } = yield* storage.load(room("a"))
      yield* Scope.close(scope, Exit.void)
      for (
        const late of [storage.load(room("a")), storage.commit(room("a"), fence, changes({})), storage.wakes("Room", 1)]
      ) {
        const { failure, message } = yield* Effect.flip(late)
        assert.strictEqual(failure, "Unavailable")
        assert.include(message, "closed")
      }
    }))
})
