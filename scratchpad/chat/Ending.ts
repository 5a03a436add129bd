/**
 * How the programs end.
 */
import { Cause, Console, Data, Effect, Exit, Layer, References, Runtime } from "effect"
import { Format } from "./Format.ts"

/** The program has said what went wrong; it ends with exit code 1. */
class Failed extends Data.TaggedError("Failed") {
  override readonly [Runtime.errorReported] = false
}

/** Ends the program with a line about what went wrong. */
export const fail = Effect.fnUntraced(function*(line: string) {
  const { bad } = yield* Format
  yield* Console.error(bad(line))
  return yield* new Failed()
})

/** Ctrl-C is how one leaves, so it is a success. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? onExit(0) : Runtime.defaultTeardown(exit, onExit)

/** Keeps the log out of the conversation, but for what is wrong. */
export const quiet = Layer.succeed(References.MinimumLogLevel, "Warn")
