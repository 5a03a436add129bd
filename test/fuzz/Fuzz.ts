/**
 * The fuzzers, by the names under which a failure is reported and repeated.
 */
import { Effect, Exit } from "effect"
import * as Decoding from "./Decoding.ts"
import * as Dialling from "./Dialling.ts"
import * as Serving from "./Serving.ts"

/** Runs about `inputs` messages from a seed on; returns what went wrong. */
export type Fuzzer = (seed: number, inputs: number) => Effect.Effect<Serving.Failure | undefined>

const decode = (seed: number): string | undefined => {
  const input = Decoding.generate(seed)
  const wrong = Decoding.check(input)
  return wrong === undefined ? undefined : `${wrong}: ${input.side} ${JSON.stringify(input.message)}`
}

/** Here each input has a seed of its own. */
const decoding: Fuzzer = (seed, inputs) =>
  Effect.sync(() => {
    for (let n = seed; n < seed + inputs; n++) {
      const exit = Effect.runSyncExit(Effect.sync(() => decode(n)))
      if (Exit.isFailure(exit)) return { seed: n, message: `thrown: ${String(exit.cause)}` }
      if (exit.value !== undefined) return { seed: n, message: exit.value }
    }
    return undefined
  })

/** By name. */
export const fuzzers = {
  decoding,
  serving: Serving.run(false),
  durable: Serving.run(true),
  dialling: Dialling.run
} satisfies Record<string, Fuzzer>
