/**
 * Runs the simulation for as many seeds as asked: `npm run simulate -- --seeds 100000 --from 1`; with `--durable` that of
 * durable actors under crashes and failing storage, with `--yields 31` one whose fibers yield that often. At a failure it
 * makes the schedule smaller, prints it with its trace, and ends with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect, Scheduler } from "effect"
import { Command, Flag } from "effect/cli"
import * as DurableSchedule from "../../test/simulation/durable/DurableSchedule.ts"
import * as DurableSimulation from "../../test/simulation/durable/DurableSimulation.ts"
import * as Schedule from "../../test/simulation/Schedule.ts"
import * as Simulation from "../../test/simulation/Simulation.ts"

class Falsified extends Data.TaggedError("Falsified")<{ readonly message: string }> {}

/** Seeds between two lines of progress. */
const progressEvery = 250

/** Runs a seed; tells of a failure. */
const runPlain = Effect.fnUntraced(function*(seed: number) {
  const result = yield* Simulation.run(Schedule.generate(seed))
  return result.violations.length === 0 ? undefined : Effect.map(Simulation.shrink(result), Simulation.report)
})

const runDurable = Effect.fnUntraced(function*(seed: number) {
  const result = yield* DurableSimulation.run(DurableSchedule.generate(seed))
  return result.violations.length === 0
    ? undefined
    : Effect.map(DurableSimulation.shrink(result), DurableSimulation.report)
})

const simulate = Effect.fnUntraced(
  function*({ durable, from, seeds }: { readonly from: number; readonly seeds: number; readonly durable: boolean }) {
    const run = durable ? runDurable : runPlain
    for (let done = 0; done < seeds; done++) {
      const failure = yield* run(from + done)
      if (failure !== undefined) {
        yield* Console.error(`seed ${from + done} fails; making it smaller`)
        return yield* new Falsified({ message: yield* failure })
      }
      if ((done + 1) % progressEvery === 0) yield* Console.log(`${done + 1} of ${seeds} seeds hold`)
    }
    yield* Console.log(`All ${seeds} seeds from ${from} on hold.`)
  }
)

const command = Command.make("simulate", {
  seeds: Flag.Int("seeds").pipe(Flag.withDefault(1_000), Flag.withDescription("How many seeds to run. Default: 1000")),
  from: Flag.Int("from").pipe(Flag.withDefault(1), Flag.withDescription("The first seed. Default: 1")),
  yields: Flag.Int("yields").pipe(
    Flag.withDefault(2_048),
    Flag.withDescription("After how many operations a fiber lets others run. Default: 2048")
  ),
  durable: Flag.Boolean("durable").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Durable actors under crashes and failing storage")
  )
}, ({ yields, ...options }) => Effect.provideService(simulate(options), Scheduler.MaxOpsBeforeYield, yields)).pipe(
  Command.withDescription("Runs whole systems of clients and actors against a model, seed by seed")
)

command.pipe(
  Effect.succeed,
  Effect.flatMap(Command.run({ version: "0.1.0" })),
  Effect.catchTag("Falsified", ({ message }) =>
    Effect.andThen(
      Console.error(message),
      Effect.sync(() => {
        process.exitCode = 1
      })
    )),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
