/**
 * The end of programs that look for what does not hold: what they found is their last word, and they end with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect } from "effect"
import { Command } from "effect/cli"

/** Something does not hold; the message says what, and how to see it again. */
export class Falsified extends Data.TaggedError("Falsified")<{ readonly message: string }> {}

/** Runs the command with the arguments of the process. */
export const runMain = <Name extends string, Input, Context>(
  command: Command.Command<Name, Input, Context, Falsified, Command.Environment>
): void =>
  command.pipe(
    Command.run({ version: "0.1.0" }),
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
