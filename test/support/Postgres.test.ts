import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Database, describePostgres, Postgres } from "./Postgres.ts"

const insert = (database: Database, id: number) =>
  Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE TABLE IF NOT EXISTS numbers (id INT)`
    yield* sql`INSERT INTO numbers VALUES (${id})`
    return (yield* sql<{ id: number }>`SELECT id FROM numbers ORDER BY id`).map(({ id }) => id)
  }).pipe(Effect.provide(PgClient.layer(database)))

describePostgres("Postgres", () => {
  layer(Postgres.layer)((it) => {
    it.effect("gives each test a database of its own, and keeps it across a stop", () =>
      Effect.gen(function*() {
        const postgres = yield* Postgres
        const one = yield* postgres.createDatabase
        const other = yield* postgres.createDatabase
        assert.deepStrictEqual(yield* insert(one, 1), [1])
        assert.deepStrictEqual(yield* insert(other, 2), [2])

        yield* postgres.stop
        const away = yield* Effect.flip(insert(one, 3))
        assert.strictEqual(away.reason._tag, "ConnectionError")

        yield* postgres.start
        assert.deepStrictEqual(yield* insert(one, 4), [1, 4])
      }))
  })
})
