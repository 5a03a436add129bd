/**
 * What the two processes of the soak say to each other.
 */
import { Deferred, Effect, Exit } from "effect"
import { fork } from "node:child_process"
import type { Vitals } from "./Vitals.ts"

export type Question = "vitals" | "steps" | "actors"

export interface Answer {
  readonly vitals?: Vitals
  /** Connections that are listed. */
  readonly listed?: number
  readonly actors?: number
  readonly errors?: number
  /** Steps by runner. */
  readonly steps?: ReadonlyArray<readonly [runner: number, count: number]>
}

export interface Server {
  readonly port: number
  readonly ask: (question: Question) => Effect.Effect<Answer>
  /** Ends it, and waits until it is gone. */
  readonly stop: Effect.Effect<void>
}

/** Starts the server as a child, for as long as the scope is open; its actors are stored in the file. */
export const start = Effect.fnUntraced(function*(filename: string | undefined) {
  const ready = yield* Deferred.make<number>()
  const gone = yield* Deferred.make<void>()
  const waiting = new Map<number, Deferred.Deferred<Answer>>()
  let next = 0
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL("server.ts", import.meta.url), {
        execArgv: ["--expose-gc"],
        env: { ...process.env, ...(filename === undefined ? {} : { SOAK_FILE: filename }) }
      })
    ),
    (child) => Effect.sync(() => child.connected && child.disconnect())
  )
  child.on("message", (message: { readonly port: number } | { readonly id: number; readonly answer: Answer }) => {
    if ("port" in message) Deferred.doneUnsafe(ready, Exit.succeed(message.port))
    else Deferred.doneUnsafe(waiting.get(message.id)!, Exit.succeed(message.answer))
  })
  child.on("exit", (code) => {
    Deferred.doneUnsafe(gone, Exit.void)
    const exit = Exit.die(new Error(`the server ended with ${code}`))
    Deferred.doneUnsafe(ready, exit)
    for (const deferred of waiting.values()) Deferred.doneUnsafe(deferred, exit)
  })
  const ask: Server["ask"] = (question) =>
    Effect.suspend(() => {
      const id = next++
      const deferred = Deferred.makeUnsafe<Answer>()
      waiting.set(id, deferred)
      child.send({ id, question })
      return Effect.ensuring(Deferred.await(deferred), Effect.sync(() => waiting.delete(id)))
    })
  const stop = Effect.andThen(Effect.sync(() => child.disconnect()), Deferred.await(gone))
  return { port: yield* Deferred.await(ready), ask, stop } satisfies Server
})
