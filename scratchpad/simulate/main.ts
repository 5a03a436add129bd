/**
 * Runs the simulation for as many seeds as asked: `npm run simulate -- --seeds 100000 --from 1`; with `--durable` that of
 * durable actors under crashes and failing storage, with `--yields 31` one whose fibers yield that often. At a failure it
 * makes the schedule smaller, prints it with its trace, and ends with 1.
 */
import { Console, Effect, Scheduler } from "effect"
import { Command, Flag } from "effect/cli"
import * as Durable from "../../test/simulation/durable/DurableSimulation.ts"
import * as Seeded from "../../test/simulation/Seeded.ts"
import * as Simulation from "../../test/simulation/Simulation.ts"
import { Falsified, runMain } from "../Falsified.ts"

/** Seeds between two lines of progress. */
const progressEvery = 250

const simulate = Effect.fnUntraced(
  function*<Step, S extends { readonly seed: number; readonly steps: ReadonlyArray<Step> }>(
    simulation: Seeded.Simulation<Step, S>,
    { from, seeds }: { readonly from: number; readonly seeds: number }
  ) {
    for (let done = 0; done < seeds;) {
      const part = Math.min(progressEvery, seeds - done)
      const failed = yield* Seeded.findFailure(simulation, from + done, part)
      if (failed !== undefined) {
        yield* Console.error(`seed ${failed.schedule.seed} fails; making it smaller`)
        return yield* new Falsified({ message: yield* Seeded.explain(simulation, failed) })
      }
      done += part
      if (done % progressEvery === 0) yield* Console.log(`${done} of ${seeds} seeds hold`)
    }
    yield* Console.log(`All ${seeds} seeds from ${from} on hold.`)
  }
)

Command.make(
  "simulate",
  {
    seeds: Flag.Int("seeds").pipe(
      Flag.withDefault(1_000),
      Flag.withDescription("How many seeds to run. Default: 1000")
    ),
    from: Flag.Int("from").pipe(Flag.withDefault(1), Flag.withDescription("The first seed. Default: 1")),
    yields: Flag.Int("yields").pipe(
      Flag.withDefault(2_048),
      Flag.withDescription("After how many operations a fiber lets others run. Default: 2048")
    ),
    durable: Flag.Boolean("durable").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Durable actors under crashes and failing storage")
    )
  },
  ({ durable, yields, ...options }) =>
    (durable ? simulate(Durable.simulation, options) : simulate(Simulation.simulation, options)).pipe(
      Effect.provideService(Scheduler.MaxOpsBeforeYield, yields)
    )
).pipe(
  Command.withDescription("Runs whole systems of clients and actors against a model, seed by seed"),
  runMain
)
