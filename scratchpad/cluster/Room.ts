/**
 * The contract of the rooms that live somewhere in the cluster.
 */
import { Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"

export class Room extends Actor.make("Room", {
  params: { name: Schema.String },
  connectionState: { name: Schema.String },
  state: Schema.Array(Schema.Struct({ from: Schema.String, text: Schema.String })),
  events: { posted: { from: Schema.String, text: Schema.String } },
  rpcs: [
    Rpc.make("post", { payload: { text: Schema.String }, success: Schema.Finite }),
    Rpc.make("history", { success: Schema.Array(Schema.Struct({ from: Schema.String, text: Schema.String })) })
  ]
}) {}

export const keys = ["lobby", "kitchen", "garden", "attic", "cellar", "balcony"]
