import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, type Scope } from "effect"
import { ActorStorage } from "../../src/index.ts"
import * as PostgresStorage from "../../src/PostgresStorage.ts"
import { type Database, describePostgres, Postgres } from "../support/Postgres.ts"
import * as TcpProxy from "../support/TcpProxy.ts"
import { changes, room } from "./changes.ts"
import { put, read } from "./contract.ts"

const open = (
  database: PgClient.PgPoolConfig,
  options?: PostgresStorage.PostgresOptions
): Effect.Effect<ActorStorage.ActorStorage["Service"], ActorStorage.StorageError, Scope.Scope> =>
  Layer.build(PostgresStorage.layer(options).pipe(Layer.provide(PgClient.layer(database)))).pipe(
    Effect.map((context) => Effect.provide(ActorStorage.ActorStorage, context)),
    Effect.flatten,
    Effect.catchTag("SqlError", Effect.die)
  )

/** A database, one client of the storage, and one that looks behind it. */
const setUp = Effect.fnUntraced(function*(options?: PostgresStorage.PostgresOptions) {
  const postgres = yield* Postgres
  const database = yield* postgres.createDatabase
  const storage = yield* open(database, options)
  const sql = yield* Effect.provide(PgClient.PgClient, yield* Layer.build(PgClient.layer(database)))
  return { database, postgres, sql, storage }
})

/** The same database through a proxy that a test can hurt. */
const throughProxy = Effect.fnUntraced(function*({ url }: Database) {
  const direct = new URL(Redacted.value(url))
  const proxy = yield* TcpProxy.make({ targetPort: Number(direct.port) })
  direct.port = `${proxy.port}`
  return { proxy, database: { url: Redacted.make(direct.href) } }
})

const failureOf = <A, R>(effect: Effect.Effect<A, ActorStorage.StorageError, R>) =>
  Effect.map(Effect.flip(effect), ({ failure }) => failure)

/** Waits until so many clients wait for a lock, which only the database can tell. */
const untilWaiting = (sql: PgClient.PgClient, count: number) =>
  Effect.gen(function*() {
    while (true) {
      const [row] = yield* sql<{ waiting: number }>`SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`
      if (row!.waiting >= count) return
      yield* Effect.sleep("10 millis")
    }
  }).pipe(Effect.timeout("10 seconds"), Effect.orDie)

