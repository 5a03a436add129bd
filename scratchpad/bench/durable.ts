/**
 * `node scratchpad/bench/durable.ts`: how many commits of durable actors a second are stored, how many calls are answered,
 * one by one and of many actors at once, against plain inserts of `node:sqlite` in the same run; what an actor that sleeps
 * takes, and how long it takes to wake.
 *
 * The rows take turns, run by run; a number is the median of the runs, and ratios are taken within a run. It needs
 * nothing installed here. With `DATABASE_URL` PostgreSQL is measured too, in tables of that database.
 */
import { PgClient } from "@effect/sql-pg"
import { Layer, Redacted } from "effect"
import { rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { parseArgs } from "node:util"
import { ActorStorage } from "../../src/index.ts"
import * as PostgresStorage from "../../src/PostgresStorage.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { calls, sleeping } from "./durable/Calls.ts"
import { bytesEach, commits, plain, type Synchronous } from "./durable/Commits.ts"
import * as Setting from "./durable/Setting.ts"
import * as Machine from "./machine.ts"
import { table, write } from "./report.ts"
import { figure, show, spread } from "./stats.ts"

const flags = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    millis: { type: "string" },
    runs: { type: "string" },
    folder: { type: "string", default: tmpdir() },
    out: { type: "string" },
    help: { type: "boolean", default: false }
  }
}).values

if (flags.help) {
  console.log(`node scratchpad/bench/durable.ts [--quick] [--runs 5] [--millis 1500] [--folder DIR] [--out FILE]

  --quick    one short run of each row
  --runs     how often each row is measured
  --millis   how long
  --folder   on which disk the files lie
  --out      where the report goes; without --quick into docs/PERFORMANCE.md, else it is printed`)
  process.exit(0)
}

const runs = Number(flags.runs ?? (flags.quick ? 1 : 5))
const setting = Setting.make(Number(flags.millis ?? (flags.quick ? 300 : 1_500)), flags.folder)
const databaseUrl = process.env["DATABASE_URL"]

const sqlite = (synchronous: Synchronous) => () => SqliteStorage.layer({ filename: setting.newFile(), synchronous })
const postgres = () =>
  PostgresStorage.layer().pipe(
    Layer.provide(PgClient.layer({ url: Redacted.make(databaseUrl!), maxConnections: 10 }))
  )

interface Row {
  readonly name: string
  readonly run: () => number | Promise<number>
  /** The row that it is held against. */
  readonly against?: string
}

const one = "plain inserts, one a transaction, full"
const many = "plain inserts, 100 a transaction, full"
const normal = "plain inserts, one a transaction, normal"

const plural = (count: number, what: string) => `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`

const inserts: ReadonlyArray<Row> = [
  { name: one, run: plain(setting, "full", 1) },
  { name: many, run: plain(setting, "full", 100) },
  { name: normal, run: plain(setting, "normal", 1) }
]

const commitRows: ReadonlyArray<Row> = [
  ...[1, 10, 100, 1_000].map((actors): Row => ({
    name: `SqliteStorage, ${plural(actors, "actor")}, full`,
    run: commits(setting, sqlite("full"), actors),
    against: actors === 1 ? one : many
  })),
  ...[1, 100].map((actors): Row => ({
    name: `SqliteStorage, ${plural(actors, "actor")}, normal`,
    run: commits(setting, sqlite("normal"), actors),
    against: normal
  })),
  ...[1, 100].map((actors): Row => ({
    name: `in memory, ${plural(actors, "actor")}`,
    run: commits(setting, () => ActorStorage.layerMemory, actors)
  })),
  ...(databaseUrl === undefined ? [] : [1, 10, 100, 1_000]).map((actors): Row => ({
    name: `PostgresStorage, ${plural(actors, "actor")}`,
    run: commits(setting, postgres, actors)
  }))
]

const loads = [
  { actors: 1, inFlight: 1 },
  { actors: 1, inFlight: 100 },
  { actors: 100, inFlight: 1 },
  { actors: 100, inFlight: 10 }
]

