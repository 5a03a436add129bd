/**
 * Runs the simulation for as many seeds as asked: `npm run simulate -- --seeds 100000 --from 1`. At a failure it makes
 * the schedule smaller, prints it with its trace, and ends with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Schedule from "../../test/simulation/Schedule.ts"
import * as Simulation from "../../test/simulation/Simulation.ts"

class Falsified extends Data.TaggedError("Falsified")<{ readonly message: string }> {}

/** Seeds between two lines of progress. */
const progressEvery = 250

const simulate = Effect.fnUntraced(function*({ from, seeds }: { readonly from: number; readonly seeds: number }) {
  for (let done = 0; done < seeds; done++) {
    const result = yield* Simulation.run(Schedule.generate(from + done))
    if (result.violations.length > 0) {
      yield* Console.error(`seed ${from + done} fails; making it smaller`)
      return yield* new Falsified({ message: Simulation.report(yield* Simulation.shrink(result)) })
    }
    if ((done + 1) % progressEvery === 0) yield* Console.log(`${done + 1} of ${seeds} seeds hold`)
  }
  yield* Console.log(`All ${seeds} seeds from ${from} on hold.`)
})

const command = Command.make("simulate", {
  seeds: Flag.Int("seeds").pipe(Flag.withDefault(1_000), Flag.withDescription("How many seeds to run. Default: 1000")),
  from: Flag.Int("from").pipe(Flag.withDefault(1), Flag.withDescription("The first seed. Default: 1"))
}, simulate).pipe(Command.withDescription("Runs whole systems of clients and actors against a model, seed by seed"))

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