describePostgres("PostgresStorage", () => {
  layer(Postgres.layer, { excludeTestServices: true })((it) => {
    it.effect("lets one of two processes commit: the one that has loaded last", () =>
      Effect.gen(function*() {
        const { database, storage: one } = yield* setUp()
        const other = yield* open(database)
        const first = yield* one.load(room("a"))
        yield* one.commit(room("a"), first.fence, changes({ state: "1" }))
        const second = yield* other.load(room("a"))
        assert.strictEqual(second.state?.value, "1")

        const late = changes({ state: "late", connections: { c: "late" }, answered: [["c", 1, "late"]], wakeAt: 1 })
        assert.strictEqual(yield* failureOf(one.commit(room("a"), first.fence, late)), "Fenced")
        yield* other.commit(room("a"), second.fence, changes({ state: "2" }))
        assert.strictEqual((yield* read(other, room("a"))).state?.value, "2")
        assert.deepStrictEqual(yield* one.wakes("Room", 10), [])
      }))

    it.effect("loses no change while two processes take an instance from each other", () =>
      Effect.gen(function*() {
        const { database, storage } = yield* setUp()
        const other = yield* open(database)
        const counted = yield* Effect.forEach(
          [storage, other, storage, other],
          Effect.fnUntraced(function*(each, who) {
            let committed = 0
            for (let i = 0; i < 40; i++) {
              yield* Effect.scoped(Effect.gen(function*() {
                const { fence, journal, state } = yield* each.load(room("contested"))
                const n = Number(state?.value ?? 0)
                assert.strictEqual(journal.length, n)
                const commit = changes({ state: `${n + 1}`, answered: [[`c${who}`, n, "done"]] })
                const exit = yield* Effect.exit(each.commit(room("contested"), fence, commit))
                if (Exit.isSuccess(exit)) committed++
              })).pipe(Effect.catchTag("StorageError", ({ failure }) => {
                assert.strictEqual(failure, "Fenced")
                return Effect.void
              }))
            }
            return committed
          }),
          { concurrency: "unbounded" }
        )
        const total = counted.reduce((sum, count) => sum + count, 0)
        assert.isAbove(total, 0)
        assert.strictEqual((yield* read(storage, room("contested"))).state?.value, `${total}`)
      }), 30_000)

    it.effect("reads all of the commit that a load has waited for", () =>
      Effect.gen(function*() {
        const { database, sql, storage } = yield* setUp()
        const other = yield* open(database)
        const { fence } = yield* storage.load(room("a"))
        const locked = yield* Deferred.make<void>()
        const unlock = yield* Deferred.make<void>()
        const lock = yield* sql`SELECT 1 FROM tether_instance FOR UPDATE`.pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Deferred.await(unlock)),
          sql.withTransaction,
          Effect.forkScoped
        )
        yield* Deferred.await(locked)
        const commit = yield* Effect.forkScoped(
          storage.commit(room("a"), fence, changes({ state: "1", connections: { c: "1" }, answered: [["c", 1, "1"]] }))
        )
        yield* untilWaiting(sql, 1)
        const load = yield* Effect.forkScoped(read(other, room("a")))
        yield* untilWaiting(sql, 2)
        yield* Deferred.succeed(unlock, undefined)
        yield* Fiber.join(lock)

        yield* Fiber.join(commit)
        assert.deepStrictEqual(yield* Fiber.join(load), {
          state: { version: 1, value: "1" },
          connections: { c: "1" },
          journal: [["c", 1, "1"]],
          alarms: []
        })
      }), 30_000)

    it.effect("fails a commit alone that the database does not take", () =>
      Effect.gen(function*() {
        const { storage } = yield* setUp({ parallelism: 1 })
        const loads = yield* Effect.forEach(["a", "b", "c"], (key) => storage.load(room(key)))
        // U+0000 as such is no JSON text.
        const exits = yield* Effect.forEach(
          ["a", "b", "c"],
          (key, i) =>
            Effect.exit(
              storage.commit(room(key), loads[i]!.fence, changes({ state: key === "b" ? "\0" : key, wakeAt: i }))
            ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
        assert.strictEqual(
          yield* failureOf(storage.commit(room("b"), loads[1]!.fence, changes({ state: "b" }))),
          "Fenced"
        )
        assert.deepStrictEqual((yield* storage.wakes("Room", 10)).map(({ key }) => key), ["a", "c"])
      }))

    it.effect("says at once that a database is not there, and works when it is back", () =>
      Effect.gen(function*() {
        const { postgres, storage } = yield* setUp({ retryFor: 0 })
        yield* put(storage, room("a"), changes({ state: "before" }))
        const { fence } = yield* storage.load(room("a"))
        yield* postgres.stop
        for (
          const asked of [
            storage.commit(room("a"), fence, changes({ state: "meanwhile" })),
            storage.wakes("Room", 1),
            read(storage, room("a"))
          ]
        ) {
          const { failure, message } = yield* Effect.flip(asked)
          assert.strictEqual(failure, "Unavailable")
          assert.match(message, /^PostgreSQL cannot be (reached|used): /)
        }
        yield* postgres.start
        assert.strictEqual(yield* failureOf(storage.commit(room("a"), fence, changes({ state: "late" }))), "Fenced")
        assert.strictEqual((yield* read(storage, room("a"))).state?.value, "before")
        yield* put(storage, room("a"), changes({ state: "after" }))
        assert.strictEqual((yield* read(storage, room("a"))).state?.value, "after")
      }), 30_000)

    it.effect("waits for a database that comes back in time", () =>
      Effect.gen(function*() {
        const { postgres, storage } = yield* setUp({ retryFor: "20 seconds" })
        const { fence } = yield* storage.load(room("a"))
        yield* postgres.stop
        const commit = yield* Effect.forkScoped(storage.commit(room("a"), fence, changes({ state: "1" })))
        const load = yield* Effect.forkScoped(read(storage, room("b")))
        yield* postgres.start
        yield* Fiber.join(commit)
        yield* Fiber.join(load)
        assert.strictEqual((yield* read(storage, room("a"))).state?.value, "1")
      }), 40_000)

    it.effect("gives up a database that does not answer, and works when it does again", () =>
      Effect.gen(function*() {
        const { database } = yield* setUp()
        const { database: hurt, proxy } = yield* throughProxy(database)
        const storage = yield* open(hurt, { retryFor: 0, statementTimeout: "300 millis" })
        const { fence } = yield* storage.load(room("a"))
        yield* proxy.freeze
        const error = yield* Effect.flip(storage.commit(room("a"), fence, changes({ state: "1" })))
        assert.strictEqual(error.failure, "Unavailable")
        assert.include(error.message, "no answer within 300ms")

        yield* proxy.heal
        yield* put(storage, room("a"), changes({ state: "2" }))
        assert.strictEqual((yield* read(storage, room("a"))).state?.value, "2")
      }), 30_000)

    it.effect("stores a commit once whose connection is cut, however far it has come", () =>
      Effect.gen(function*() {
        const { database } = yield* setUp()
        const { database: hurt, proxy } = yield* throughProxy(database)
        const storage = yield* open({ ...hurt, maxConnections: 2 }, { parallelism: 1 })
        const { fence } = yield* storage.load(room("a"))
        for (let i = 0; i < 40; i++) {
          // A commit and its answer take about 2,000 bytes.
          yield* proxy.cutAfterBytes(60 * i)
          yield* storage.commit(
            room("a"),
            fence,
            changes({ state: `${i}`, answered: [["c", i, `${i}`]], trimmed: [["c", i - 2]] })
          )
        }
        yield* proxy.heal
        const { journal, state } = yield* read(storage, room("a"))
        assert.strictEqual(state?.value, "39")
        assert.deepStrictEqual(journal, [["c", 38, "38"], ["c", 39, "39"]])
      }), 30_000)

    it.effect("can be opened by many processes at once, the first time too", () =>
      Effect.gen(function*() {
        const postgres = yield* Postgres
        const database = yield* postgres.createDatabase
        const storages = yield* Effect.replicateEffect(open({ ...database, maxConnections: 3 }), 6, {
          concurrency: "unbounded"
        })
        yield* Effect.forEach(storages, (storage, i) => put(storage, room(`${i}`), changes({ state: `${i}` })))
        assert.strictEqual((yield* read(storages[0]!, room("5"))).state?.value, "5")
      }), 30_000)

    it.effect("leaves alone what a later version has made, and says so", () =>
      Effect.gen(function*() {
        const { database, sql } = yield* setUp()
        yield* sql`INSERT INTO tether_migrations (migration_id, name) VALUES (999, 'later')`
        const { failure, message } = yield* Effect.flip(Effect.scoped(open(database)))
        assert.strictEqual(failure, "Unavailable")
        assert.include(message, "later version of effect-tether (their format is 999")
      }))

    it.effect("says that a database takes no writes", () =>
      Effect.gen(function*() {
        const { database } = yield* setUp()
        const storage = yield* open({ ...database, startupParameters: { default_transaction_read_only: "on" } })
        const { failure, message } = yield* Effect.flip(storage.load(room("a")))
        assert.strictEqual(failure, "ReadOnly")
        assert.include(message, "takes no writes")
      }))

    it.effect("says that it is not let in", () =>
      Effect.gen(function*() {
        const { database } = yield* setUp()
        const wrong = new URL(Redacted.value(database.url))
        wrong.password = "wrong"
        const { failure, message } = yield* Effect.flip(
          Effect.scoped(open({ url: Redacted.make(wrong.href) }, { retryFor: 0 }))
        )
        assert.strictEqual(failure, "Unavailable")
        assert.include(message, "does not let this user in")
        assert.notInclude(message, "wrong")
      }))

    it.effect("keeps nothing of instances that were only looked at, or left with nothing", () =>
      Effect.gen(function*() {
        const { sql, storage } = yield* setUp()
        yield* read(storage, room("looked at"))
        yield* put(storage, room("left"), changes({ connections: { c: "1" } }), changes({ connections: { c: null } }))
        yield* put(storage, room("kept"), changes({ connections: { c: "1" } }))
        yield* put(storage, room("too"), changes({ state: "1" }))
        const rows = yield* sql<{ key: string }>`SELECT key FROM tether_instance ORDER BY key`
        assert.deepStrictEqual(rows.map(({ key }) => key), ["kept", "too"])
      }))
  })
})