const callRowsOf = (load: (typeof loads)[number]): ReadonlyArray<Row> => {
  const each = load.actors === 1 ? "" : " each"
  const name = `${plural(load.actors, "actor")}, ${plural(load.inFlight, "call")} in flight${each}`
  const inMemory = `not durable, ${name}`
  const local: ReadonlyArray<Row> = [
    { name: inMemory, run: calls(setting, undefined, load) },
    {
      name: `SqliteStorage, ${name}, full`,
      run: calls(setting, sqlite("full"), load),
      against: load.actors * load.inFlight === 1 ? one : many
    },
    { name: `SqliteStorage, ${name}, normal`, run: calls(setting, sqlite("normal"), load), against: inMemory }
  ]
  return databaseUrl === undefined
    ? local
    : local.concat({ name: `PostgresStorage, ${name}`, run: calls(setting, postgres, load) })
}

const callRows = loads.flatMap(callRowsOf)

const rows = [...inserts, ...commitRows, ...callRows]
const results = new Map<string, Array<number>>(rows.map(({ name }) => [name, []]))

const tableOf = (unit: string, chosen: ReadonlyArray<Row>): string =>
  table(
    ["", unit, "of"],
    chosen.map(({ against, name }) => {
      const own = results.get(name)!
      return [
        name,
        show(spread(own)),
        against === undefined
          ? ""
          : `${show(spread(own.map((value, run) => value / results.get(against)![run]!)))} of ${against}`
      ]
    })
  )

const marks = {
  begin: "<!-- durable: what stands between these marks is written by `node scratchpad/bench/durable.ts` -->",
  end: "<!-- /durable -->"
}

const render = async (machine: ReturnType<typeof Machine.describe>): Promise<string> => {
  const count = flags.quick ? 1_000 : 10_000
  const bytes = await bytesEach(setting, count)
  const { asleep, awake, heap } = await sleeping(setting, count)
  return [
    marks.begin,
    "## Durable actors",
    ...(flags.quick ? ["**This was a quick run: few runs, short ones. Don't cite it.**"] : []),
    table(["", ""], machine.filter(([name]) => name !== "peers")).replaceAll("---:", "---"),
    `Each row stores a state of ${Setting.state.length} bytes and a reply of ${Setting.reply.length}. Plain inserts are`
    + " `node:sqlite` alone: one row with both, in WAL mode, never changed or removed. A commit of a storage writes the"
    + " state in the place of the last one, adds the reply and removes the one before; each actor has one commit at a time."
    + " `full` waits for the disk, `normal` does not.",
    tableOf("inserts/s", inserts),
    tableOf("commits/s", commitRows),
    "Calls are counted from a client to its reply, all in one process over a network in memory: encoding, session,"
    + " handler, commit, and the way back.",
    tableOf("calls/s", callRows),
    `An actor that sleeps takes ${figure(bytes)} bytes of the file for its ${
      Setting.state.length + Setting.reply.length
    } bytes of state and reply, and ${figure(Math.max(0, heap))} bytes of memory. A call to it by server`
    + ` code takes ${figure(asleep)} µs, with all that it takes to wake it; to one that is awake ${figure(awake)} µs.`,
    marks.end
  ].join("\n\n") + "\n"
}

try {
  const machine = Machine.describe()
  console.log(`about ${Math.round(rows.length * runs * (setting.millis / 1000 + 0.2) + 5)} s`)
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[(i + run) % rows.length]!
      results.get(row.name)!.push(await row.run())
    }
  }
  const report = await render(machine)
  const out = flags.out ?? (flags.quick ? undefined : new URL("../../docs/PERFORMANCE.md", import.meta.url).pathname)
  if (out === undefined) {
    console.log(`\n${report}`)
  } else {
    write(out, report, marks)
    console.log(`\nwritten to ${out}`)
  }
} finally {
  rmSync(setting.folder, { recursive: true, force: true })
}
