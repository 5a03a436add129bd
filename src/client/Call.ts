/**
 * One call of a client, queued or sent.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import { Delivery } from "../Delivery.ts"
import { InOrder } from "../session/InOrder.ts"
import type * as Outbox from "./Outbox.ts"

/**
 * A call from the moment on in which it was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call extends Outbox.Waiting {
  readonly rpc: Rpc.AnyWithProps
  readonly discard: boolean
  /** Which data frame of the session it was; 0 while it was not sent in it. */
  sequence: number
  /** It was sent in an earlier session too, which may have run it. */
  mayHaveRun: boolean
  /** Its caller has gone; only its place among the calls in flight is left. */
  abandoned: boolean
  /** The chunks and the end of a stream, handed over as its consumer takes them. */
  delivery: InOrder<Effect.Effect<void>> | undefined
}

/**
 * Whether a call may be sent again: it may run twice, or the server said that
 * it never took it in.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRepeatable = (call: Call, taken: number | undefined, recovered: boolean): boolean => {
  if (call.abandoned) return false
  if (isUntouched(call, taken)) return true
  return (recovered && isKept(call)) ||
    (call.delivery === undefined && Context.get(call.rpc.annotations, Delivery) === "idempotent")
}

/**
 * Whether a durable actor tells a repetition of this call from a new one: of
 * streams and of calls whose result nobody wants it keeps nothing.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKept = (call: Call): boolean => call.delivery === undefined && !call.discard && !call.abandoned

/**
 * Whether the session ended without the server having taken the call in.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUntouched = ({ sequence }: Call, taken: number | undefined): boolean =>
  sequence === 0 || (taken !== undefined && sequence > taken)

/**
 * Takes the oldest call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeFirst = (calls: Map<number, Call>): Call | undefined => {
  for (const call of calls.values()) {
    calls.delete(call.id)
    return call
  }
  return undefined
}

/**
 * Hands over the chunks of a stream and its end, one after the other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDelivery = (
  context: Context.Context<never>,
  scope: Scope.Scope,
  onDefect: (cause: Cause.Cause<never>) => Effect.Effect<void>
) =>
  new InOrder<Effect.Effect<void>>({
    act: (effect) => effect,
    onDefect: (_, cause) => onDefect(cause),
    context,
    scope
  })
