/**
 * What becomes of a call whose session was lost before its reply came.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Annotation of an RPC: whether a call may be sent again after its session was
 * lost.
 *
 * **Details**
 *
 * Within a session every call runs at most once, whatever the annotation: a
 * resumed session goes on as if nothing had happened. It matters when the
 * session is gone (the client was away for longer than the resume window, a
 * buffer overflowed, the actor restarted) and a call was sent and not answered:
 *
 * - `default`: the call fails with `OutcomeUnknown`. It may have run.
 * - `idempotent`: it is sent again on the fresh connection, in order, ahead of
 *   the calls that were never sent. It may run twice, so its handler must not
 *   mind. Streaming calls are not sent again.
 *
 * **Example** (A call that may run twice)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Delivery } from "effect-tether"
 *
 * export const setName = Rpc.make("setName", { payload: { name: Schema.String } })
 *   .annotate(Delivery.Delivery, "idempotent")
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const Delivery = Context.Reference<"default" | "idempotent">("effect-tether/Delivery", {
  defaultValue: () => "default"
})
