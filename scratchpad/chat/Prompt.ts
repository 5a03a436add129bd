/**
 * The terminal of somebody who takes part: lines come in below while others are typed.
 */
import { type Cause, Effect, Queue, type Scope, Stream } from "effect"
import { TerminalCapabilities } from "effect/cli"
import * as Readline from "node:readline"

export interface Prompt {
  /** What is typed, line by line, until Ctrl-C, Ctrl-D or the end of the input. */
  readonly lines: Stream.Stream<string>
  /** Prints a line; what is being typed stays below. */
  readonly print: (line: string) => Effect.Effect<void>
  /** Shows the line before what is being typed. Where nobody types it is printed. */
  readonly status: (line: string) => Effect.Effect<void>
  /** Whether somebody types and sees it. */
  readonly interactive: boolean
}

const eraseLine = "\r\u001b[K"
const eraseLineAbove = "\u001b[1A\u001b[2K"

/** Takes the terminal until the scope closes. */
export const make: Effect.Effect<Prompt, never, Scope.Scope> = Effect.gen(function*() {
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  const { stdin, stdout } = process
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  let open = true
  const readline = yield* Effect.acquireRelease(
    Effect.sync(() => Readline.createInterface({ input: stdin, ...(canPrompt ? { output: stdout } : {}) })),
    (readline) =>
      Effect.sync(() => {
        readline.close()
        if (canPrompt) stdout.write(eraseLine)
      })
  )
  readline.on("line", (line) => {
    // A message is shown when the room has it, so the typed one must not stay above it.
    if (canPrompt) stdout.write(eraseLineAbove)
    Queue.offerUnsafe(lines, line)
  })
  readline.on("close", () => {
    open = false
    Queue.endUnsafe(lines)
  })

  const print = (line: string) =>
    Effect.sync(() => {
      stdout.write(`${canPrompt ? eraseLine : ""}${line}\n`)
      if (canPrompt && open) readline.prompt(true)
    })
  const status = (line: string) =>
    Effect.sync(() => {
      if (!open) return
      readline.setPrompt(`${line} > `)
      readline.prompt(true)
    })
  return {
    lines: Stream.fromQueue(lines),
    print,
    status: canPrompt ? status : print,
    interactive: canPrompt
  }
})
