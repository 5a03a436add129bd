/**
 * The nodes as processes, and what they say of themselves.
 */
import { Deferred, Effect, Exit, type Scope } from "effect"
import { fork } from "node:child_process"
import * as Ports from "../Ports.ts"

export interface Node {
  readonly name: string
  readonly url: string
  /** The rooms that live there, as it said last. */
  readonly rooms: () => ReadonlyArray<string>
  readonly signal: (signal: "SIGKILL" | "SIGTERM") => Effect.Effect<void>
  readonly gone: Effect.Effect<void>
}

/** Starts a node; completes when it has shards, and kills it when the scope closes. */
export const start = Effect.fnUntraced(function*(
  name: string,
  databaseUrl: string,
  program = "./Node.ts"
): Effect.fn.Return<Node, never, Scope.Scope> {
  const port = yield* Ports.free
  const args = [name, `${port}`, `${yield* Ports.free}`]
  const gone = yield* Deferred.make<void>()
  const ready = yield* Deferred.make<void>()
  let rooms: ReadonlyArray<string> = []
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(new URL(program, import.meta.url), args, {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        env: { ...process.env, DATABASE_URL: databaseUrl },
        // Ctrl-C is for the parent, which ends them in its order.
        detached: true
      })
      child.on("message", (here: ReadonlyArray<string>) => {
        rooms = here
        Deferred.doneUnsafe(ready, Exit.void)
      })
      child.on("exit", () => {
        rooms = []
        Deferred.doneUnsafe(gone, Exit.void)
      })
      return child
    }),
    (child) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), Deferred.await(gone))
  )
  yield* Effect.raceFirst(Deferred.await(ready), Deferred.await(gone))
  return {
    name,
    url: `ws://127.0.0.1:${port}/actors`,
    rooms: () => rooms,
    signal: (signal) => Effect.sync(() => void child.kill(signal)),
    gone: Deferred.await(gone)
  }
})
