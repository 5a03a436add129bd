/**
 * `node scratchpad/bench/durable.ts`: how many commits of durable actors a second are stored, one by one and of many
 * actors at once, against plain inserts of `node:sqlite` in the same run; the bytes of a stored actor; the time of a load.
 *
 * The rows take turns, run by run; a number is the median of the runs, and ratios are taken within a run. It needs
 * nothing installed here. With `DATABASE_URL` PostgreSQL is measured too, in tables of that database.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseArgs } from "node:util"
import { ActorStorage } from "../../src/index.ts"
import * as PostgresStorage from "../../src/PostgresStorage.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import * as Machine from "./machine.ts"
import { figure, show, spread } from "./stats.ts"

const flags = parseArgs({
  options: {
    millis: { type: "string", default: "1500" },
    runs: { type: "string", default: "5" },
    folder: { type: "string", default: tmpdir() }
  }
}).values
const millis = Number(flags.millis)
const runs = Number(flags.runs)
const folder = mkdtempSync(join(flags.folder, "bench-durable-"))
const databaseUrl = process.env["DATABASE_URL"]

type Synchronous = "full" | "normal"

/** What an actor of a chat room might store with one call: a state of 200 bytes, and a reply of 100. */
const state = JSON.stringify({ text: "x".repeat(189) })
const reply = JSON.stringify({ reply: "y".repeat(88) })

let files = 0
const newFile = () => join(folder, `${files++}.db`)

/** Does `once` for so long, and tells how often a second; `once` says how much it has done. */
const rate = async (once: () => number | Promise<number>): Promise<number> => {
  const start = performance.now()
  let done = 0
  while (performance.now() - start < millis) done += await once()
  return done / (performance.now() - start) * 1000
}

const plain = (synchronous: Synchronous, perTransaction: number) => async () => {
  const database = new DatabaseSync(newFile())
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
    CREATE TABLE entry (id INTEGER PRIMARY KEY, state TEXT, reply TEXT)`)
  const insert = database.prepare("INSERT INTO entry (state, reply) VALUES (?, ?)")
  const result = await rate(() => {
    if (perTransaction > 1) database.exec("BEGIN")
    for (let i = 0; i < perTransaction; i++) insert.run(state, reply)
    if (perTransaction > 1) database.exec("COMMIT")
    return perTransaction
  })
  database.close()
  return result
}

const layers = {
  sqlite: (synchronous: Synchronous) => SqliteStorage.layer({ filename: newFile(), synchronous }),
  postgres: () =>
    PostgresStorage.layer().pipe(
      Layer.provide(PgClient.layer({ url: Redacted.make(databaseUrl!), maxConnections: 10 }))
    )
}

type StorageLayer = Layer.Layer<ActorStorage.ActorStorage, unknown>

const using = async <A>(
  layer: StorageLayer,
  use: (storage: ActorStorage.ActorStorage["Service"]) => Effect.Effect<A, unknown>
) => {
  const runtime = ManagedRuntime.make(layer)
  try {
    return await runtime.runPromise(Effect.flatMap(ActorStorage.ActorStorage, use))
  } finally {
    await runtime.dispose()
  }
}

const changes = (call: number): ActorStorage.Changes => ({
  state: { version: 1, value: state },
  connections: new Map(),
  answered: [{ connection: "c", call, reply }],
  trimmed: [{ connection: "c", call: call - 1 }],
  alarms: new Map()
})

/** So many actors, each with one commit at a time: state, a reply to keep, and one to forget. */
const commits = (layer: () => StorageLayer, actors: number) => () =>
  using(layer(), (storage) =>
    Effect.scoped(Effect.gen(function*() {
      const loads = yield* Effect.forEach(Array.from({ length: actors }, (_, i) => `${i}`), (key) =>
        Effect.map(storage.load({ type: "Room", key }), ({ fence }) => ({ address: { type: "Room", key }, fence })))
      const start = performance.now()
      let done = 0
      yield* Effect.forEach(loads, ({ address, fence }) =>
        Effect.gen(function*() {
          for (let call = 1; performance.now() - start < millis; call++) {
            yield* storage.commit(address, fence, changes(call))
            done++
          }
        }), { concurrency: "unbounded", discard: true })
      return done / (performance.now() - start) * 1000
    })))

interface Row {
  readonly name: string
  readonly run: () => Promise<number>
  /** The row that it is held against. */
  readonly against?: string
}

const one = "plain inserts, one each, full"
const many = "plain inserts, 100 a transaction, full"
const rows: ReadonlyArray<Row> = [
  { name: one, run: plain("full", 1) },
  { name: many, run: plain("full", 100) },
  { name: "plain inserts, one each, normal", run: plain("normal", 1) },
  ...[1, 10, 100, 1_000].map((actors): Row => ({
    name: `SqliteStorage, ${actors} actors, full`,
    run: commits(() => layers.sqlite("full"), actors),
    against: actors === 1 ? one : many
  })),
  ...[1, 100].map((actors): Row => ({
    name: `SqliteStorage, ${actors} actors, normal`,
    run: commits(() => layers.sqlite("normal"), actors),
    against: "plain inserts, one each, normal"
  })),
  ...[1, 100].map((actors): Row => ({
    name: `in memory, ${actors} actors`,
    run: commits(() => ActorStorage.layerMemory, actors)
  })),
  ...(databaseUrl === undefined ? [] : [1, 10, 100, 1_000]).map((actors): Row => ({
    name: `PostgresStorage, ${actors} actors`,
    run: commits(layers.postgres, actors)
  }))
]

/** Bytes of the file for each of 10,000 actors that sleep, and how long one takes to load. */
const sleeping = async () => {
  const count = 10_000
  const keys = Array.from({ length: count }, (_, i) => `room ${i}`)
  const filename = newFile()
  const layer = SqliteStorage.layer({ filename, synchronous: "normal" })
  await using(layer, (storage) =>
    Effect.forEach(keys, (key) =>
      Effect.scoped(Effect.flatMap(
        storage.load({ type: "Room", key }),
        ({ fence }) => storage.commit({ type: "Room", key }, fence, { ...changes(1), trimmed: [] })
      )), { concurrency: 500, discard: true }))
  const micros = await using(
    SqliteStorage.layer({ filename, synchronous: "normal" }),
    (storage) =>
      Effect.gen(function*() {
        const start = performance.now()
        yield* Effect.forEach(keys, (key) => Effect.scoped(storage.load({ type: "Room", key })), { discard: true })
        return (performance.now() - start) / count * 1000
      })
  )
  return { bytes: statSync(filename).size / count, micros }
}

try {
  console.log(Machine.describe())
  console.log(`about ${Math.round(rows.length * runs * (millis / 1000 + 0.2) + 3)} s`)
  const results = new Map<string, Array<number>>(rows.map(({ name }) => [name, []]))
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[(i + run) % rows.length]!
      results.get(row.name)!.push(await row.run())
    }
  }
  console.log("\n| | commits/s | of |\n| --- | --- | --- |")
  for (const { against, name } of rows) {
    const own = results.get(name)!
    const ratio = against === undefined
      ? ""
      : `${show(spread(own.map((value, run) => value / results.get(against)![run]!)))} of ${against}`
    console.log(`| ${name} | ${show(spread(own))} | ${ratio} |`)
  }
  const { bytes, micros } = await sleeping()
  const content = state.length + reply.length
  console.log(
    `\nA sleeping actor with ${content} bytes of state and reply takes ${figure(bytes)} bytes of the file, `
      + `and ${figure(micros)} µs to load.`
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
