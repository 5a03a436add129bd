/**
 * The work as a contract of Tether.
 */
import { Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../../src/Actor.ts"

export const Note = Schema.Struct({ text: Schema.String, number: Schema.Int })

export class Unauthorized extends Schema.TaggedError<Unauthorized>("Bench/Unauthorized")("Unauthorized", {}) {}

export class Bench extends Actor.make("Bench", {
  params: { token: Schema.String },
  rejection: Unauthorized,
  events: { said: Note },
  rpcs: [
    Rpc.make("echo", { payload: Note, success: Note }),
    Rpc.make("slow", { payload: { id: Schema.String }, success: Schema.Int }),
    Rpc.make("shout", { payload: Note })
  ],
  internal: [Rpc.make("touch", { success: Schema.Int })]
}) {}
