/**
 * An actor that keeps nothing and answers what it is told: what a call costs without a database.
 */
import { Effect, Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"

export class Echo extends Actor.make("Echo", {
  rpcs: [Rpc.make("echo", { payload: { text: Schema.String }, success: Schema.String })]
}) {}

export const layer = Echo.toLayer(Effect.succeed(Echo.of({ echo: ({ text }) => Effect.succeed(text) }))).pipe(
  Layer.provide(Echo.layerHooks({ onBeforeConnect: () => Effect.succeed({}) }))
)
