/**
 * The contract of the soak: clients count on the actor, and the actor counts for each of them.
 */
import { Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, Delivery } from "../../src/index.ts"

/** Spread over so many rooms. */
export const rooms = 20

export class Marathon extends Actor.make("Marathon", {
  params: { runner: Schema.Int },
  connectionState: { runner: Schema.Int },
  events: { lap: Schema.Int },
  rpcs: [
    /** Counts one step of the caller. */
    Rpc.make("step", { success: Schema.Int }),
    /** Counts nothing, and may run twice. */
    Rpc.make("stumble").annotate(Delivery.Delivery, "idempotent"),
    /** Takes a while. */
    Rpc.make("rest", { payload: { millis: Schema.Int } }),
    /** Tells the others. */
    Rpc.make("cheer"),
    Rpc.make("climb", { payload: { steps: Schema.Int }, success: Schema.Int, stream: true }),
    /** Is sent away, to come back after a moment where `retryAfter` is set. */
    Rpc.make("fall", { payload: { retryAfter: Schema.optionalKey(Schema.Int) } })
  ],
  internal: [Rpc.make("runners", { success: Schema.Int })]
}) {}
