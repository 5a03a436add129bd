/**
 * How 10,000 clients of a restarted server come back by the default policy: a histogram of their dials.
 * `npm run simulate:backoff -- --clients 10000 --seed 1`.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Duration, Effect, Random, Schedule } from "effect"
import { Command, Flag } from "effect/cli"
import { Reconnect } from "../../src/index.ts"

const lost: Reconnect.Lost = { cause: "the server restarted", attempt: 1, connectedFor: Duration.zero }

/** The times of one client's dials while the server stays away, in milliseconds. */
const dialTimes = Effect.fnUntraced(function*(until: number) {
  const step = yield* Schedule.toStep(Reconnect.policy)
  const times: Array<number> = []
  for (let now = 0; now < until;) {
    const [, delay] = yield* step(now, lost)
    now += Duration.toMillis(delay)
    times.push(now)
  }
  return times
})

const toBins = (times: ReadonlyArray<number>, from: number, until: number, width: number): ReadonlyArray<number> => {
  const bins = Array.from({ length: Math.ceil((until - from) / width) }, () => 0)
  for (const time of times) {
    if (time >= from && time < until) bins[Math.floor((time - from) / width)]!++
  }
  return bins
}

const toRows = (bins: ReadonlyArray<number>, total: number, from: number, width: number): string => {
  const highest = Math.max(...bins)
  return bins.map((count, i) => {
    const share = (100 * count / total).toFixed(1).padStart(5)
    const bar = "#".repeat(Math.round(50 * count / highest))
    return `${((from + i * width) / 1000).toFixed(1).padStart(6)} s ${share} % ${bar}`
  }).join("\n")
}

const backoff = Effect.fnUntraced(function*({ clients, seed }: { readonly clients: number; readonly seed: number }) {
  const times = (yield* Effect.forEach(Array.from({ length: clients }), () => dialTimes(120_000)).pipe(
    Random.withSeed(seed)
  )).flat()
  const first = toBins(times, 0, 5_000, 100)
  const dialsOfFirst = first.reduce((sum, count) => sum + count, 0)
  const late = toBins(times, 60_000, 120_000, 100)
  const dialsOfLate = late.reduce((sum, count) => sum + count, 0)
  yield* Console.log(
    `${clients} clients lost their server at once; it stays away.\nDials in the first 5 seconds, by 100 ms:\n`
  )
  yield* Console.log(toRows(first, dialsOfFirst, 0, 100))
  yield* Console.log(`\nDials from 60 to 120 seconds, by 5 s:\n`)
  yield* Console.log(toRows(toBins(times, 60_000, 120_000, 5_000), dialsOfLate, 60_000, 5_000))
  const worst = 100 * Math.max(...first) / dialsOfFirst
  const worstLate = 100 * Math.max(...late) / dialsOfLate
  yield* Console.log(
    `\nLargest 100 ms: ${worst.toFixed(1)} % of the first 5 s (12 % allowed), `
      + `${worstLate.toFixed(2)} % after 60 s (2 % allowed).`
  )
})

Command.make("backoff", {
  clients: Flag.Int("clients").pipe(Flag.withDefault(10_000), Flag.withDescription("How many clients. Default: 10000")),
  seed: Flag.Int("seed").pipe(Flag.withDefault(1), Flag.withDescription("The seed of their jitter. Default: 1"))
}, backoff).pipe(
  Command.withDescription("Shows when the clients of a restarted server dial"),
  Effect.succeed,
  Effect.flatMap(Command.run({ version: "0.1.0" })),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
