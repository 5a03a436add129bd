/**
 * Keeps durable actors in PostgreSQL, for actors that live in many processes.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { ActorStorage, fenced, StorageError } from "./ActorStorage.ts"
import { count, duration } from "./internal/settings.ts"
import * as GroupCommit from "./storage/GroupCommit.ts"
import { PostgresLoads } from "./storage/PostgresLoads.ts"
import * as PostgresRetry from "./storage/PostgresRetry.ts"
import * as PostgresSchema from "./storage/PostgresSchema.ts"
import * as PostgresTables from "./storage/PostgresTables.ts"

/**
 * Options of a storage in PostgreSQL; every one has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresOptions {
  /** Groups of commits that are written at the same time, each by a connection. Default: 4. */
  readonly parallelism?: number | undefined
  /** Commits per group. Default: 256. */
  readonly maxCommits?: number | undefined
  /** Commits that wait to be written; more are held back where they are made. Default: 4,096. */
  readonly maxWaiting?: number | undefined
  /**
   * How long what is asked is tried again while the database cannot be reached, restarts or has too many clients, until
   * it fails with `Unavailable`. Zero tries once. Default: 5 seconds.
   */
  readonly retryFor?: Duration.Input | undefined
  /** How long one statement may take. The driver takes up to 5 seconds more to give it up. Default: 10 seconds. */
  readonly statementTimeout?: Duration.Input | undefined
}

/**
 * What an option is where it is not given.
 *
 * @internal
 */
export const defaults = {
  parallelism: 4,
  maxCommits: 256,
  maxWaiting: 4_096,
  retryFor: "5 seconds",
  statementTimeout: "10 seconds"
} as const

/**
 * A storage in PostgreSQL, by the `SqlClient` that it is provided with: `PgClient.layer` of `@effect/sql-pg`.
 *
 * **When to use**
 *
 * Use where actors live in many processes. For one process `SqliteStorage` needs no server and is faster.
 *
 * **Details**
 *
 * Makes its tables, whose names begin with `tether_`, in the first schema of the search path. A load takes an instance
 * over from every other process: what an earlier one commits, in whatever process, fails with `Fenced`.
 *
 * Commits of many actors share a statement, and with it a transaction and a round trip. A commit that the database does
 * not take fails alone.
 *
 * A database that stops and returns is noticed as a delay up to `retryFor`, and as `Unavailable` after that; nothing has
 * to be started again.
 *
 * **Gotchas**
 *
 * Give the client at least `parallelism` and two more connections (`maxConnections`), and do not turn off
 * `synchronous_commit` for its user. A value must fit into one message of the driver (`maxMessageSize`, 16 MiB).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: PostgresOptions = {}): Layer.Layer<ActorStorage, StorageError, SqlClient.SqlClient> =>
  Layer.effect(ActorStorage, make(options))

/**
 * Every option of a storage in PostgreSQL as `Config`, under `tether.postgres`, named as in `PostgresOptions`; what is
 * not set has its default. How to reach the database is for the client.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<PostgresOptions> = Config.all(
  {
    parallelism: count("parallelism"),
    maxCommits: count("maxCommits"),
    maxWaiting: count("maxWaiting"),
    retryFor: duration("retryFor"),
    statementTimeout: duration("statementTimeout")
  } satisfies { readonly [K in keyof Required<PostgresOptions>]: Config.Config<PostgresOptions[K]> }
).pipe(Config.nested("postgres"), Config.nested("tether"))

/**
 * A storage in PostgreSQL, with options from the `ConfigProvider`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Config<PostgresOptions> = config
): Layer.Layer<ActorStorage, StorageError | Config.ConfigError, SqlClient.SqlClient> =>
  Layer.effect(ActorStorage, Effect.flatMap(options, make))

const make = Effect.fnUntraced(function*(
  options: PostgresOptions
): Effect.fn.Return<ActorStorage["Service"], StorageError, Scope.Scope | SqlClient.SqlClient> {
  const client = yield* SqlClient.SqlClient
  const patience = PostgresRetry.make({
    retryFor: Duration.fromInputUnsafe(options.retryFor ?? defaults.retryFor),
    statementTimeout: Duration.fromInputUnsafe(options.statementTimeout ?? defaults.statementTimeout)
  })
  yield* migrate(patience)
  const tables = PostgresTables.make(client)
  const loads = new PostgresLoads(tables, patience)
  const parallelism = Math.max(1, options.parallelism ?? defaults.parallelism)
  // All commits of an instance go the same way, so that they stay in order and never meet in two statements.
  const lanes = yield* Effect.replicateEffect(
    GroupCommit.make({
      capacity: Math.ceil((options.maxWaiting ?? defaults.maxWaiting) / parallelism),
      maxCommits: Math.max(1, options.maxCommits ?? defaults.maxCommits),
      maxSize: 4 * 1024 * 1024,
      write: (group) => loads.write(group)
    }),
    parallelism
  )
  return {
    load: (address) => loads.load(address),
    commit: (address, fence, changes) =>
      Effect.suspend(() => {
        const load = loads.begin(address, fence, changes)
        return load === undefined
          ? Effect.fail(fenced(address))
          : lanes[load.claim.id % parallelism]!({ address, fence, changes })
      }),
    wakes: (type, limit) => patience.attempt(tables.wakes(type, limit))
  }
})

const migrate = Effect.fnUntraced(function*({ attempt }: PostgresRetry.PostgresRetry) {
  const { found, known } = yield* attempt(PostgresSchema.migrate)
  if (found > known) {
    return yield* new StorageError({
      failure: "Unavailable",
      message: `the tables were made by a later version of effect-tether (their format is ${found}, this one knows ` +
        `${known}). Nothing was changed; update effect-tether`
    })
  }
})
