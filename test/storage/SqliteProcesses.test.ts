import { assert, describe, it } from "@effect/vitest"
import { type Cause, Effect, Fiber, Layer, Queue } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { room } from "./changes.ts"
import { temporaryFolder } from "./files.ts"

/** Starts a process that owns the file; it is killed with its scope. */
const child = (mode: "hold" | "commit", filename: string) =>
  Effect.gen(function*() {
    const said = yield* Queue.unbounded<string, Cause.Done>()
    const started = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [fileURLToPath(new URL("sqliteChild.ts", import.meta.url)), mode, filename], {
          stdio: ["pipe", "pipe", "inherit"]
        })
      ),
      (started) => Effect.sync(() => started.kill("SIGKILL"))
    )
    let rest = ""
    started.stdout.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n")
      rest = lines.pop()!
      for (const line of lines) Queue.offerUnsafe(said, line)
    })
    started.on("close", () => Queue.endUnsafe(said))
    return {
      said: Queue.take(said),
      /** What else it says until it has ended. */
      ended: Queue.collect(said),
      kill: Effect.sync(() => started.kill("SIGKILL")),
      endInput: Effect.sync(() => started.stdin.end())
    }
  })

const open = (filename: string, options?: { readonly busyTimeout?: "20 seconds" }) =>
  Effect.map(
    Layer.build(SqliteStorage.layer({ filename, busyTimeout: 0, ...options })),
    (context) => Effect.provide(ActorStorage.ActorStorage, context)
  ).pipe(Effect.flatten)

describe("SqliteStorage and other processes", () => {
  it.live(
    "leaves the file to the process that has it, which says so, and gets it when that one was killed",
    () =>
      Effect.gen(function*() {
        const filename = `${yield* temporaryFolder}/actors.db`
        const other = yield* child("hold", filename)
        assert.strictEqual(yield* other.said, "open")
        const error = yield* Effect.flip(Effect.scoped(open(filename)))
        assert.strictEqual(error.failure, "Busy")
        assert.include(
          error.message,
          "belongs to another process, or to another layer of this one. End that process first"
        )

        yield* other.kill
        yield* other.ended
        yield* Effect.scoped(open(filename))
      }),
    20_000
  )

  it.live("keeps other processes out", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      yield* open(filename)
      const other = yield* child("hold", filename)
      assert.match(yield* other.said, /^Busy: .* belongs to another process, /)
    }), 20_000)

  it.live("waits for a process that is about to let go of the file", () =>
    Effect.gen(function*() {
      const filename = `${yield* temporaryFolder}/actors.db`
      const other = yield* child("hold", filename)
      assert.strictEqual(yield* other.said, "open")
      const opening = yield* Effect.forkScoped(open(filename, { busyTimeout: "20 seconds" }), {
        startImmediately: true
      })
      assert.strictEqual(opening.pollUnsafe(), undefined)
      yield* other.endInput
      yield* Fiber.join(opening)
    }), 30_000)

  it.live(
    "has all that a process has reported when it is killed in the middle of commits, and nothing in part",
    () =>
      Effect.gen(function*() {
        const filename = `${yield* temporaryFolder}/actors.db`
        const reported = new Map<string, number>()
        let most = 0
        for (const lines of [1, 7, 33, 100, 250]) {
          const other = yield* child("commit", filename)
          assert.strictEqual(yield* other.said, "open")
          const heard = yield* Effect.replicateEffect(other.said, lines)
          yield* other.kill
          heard.push(...yield* other.ended)
          for (const line of heard) {
            const [key, n] = line.split(" ")
            reported.set(key!, Number(n))
          }

          yield* Effect.scoped(Effect.gen(function*() {
            const storage = yield* open(filename)
            for (const [key, n] of reported) {
              const { connections, journal, state } = yield* storage.load(room(key))
              assert.isAtLeast(Number(state!.value), n)
              assert.strictEqual(connections.get("c"), state!.value)
              assert.deepStrictEqual(
                journal.map(({ call }) => call),
                Array.from({ length: Number(state!.value) }, (_, i) => i + 1)
              )
              most = Math.max(most, Number(state!.value))
            }
            const wakes = yield* storage.wakes("Room", 100)
            for (const { at, key } of wakes) {
              assert.strictEqual(`${at}`, (yield* storage.load(room(key))).state?.value)
            }
          }))
        }
        assert.isAbove(most, 20)
      }),
    60_000
  )
})
