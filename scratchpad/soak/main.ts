/**
 * Thousands of clients for as long as one likes: `npm run soak -- --minutes 10 --clients 2000`. They live in this
 * process, the server in another. Twice all leave: after a first lap, to learn what an empty house holds, and at the end,
 * when it must hold no more. Ends with 1 where something has grown or the counts disagree. With `--durable` the actors
 * are stored in a file.
 */
import { Array, Clock, Console, Effect, Fiber, FileSystem } from "effect"
import { Command, Flag } from "effect/cli"
import { DatabaseSync } from "node:sqlite"
import { Falsified, runMain } from "../Falsified.ts"
import * as Plot from "./Plot.ts"
import * as Runner from "./Runner.ts"
import * as Talk from "./Talk.ts"
import * as Vitals from "./Vitals.ts"

interface Sample {
  readonly server: Vitals.Vitals
  readonly clients: Vitals.Vitals
  readonly listed: number
}

const sampleEvery = "5 seconds"

/** What is kept for good is made in the first lap, and what is measured may waver. */
const tolerance = { heap: 1.15, heapBytes: 3_000_000, rss: 1.35, rssBytes: 40_000_000, others: 8 }

const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(0)} MB`

const take = Effect.fnUntraced(function*(server: Talk.Server) {
  const { errors = 0, listed = 0, vitals } = yield* server.ask("vitals")
  if (errors > 0) return yield* new Falsified({ message: `the server has logged ${errors} errors` })
  return { server: vitals!, clients: yield* Vitals.take, listed }
})

/** All run until the time is over, then all are gone. */
const lap = Effect.fnUntraced(function*(
  server: Talk.Server,
  tallies: ReadonlyArray<Runner.Tally>,
  seconds: number,
  onSample: (sample: Sample) => Effect.Effect<void>
) {
  let isOver = false
  const url = `ws://127.0.0.1:${server.port}/actors`
  const runners = yield* Effect.forEach(tallies, (tally, runner) => Runner.runOn(runner, tally, url, () => isOver), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.forkChild)
  const sampling = yield* Effect.sleep(sampleEvery).pipe(
    Effect.andThen(take(server)),
    Effect.flatMap(onSample),
    Effect.forever,
    Effect.forkChild
  )
  yield* Effect.raceFirst(Effect.sleep(seconds * 1_000), Fiber.join(sampling))
  isOver = true
  yield* Fiber.join(runners)
  yield* Fiber.interrupt(sampling)
  yield* server.ask("actors").pipe(
    Effect.tap(Effect.sleep("500 millis")),
    Effect.repeat({ until: ({ actors }) => actors === 0 }),
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(new Falsified({ message: "actors live on although everybody has left" }))
    })
  )
  // Sockets that were torn and timers that have run out go with the next turns of both.
  yield* Effect.sleep("3 seconds")
  yield* take(server)
  return yield* take(server)
})

const compare = (side: "server" | "clients", before: Vitals.Vitals, after: Vitals.Vitals): ReadonlyArray<string> => {
  const grown: Array<string> = []
  const check = (name: keyof Vitals.Vitals, allowed: number, format: (value: number) => string) => {
    if (after[name] > allowed) {
      grown.push(`${name} of the ${side}: ${format(before[name])}, then ${format(after[name])}`)
    }
  }
  check("heap", before.heap * tolerance.heap + tolerance.heapBytes, megabytes)
  check("rss", before.rss * tolerance.rss + tolerance.rssBytes, megabytes)
  for (const name of ["fibers", "timers", "sockets", "files"] as const) {
    check(name, before[name] + tolerance.others, String)
  }
  return grown
}

const checkModel = Effect.fnUntraced(function*(server: Talk.Server, tallies: ReadonlyArray<Runner.Tally>) {
  const { steps = [] } = yield* server.ask("steps")
  const counted = new Map(steps)
  return tallies.flatMap(({ maybe, sure }, runner) => {
    const count = counted.get(runner) ?? 0
    return count >= sure && count <= sure + maybe
      ? []
      : [`runner ${runner}: ${sure} steps were answered, ${maybe} perhaps ran, and ${count} did`]
  })
})

