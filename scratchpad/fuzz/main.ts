/**
 * Runs the fuzzers of `test/fuzz`: `npm run fuzz -- --inputs 1000000 --seed 1`. At a failure it prints the seed that
 * repeats it, and ends with 1.
 */
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { type Fuzzer, fuzzers } from "../../test/fuzz/Fuzz.ts"
import { Falsified, runMain } from "../Falsified.ts"

/** Messages of one run of a fuzzer; each has a host, or a server and its clients, of its own. */
const runs = { decoding: 10_000, serving: 200, durable: 200, dialling: 200 }

/** How the inputs are shared out where all fuzzers run. */
const shares = { decoding: 0.9, serving: 0.04, durable: 0.02, dialling: 0.04 }

type Name = keyof typeof fuzzers

const names = ["decoding", "serving", "durable", "dialling"] as const

const runOne = Effect.fnUntraced(function*(name: Name, inputs: number, seed: number) {
  const fuzz: Fuzzer = fuzzers[name]
  const step = name === "decoding" ? runs[name] : 1
  let done = 0
  let reported = 0
  for (let next = seed; done < inputs; next += step) {
    const failure = yield* fuzz(next, Math.min(runs[name], inputs - done))
    if (failure !== undefined) {
      return yield* new Falsified({ message: `${name}, seed ${failure.seed}: ${failure.message}` })
    }
    done += Math.min(runs[name], inputs - done)
    if (done - reported < inputs / 10 && done < inputs) continue
    reported = done
    yield* Console.log(`${name}: ${done.toLocaleString("en")} of ${inputs.toLocaleString("en")} messages hold`)
  }
})

const fuzz = Effect.fnUntraced(function*({ inputs, only, seed }: {
  readonly inputs: number
  readonly only: Name | "all"
  readonly seed: number
}) {
  for (const name of names) {
    if (only === "all") yield* runOne(name, Math.ceil(inputs * shares[name]), seed)
    else if (only === name) yield* runOne(name, inputs, seed)
  }
  yield* Console.log(`All ${inputs.toLocaleString("en")} messages from seed ${seed} on hold.`)
})

Command.make("fuzz", {
  inputs: Flag.Int("inputs").pipe(
    Flag.withDefault(1_000_000),
    Flag.withDescription("How many messages. Default: 1000000")
  ),
  seed: Flag.Int("seed").pipe(Flag.withDefault(1), Flag.withDescription("The first seed. Default: 1")),
  only: Flag.Literals("only", [...names, "all"]).pipe(
    Flag.withDefault("all" as const),
    Flag.withDescription(
      "One fuzzer: decoding (90 % of all), serving (4 %), durable (2 %) or dialling (4 %). Default: all"
    )
  )
}, fuzz).pipe(Command.withDescription("Says to decoders, hosts and clients what nobody should say"), runMain)
