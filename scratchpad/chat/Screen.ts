/**
 * The terminal that the story is told in: lines, and below them one line that changes.
 */
import { Context, Effect, Exit, Layer, Ref, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"

export class Screen extends Context.Service<Screen, {
  /** Prints a line. */
  readonly print: (line: string) => Effect.Effect<void>
  /** Shows what changes often below the lines until the next call. Where that cannot be done it is printed. */
  readonly status: (line: string) => Effect.Effect<void>
  /** Takes the status line away. */
  readonly clear: Effect.Effect<void>
  /** Whether a line can be written over, as by somebody who watches. */
  readonly animated: boolean
  /** Time to read; none where nobody watches. */
  readonly pause: Effect.Effect<void>
}>()("effect-tether/scratchpad/chat/Screen") {}

const eraseLine = "\r\u001b[K"

export const layer = Layer.effect(
  Screen,
  Effect.gen(function*() {
    const terminal = yield* Terminal.Terminal
    const { canAnimate } = yield* TerminalCapabilities.TerminalCapabilities
    const display = (text: string) => Effect.orDie(terminal.display(text))
    const print = (line: string) => display(`${line}\n`)
    if (!canAnimate) {
      return Screen.of({ print, status: print, clear: Effect.void, animated: false, pause: Effect.void })
    }
    // So that the shell does not go on behind the ^C.
    yield* Effect.addFinalizer((exit) => Exit.hasInterrupts(exit) ? display("\n") : Effect.void)
    const shown = yield* Ref.make("")
    const status = (line: string) => Effect.andThen(Ref.set(shown, line), display(eraseLine + line))
    return Screen.of({
      print: (line) => Effect.flatMap(Ref.get(shown), (status) => display(`${eraseLine}${line}\n${status}`)),
      status,
      clear: status(""),
      animated: true,
      pause: Effect.sleep("220 millis")
    })
  })
)
