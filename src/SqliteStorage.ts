/**
 * Keeps durable actors in one file, without a server: SQLite, as Node has it built in.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { ActorStorage, type StorageError } from "./ActorStorage.ts"
import { count, duration, optional } from "./internal/settings.ts"
import * as GroupCommit from "./storage/GroupCommit.ts"
import * as SqliteBackup from "./storage/SqliteBackup.ts"
import * as SqliteError from "./storage/SqliteError.ts"
import * as SqliteFile from "./storage/SqliteFile.ts"
import { SqliteTables } from "./storage/SqliteTables.ts"
import { type Attempt, SqliteWriter } from "./storage/SqliteWriter.ts"

/**
 * Options of a storage in a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqliteOptions {
  /** Where it is; made if it is not there, in a folder that must be. Its log lies beside it, as `<filename>-wal`. */
  readonly filename: string
  /**
   * What a commit waits for. `"full"`: it is on the disk, and outlives a loss of power. `"normal"`: it outlives the end
   * of the process, however that comes; with the power the last commits may go. Default: `full`.
   */
  readonly synchronous?: "full" | "normal" | undefined
  /** How large the file may become in bytes, its log not counted. Commits beyond fail with `Full`. Default: unlimited. */
  readonly maxBytes?: number | undefined
  /**
   * How long to wait at the start for another process to let go of the file, for one that ends while this one starts.
   * Default: 5 seconds.
   */
  readonly busyTimeout?: Duration.Input | undefined
  /** Commits that wait for the writer; more are held back where they are made. Default: 4,096. */
  readonly maxWaiting?: number | undefined
}

/**
 * What an option is where it is not given.
 *
 * @internal
 */
export const defaults = {
  synchronous: "full",
  maxBytes: Infinity,
  busyTimeout: "5 seconds",
  maxWaiting: 4_096
} as const

/**
 * Copies the file of a storage while it is in use.
 *
 * **When to use**
 *
 * Use for backups: no other process can read the file, and a copy of the file alone lacks what is in its log. It comes
 * with the layer of the storage: provide the one that the actors have.
 *
 * **Example** (A backup each night)
 *
 * ```ts
 * import { Effect, Layer, Schedule } from "effect"
 * import * as SqliteStorage from "effect-tether/SqliteStorage"
 *
 * export const BackupLayer = Layer.effectDiscard(Effect.gen(function*() {
 *   const { copyTo } = yield* SqliteStorage.Backup
 *   yield* copyTo("backup/actors.db").pipe(
 *     Effect.catch((error) => Effect.logError("no backup was made", error)),
 *     Effect.schedule(Schedule.cron("0 3 * * *")),
 *     Effect.forkScoped
 *   )
 * }))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Backup extends Context.Service<Backup, {
  /**
   * Writes a copy that is a file of a storage itself: to restore it, put it in the place of the other one while no process
   * has that, and remove the log beside it.
   *
   * **Details**
   *
   * It holds all that was stored when the copying began, and may hold what was stored meanwhile; every commit is in it as
   * a whole or not at all. It appears under its name when it is complete and on the disk, in the place of a file that was
   * there; until then it is `<filename>.part`. Copies are made one at a time, and not interrupted.
   *
   * The reading is done by another thread. Commits go on, somewhat slower: a gigabyte takes some 20 seconds.
   */
  readonly copyTo: (filename: string) => Effect.Effect<void, StorageError>
}>()("effect-tether/SqliteStorage/Backup") {}

/**
 * A storage in a file.
 *
 * **When to use**
 *
 * Use for actors that live in one process: it needs no server and no setup. For several processes there is
 * `PostgresStorage`.
 *
 * **Details**
 *
 * Commits that are made at the same time, or while the disk is waited for, share a transaction and the next wait: many
 * actors are stored about as fast as one. A commit that cannot be stored fails alone.
 *
 * The file belongs to this process while the layer lives. Another one, and tools that look into it, find it locked;
 * look into a copy, which `Backup` makes. What is in the log moves to the file when the layer closes, and in between. After a crash the next
 * start finds all that was committed.
 *
 * A file that is damaged, is written by a later version, or belongs to something else, fails the layer and is not
 * touched.
 *
 * **Gotchas**
 *
 * SQLite is called on the thread of the process, some 10 microseconds for a commit. The wait for the disk is beside it:
 * 0.1 to 0.5 ms on a local SSD, several ms on a network disk or a busy one; commits of that time gather for the next
 * transaction. Once in a while the log moves to the file, which holds up the process for as long as the disk takes to
 * write about 4 MB.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteOptions): Layer.Layer<ActorStorage | Backup, StorageError> =>
  Layer.effectContext(make(options))

/**
 * Every option of a storage in a file as `Config`, under `tether.sqlite`, named as in `SqliteOptions`; but for
 * `filename`, what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<SqliteOptions> = Config.all(
  {
    filename: Config.NonEmptyString("filename"),
    synchronous: optional(Config.Literals(["full", "normal"], "synchronous")),
    maxBytes: count("maxBytes"),
    busyTimeout: duration("busyTimeout"),
    maxWaiting: count("maxWaiting")
  } satisfies { readonly [K in keyof Required<SqliteOptions>]: Config.Config<SqliteOptions[K]> }
).pipe(Config.nested("sqlite"), Config.nested("tether"))

/**
 * A storage in a file, with options from the `ConfigProvider`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Config<SqliteOptions> = config
): Layer.Layer<ActorStorage | Backup, StorageError | Config.ConfigError> =>
  Layer.effectContext(Effect.flatMap(options, make))

const make = Effect.fnUntraced(function*(
  options: SqliteOptions
): Effect.fn.Return<Context.Context<ActorStorage | Backup>, StorageError, Scope.Scope> {
  const file = yield* SqliteFile.open({
    filename: options.filename,
    synchronous: options.synchronous ?? defaults.synchronous,
    maxBytes: options.maxBytes ?? defaults.maxBytes,
    busyTimeout: Duration.fromInputUnsafe(options.busyTimeout ?? defaults.busyTimeout)
  })
  const attempt: Attempt = (evaluate) =>
    Result.try({ try: evaluate, catch: SqliteError.toStorageError(options.filename) })
  const tables = yield* Effect.fromResult(attempt(() => new SqliteTables(file.database)))
  const writer = new SqliteWriter(tables, file.sync, attempt)
  const commit = yield* GroupCommit.make({
    capacity: options.maxWaiting ?? defaults.maxWaiting,
    maxCommits: 1_024,
    maxSize: 4 * 1024 * 1024,
    write: (group) => writer.write(group)
  })
  return Context.make(ActorStorage, {
    load: (address) => writer.load(address),
    commit: (address, fence, changes) => commit({ address, fence, changes }),
    wakes: (type, limit) => writer.wakes(type, limit)
  }).pipe(Context.add(Backup, { copyTo: yield* SqliteBackup.make(file.database) }))
})
