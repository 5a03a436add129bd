/**
 * What every simulation needs: runs of a seed that are the same each time, the search for a seed that fails, and a failure
 * made small and put into words.
 */
import { Effect, Random, References } from "effect"
import { WebCrypto } from "effect/crypto"
import { TestClock } from "effect/testing"

interface Steps<Step> {
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

/** What a run of a schedule has shown. */
export interface Result<S> {
  readonly schedule: S
  /** What did not hold; empty if all did. */
  readonly violations: ReadonlyArray<string>
  readonly trace: ReadonlyArray<string>
}

/** A system, what is done to it, and what has to hold. */
export interface Simulation<Step, S extends Steps<Step>> {
  /** The schedule of a seed. */
  readonly generate: (seed: number) => S
  /** Runs a schedule to its end and tells what did not hold. */
  readonly run: (schedule: S) => Effect.Effect<Result<S>>
  /** What there is to say of a schedule beside its seed and its steps. */
  readonly summary: (schedule: S) => string
  readonly describe: (step: Step) => string
  /** The arguments of `npm run simulate` that choose this simulation. */
  readonly flags: string
}

/** Secrets that are the same in every run of a seed, short enough to be read in a trace. */
const makeCrypto = () => {
  let made = 0
  const getRandomValues = (bytes: Uint8Array) => {
    made++
    for (let i = 0; i < bytes.length; i++) bytes[i] = made >>> (8 * (bytes.length - 1 - i))
    for (let i = 0; i < bytes.length - 3; i++) bytes[i] = 0
    return bytes
  }
  return { getRandomValues } as Crypto
}

/** Gives a run its own time, randomness and secrets, all from the seed. */
export const repeatable = (seed: number) => <A, E, R>(run: Effect.Effect<A, E, R>) =>
  run.pipe(
    Effect.provideServiceEffect(WebCrypto.WebCrypto, Effect.sync(makeCrypto)),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Random.withSeed(seed),
    Effect.provide(TestClock.layer({ warningDelay: "10 seconds" }), { local: true })
  )

/** The first of so many seeds whose run fails. */
export const findFailure = Effect.fnUntraced(function*<Step, S extends Steps<Step>>(
  { generate, run }: Simulation<Step, S>,
  from: number,
  seeds: number
) {
  for (let seed = from; seed < from + seeds; seed++) {
    const result = yield* run(generate(seed))
    if (result.violations.length > 0) return result
  }
  return undefined
})

/** Leaves out steps as long as the run still fails, with at most `budget` runs. */
const shrink = Effect.fnUntraced(function*<Step, S extends Steps<Step>>(
  { run }: Simulation<Step, S>,
  failed: Result<S>,
  budget = 300
) {
  let best = failed
  let left = budget
  let size = Math.ceil(failed.schedule.steps.length / 2)
  while (size >= 1 && left > 0) {
    let smaller = false
    for (let from = 0; from < best.schedule.steps.length && left > 0;) {
      left--
      const steps = best.schedule.steps.filter((_, i) => i < from || i >= from + size)
      const result = yield* run({ ...best.schedule, steps })
      if (result.violations.length > 0) {
        best = result
        smaller = true
      } else {
        from += size
      }
    }
    if (!smaller || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2)
  }
  return best
})

/** A failed run as a text: how to run it again, its steps, what was wrong, and its trace. */
export const report = <Step, S extends Steps<Step>>(
  { describe, flags, summary }: Simulation<Step, S>,
  { schedule, trace, violations }: Result<S>
): string =>
  [
    `seed ${schedule.seed}, ${summary(schedule)}`,
    `again: npm run simulate -- ${flags}--from ${schedule.seed} --seeds 1`,
    ...schedule.steps.map(describe),
    "what was wrong:",
    ...violations.slice(0, 10).map((violation) => `  ${violation}`),
    "trace:",
    ...trace
  ].join("\n").replaceAll(/A{18,}/g, "")

/** The report of a failed run after all steps were left out that it does not need. */
export const explain = <Step, S extends Steps<Step>>(
  simulation: Simulation<Step, S>,
  failed: Result<S>
): Effect.Effect<string> => Effect.map(shrink(simulation, failed), (smallest) => report(simulation, smallest))

/** Dies with a report unless so many seeds hold. */
export const holds = Effect.fnUntraced(function*<Step, S extends Steps<Step>>(
  simulation: Simulation<Step, S>,
  from: number,
  seeds: number
) {
  const failed = yield* findFailure(simulation, from, seeds)
  if (failed !== undefined) return yield* Effect.die(new Error(yield* explain(simulation, failed)))
})
