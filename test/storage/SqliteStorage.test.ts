import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ActorStorage } from "../../src/index.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"
import { contract } from "./contract.ts"
import { temporaryFolder } from "./files.ts"

describe("SqliteStorage", () => {
  contract(
    it,
    Effect.map(temporaryFolder, (folder) =>
      Effect.map(
        Layer.build(SqliteStorage.layer({ filename: `${folder}/actors.db`, busyTimeout: 0 })),
        (context) => Effect.provide(ActorStorage.ActorStorage, context)
      ).pipe(Effect.flatten))
  )
})
