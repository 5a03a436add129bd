import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ActorStorage } from "../../src/index.ts"
import { contract } from "./contract.ts"

describe("ActorStorage.layerMemory", () => {
  // It cannot be opened again: what must be kept is kept by the layer outside of those who come and go.
  contract(
    it,
    Effect.map(Layer.build(ActorStorage.layerMemory), (context) => Effect.provide(ActorStorage.ActorStorage, context))
  )
})