/** What is left in the file of the server, which it has for itself while it runs. */
const checkFile = Effect.fnUntraced(function*(server: Talk.Server, filename: string | undefined) {
  yield* server.stop
  if (filename === undefined) return []
  const database = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(filename)),
    (database) => Effect.sync(() => database.close())
  )
  return ["connection", "journal"].flatMap((table) => {
    const rows = database.prepare(`SELECT * FROM ${table}`).all()
    return rows.length === 0 ? [] : [`${rows.length} rows are left in the table ${table}`]
  })
})

const row = (name: string, before: Vitals.Vitals, after: Vitals.Vitals): string => {
  const pair = (field: keyof Vitals.Vitals, format: (value: number) => string) =>
    `${field} ${format(before[field])} > ${format(after[field])}`
  return `${name.padEnd(8)} ${
    [
      pair("heap", megabytes),
      pair("rss", megabytes),
      ...(["fibers", "timers", "sockets", "files"] as const).map((field) => pair(field, String))
    ].join(", ")
  }`
}

/** A line now and then, for those who wait. */
const makeProgress = Effect.map(Clock.currentTimeMillis, (start) => {
  let said = 0
  return ({ clients, listed, server }: Sample) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (now - said < 30_000) return Effect.void
      said = now
      const memory = `heap ${megabytes(server.heap)} on the server, ${megabytes(clients.heap)} in the clients`
      return Console.log(`${Math.round((now - start) / 1_000)} s: ${listed} connections, ${memory}`)
    })
})

const soak = Effect.fnUntraced(
  function*({ clients, durable, minutes }: {
    readonly clients: number
    readonly durable: boolean
    readonly minutes: number
  }) {
    if (globalThis.gc === undefined) return yield* new Falsified({ message: "run it with --expose-gc" })
    const folder = yield* Effect.orDie((yield* FileSystem.FileSystem).makeTempDirectoryScoped({ prefix: "soak-" }))
    const filename = durable ? `${folder}/soak.db` : undefined
    const server = yield* Talk.start(filename)
    const progress = yield* makeProgress
    const tallies = Array.makeBy(clients, (): Runner.Tally => ({ sure: 0, maybe: 0 }))
    const samples: Array<Sample> = []
    const seconds = minutes * 60
    yield* Console.log(
      `${clients} clients, one lap of ${Math.round(seconds / 4)} s and one of ${Math.round(seconds * 3 / 4)} s.`
    )
    const before = yield* lap(server, tallies, seconds / 4, progress)
    const after = yield* lap(server, tallies, seconds * 3 / 4, (sample) => {
      samples.push(sample)
      return progress(sample)
    })

    for (const side of ["server", "clients"] as const) {
      yield* Console.log(`\n${Plot.draw(`heap of the ${side}`, samples.map((sample) => sample[side].heap), megabytes)}`)
    }
    yield* Console.log(`\n${Plot.draw("connections listed", samples.map(({ listed }) => listed), String)}`)
    yield* Console.log(
      `\n${Object.entries(Runner.events).map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ")}`
    )
    const sure = tallies.reduce((sum, tally) => sum + tally.sure, 0)
    yield* Console.log(
      `${sure.toLocaleString("en")} steps were answered.\nAn empty house, after the first lap and at the end:`
    )
    yield* Console.log(row("server", before.server, after.server))
    yield* Console.log(row("clients", before.clients, after.clients))
    const most = Math.max(0, ...samples.map(({ listed }) => listed))
    const wrong = [
      ...(most >= clients / 2
        ? []
        : [`no more than ${most} of ${clients} clients were connected at a time: the machine is too slow for them`]),
      ...compare("server", before.server, after.server),
      ...compare("clients", before.clients, after.clients),
      ...(after.listed === 0 ? [] : [`${after.listed} connections are listed`]),
      ...(yield* checkModel(server, tallies)),
      ...(yield* checkFile(server, filename))
    ]
    if (wrong.length > 0) return yield* new Falsified({ message: wrong.slice(0, 10).join("\n") })
    yield* Console.log("\nLevel, empty, and the counts agree.")
  },
  Effect.scoped,
  Vitals.countFibers
)

Command.make("soak", {
  minutes: Flag.Finite("minutes").pipe(Flag.withDefault(10), Flag.withDescription("How long. Default: 10")),
  clients: Flag.Int("clients").pipe(Flag.withDefault(2_000), Flag.withDescription("How many at a time. Default: 2000")),
  durable: Flag.Boolean("durable").pipe(Flag.withDefault(false), Flag.withDescription("Store the actors in a file"))
}, soak).pipe(Command.withDescription("Runs thousands of clients and looks for what grows"), runMain)
