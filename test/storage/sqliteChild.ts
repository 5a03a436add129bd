/**
 * A process that owns a file of actors, for tests that end it.
 *
 * `hold` opens the file, says so, and lets go of it when its input ends. `commit` stores rounds of ten rooms until it is
 * killed, and says what is stored.
 *
 * @since 0.1.0
 */
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { changes, room } from "./changes.ts"

const [mode, filename] = process.argv.slice(2)

// A pipe that is full would end a process of Node with EAGAIN; what is said here always fits.
const say = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

const inputEnds = Effect.callback<void>((resume) => {
  process.stdin.on("end", () => resume(Effect.void)).resume()
})

const rounds = Effect.gen(function*() {
  const storage = yield* ActorStorage.ActorStorage
  yield* Effect.forEach(
    Array.from({ length: 10 }, (_, i) => `${i}`),
    Effect.fnUntraced(function*(key) {
      const { fence, state } = yield* storage.load(room(key))
      for (let n = Number(state?.value ?? 0) + 1;; n++) {
        yield* storage.commit(
          room(key),
          fence,
          changes({ state: `${n}`, connections: { c: `${n}` }, answered: [["c", n, "r".repeat(500)]], wakeAt: n })
        )
        yield* say(`${key} ${n}`)
      }
    }),
    { concurrency: "unbounded" }
  )
})

const program = Effect.gen(function*() {
  yield* ActorStorage.ActorStorage
  yield* say("open")
  yield* mode === "commit" ? Effect.scoped(rounds) : inputEnds
}).pipe(
  Effect.provide(Layer.suspend(() => SqliteStorage.layer({ filename: filename!, busyTimeout: 0 }))),
  Effect.catchTag("StorageError", ({ failure, message }) => say(`${failure}: ${message}`))
)

await Effect.runPromise(program)
