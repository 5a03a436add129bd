import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import { describePostgres } from "../support/Postgres.ts"

const program = fileURLToPath(new URL("../../scratchpad/cluster/main.ts", import.meta.url))

describePostgres("the cluster to watch", () => {
  it.live(
    "comes through a node that is killed and one that leaves, with every line that was said",
    () =>
      Effect.gen(function*() {
        const handle = yield* ChildProcess.make(process.execPath, [program], { stdin: "ignore" })
        const [text, exitCode] = yield* Effect.all(
          [Stream.mkString(Stream.decodeText(handle.all)), handle.exitCode],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(Number(exitCode), 0, text)
        assert.match(text, /All \d+ lines that were said are there, each once and in order\./)
      }).pipe(Effect.scoped, Effect.timeout("85 seconds"), Effect.provide(NodeServices.layer)),
    90_000
  )
})
