/**
 * The tables of a PostgreSQL storage.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/**
 * Makes the tables, or brings them up to date; when several processes start at once, one after the other.
 *
 * **Details**
 *
 * Returns the number of the latest migration of the database, and the one that this library knows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const migrate: Effect.Effect<
  { readonly found: number; readonly known: number },
  SqlError,
  SqlClient
> = Effect.gen(function*() {
  const sql = (yield* SqlClient).withoutTransforms()
  yield* Migrator.make({})({
    table: "tether_migrations",
    loader: Effect.succeed(migrations.map(({ name, statements }, index) => [
      index + 1,
      name,
      Effect.succeed(
        Effect.forEach(statements, (statement) => sql.unsafe(statement).unprepared, { discard: true })
      )
    ]))
  }).pipe(
    Effect.catchTag("MigrationError", (error) => isSqlError(error.cause) ? Effect.fail(error.cause) : Effect.die(error))
  )
  const [latest] = yield* sql.unsafe<{ found: number }>("SELECT max(migration_id) AS found FROM tether_migrations")
  return { found: Number(latest?.found ?? 0), known: migrations.length }
})

/** They are never changed once released. */
const migrations: ReadonlyArray<{ readonly name: string; readonly statements: ReadonlyArray<string> }> = [
  {
    name: "instances",
    statements: [
      "CREATE SEQUENCE tether_fence",
      // A key can be longer than an index entry may be: it is found by its digest.
      `CREATE TABLE tether_instance (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        digest BYTEA NOT NULL UNIQUE,
        type TEXT NOT NULL,
        key TEXT NOT NULL,
        fence BIGINT NOT NULL,
        state_version BIGINT,
        state TEXT,
        wake_at DOUBLE PRECISION
      )`,
      "CREATE INDEX tether_instance_wake ON tether_instance (md5(type), wake_at) WHERE wake_at IS NOT NULL",
      `CREATE TABLE tether_connection (
        instance BIGINT NOT NULL,
        id TEXT COLLATE "C" NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (instance, id)
      )`,
      `CREATE TABLE tether_journal (
        instance BIGINT NOT NULL,
        connection TEXT COLLATE "C" NOT NULL,
        call BIGINT NOT NULL,
        reply TEXT NOT NULL,
        PRIMARY KEY (instance, connection, call)
      )`,
      `CREATE TABLE tether_alarm (
        instance BIGINT NOT NULL,
        digest BYTEA NOT NULL,
        id TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        rpc TEXT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (instance, digest)
      )`
    ]
  }
]
