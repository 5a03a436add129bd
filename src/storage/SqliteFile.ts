/// <reference types="node" />
/**
 * Opening the file of a SQLite storage.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { StorageError } from "../ActorStorage.ts"
import * as SqliteError from "./SqliteError.ts"

/**
 * What is to be opened, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly filename: string
  readonly synchronous: "full" | "normal"
  readonly maxBytes: number
  readonly busyTimeout: Duration.Duration
}

/**
 * A file that is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqliteFile {
  readonly database: DatabaseSync
  /** Waits until every transaction that has been committed is on the disk; other work of the process goes on. */
  readonly sync: Effect.Effect<void, StorageError>
}

/**
 * Opens a file and owns it until the scope closes; makes it if it is not there.
 *
 * **Details**
 *
 * No other process, and no other connection of this one, can read or write it meanwhile. A file that is not this
 * library's, or of a later version of it, is left as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (options: Options): Effect.Effect<SqliteFile, StorageError, Scope.Scope> => {
  const attempt: Attempt = (evaluate) =>
    Effect.try({ try: evaluate, catch: SqliteError.toStorageError(options.filename) })
  const once = Effect.gen(function*() {
    const database = yield* attempt(() => new DatabaseSync(options.filename, { enableForeignKeyConstraints: false }))
    yield* Effect.onError(prepare(attempt, database, options), () => close(database))
    return database
  })
  const owned = Effect.retry(Effect.acquireRelease(once, close), {
    while: ({ failure }) => failure === "Busy",
    times: Math.ceil(Duration.toMillis(options.busyTimeout) / 100),
    schedule: Schedule.spaced("100 millis")
  })
  return Effect.gen(function*() {
    const database = yield* owned
    return { database, sync: options.synchronous === "full" ? yield* syncing(attempt, database, options) : Effect.void }
  })
}

type Attempt = <A>(evaluate: () => A) => Effect.Effect<A, StorageError>

/** Moves what is in the log to the file, and lets go of it. */
const close = (database: DatabaseSync): Effect.Effect<void> => Effect.ignore(Effect.try(() => database.close()))

/**
 * Takes the wait for the disk from SQLite, which would hold up the whole process.
 *
 * With `synchronous = NORMAL` a commit is written to the log and not synced; SQLite still syncs log and file where it
 * moves one to the other, so that no crash can break them. Once the log is synced, what was committed before is as
 * durable as with `FULL`, which does just that within the commit. It is the same file all the time: SQLite makes it
 * when it is opened, writes it anew from its beginning, and removes it when it is closed.
 */
const syncing = (attempt: Attempt, database: DatabaseSync, options: Options) => {
  const log = Effect.acquireRelease(
    attempt(() => {
      // The first commit to a new log also syncs the entry in its folder.
      database.exec(`PRAGMA synchronous = FULL; BEGIN IMMEDIATE; PRAGMA user_version = ${migrations.length}; COMMIT`)
      database.exec("PRAGMA synchronous = NORMAL")
      return Fs.openSync(`${database.location()}-wal`, "r+")
    }),
    (log) => Effect.ignore(Effect.try(() => Fs.closeSync(log)))
  )
  return Effect.map(log, (log) =>
    Effect.callback<void, StorageError>((resume) => {
      Fs.fdatasync(log, (error) =>
        resume(error === null ? Effect.void : Effect.fail(SqliteError.toStorageError(options.filename)(error))))
    }))
}

/** "Teth": says whose file it is. */
const applicationId = 0x54657468

/** Each brings a file from the version of its index to the next one. They are never changed once released. */
const migrations: ReadonlyArray<string> = [
  `CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    state_version INTEGER,
    state TEXT,
    wake_at INTEGER,
    UNIQUE (type, key)
  );
  CREATE INDEX instance_wake ON instance (type, wake_at) WHERE wake_at IS NOT NULL;
  CREATE TABLE connection (
    instance INTEGER NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (instance, id)
  ) WITHOUT ROWID;
  CREATE TABLE journal (
    instance INTEGER NOT NULL,
    connection TEXT NOT NULL,
    call INTEGER NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (instance, connection, call)
  ) WITHOUT ROWID;
  CREATE TABLE alarm (
    instance INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    rpc TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (instance, id)
  ) WITHOUT ROWID;`
]

const prepare = Effect.fnUntraced(function*(attempt: Attempt, database: DatabaseSync, options: Options) {
  const refuse = (message: string) =>
    new StorageError({ failure: "Unavailable", message: `${JSON.stringify(options.filename)} ${message}` })
  // Whose file it is must be known before anything is written to it.
  const { id, tables, version } = yield* attempt(() => lock(database))
  if (id !== applicationId && (tables !== 0 || version !== 0)) {
    return yield* refuse("is a database of something else. Nothing was changed; name another file")
  }
  if (version > migrations.length) {
    return yield* refuse(
      `was written by a later version of effect-tether (its format is ${version}, this one knows ${migrations.length}). ` +
        "Nothing was changed; update effect-tether, or name another file"
    )
  }
  if (yield* attempt(() => pragma(database, "journal_mode", "WAL") !== "wal")) {
    return yield* refuse(
      "is no file, so nothing would outlive the process. Name one, or use `ActorStorage.layerMemory`"
    )
  }
  yield* attempt(() => {
    // On macOS a plain fsync leaves data in the cache of the disk.
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA fullfsync = ON; PRAGMA journal_size_limit = ${64 * 1024 * 1024}`)
    migrate(database, version)
    if (options.maxBytes === Infinity) return
    const pages = Math.floor(options.maxBytes / Number(pragma(database, "page_size")))
    pragma(database, "max_page_count", Math.max(1, pages))
  })
})

/** Takes the file for this connection alone and says what it is. */
const lock = (database: DatabaseSync) => {
  database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE")
  const found = {
    id: pragma(database, "application_id"),
    version: Number(pragma(database, "user_version")),
    tables: database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!["tables"]
  }
  database.exec("ROLLBACK")
  return found
}

const migrate = (database: DatabaseSync, version: number): void => {
  if (version === migrations.length) return
  database.exec(
    `BEGIN IMMEDIATE;
    ${migrations.slice(version).join("\n")}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${migrations.length};
    COMMIT`
  )
}

const pragma = (database: DatabaseSync, name: string, value?: string | number): unknown =>
  Object.values(database.prepare(`PRAGMA ${name}${value === undefined ? "" : ` = ${value}`}`).get() ?? {})[0]
