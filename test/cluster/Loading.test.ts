import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestRunner } from "effect/cluster"
import { build } from "esbuild"
import { fileURLToPath } from "node:url"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy, untilSimulated as until } from "../support/World.ts"

const entry = "src/ActorHost.ts"

/** The modules that come with an entry by imports that are not asked for later. */
const comeWith = async (entry: string): Promise<ReadonlySet<string>> => {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
    bundle: true,
    platform: "node",
    format: "esm",
    splitting: true,
    outdir: "unused",
    write: false,
    metafile: true,
    logLevel: "error"
  })
  const found = new Set([entry])
  for (const path of found) {
    for (const { kind, path: next } of metafile.inputs[path]?.imports ?? []) {
      if (kind === "import-statement") found.add(next)
    }
  }
  return found
}

describe("layerCluster of ActorHost", () => {
  it("leaves the code of the cluster alone until it is built", async () => {
    const modules = [...await comeWith(entry)]
    assert.include(modules, "src/host/LocalHost.ts")
    assert.deepStrictEqual(modules.filter((path) => /cluster\/(?!ClusterSettings)/.test(path)), [])
  })

  it.effect("is a host in the cluster that the app provides", () =>
    Effect.gen(function*() {
      const ada = yield* Rooms.join("ada")
      yield* awaitStatusBy(until)(ada, "Connected")
      assert.deepStrictEqual(yield* until(ada.rpc.names()), ["ada"])
    }).pipe(
      Effect.provide(
        ActorClient.layerInProcess.pipe(
          Layer.provide(Rooms.layer),
          Layer.provide(ActorHost.layerCluster()),
          Layer.provide(TestRunner.layer)
        )
      )
    ))
})
