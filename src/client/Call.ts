/**
 * One call of a client, queued or sent.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import { Delivery } from "../Delivery.ts"
import type { Request } from "./CallFrame.ts"
import type * as Outbox from "./Outbox.ts"

/**
 * The chunks of a stream that its consumer has not taken yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunks {
  readonly size: () => number
  readonly offer: (values: ReadonlyArray<unknown>) => void
  readonly drop: () => void
}

/**
 * A call from the moment on in which it was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call extends Outbox.Waiting {
  frame: string
  readonly rpc: Rpc.AnyWithProps
  readonly discard: boolean
  /** Which data frame of the session it was; 0 while it was not sent in it. */
  sequence: number
  /** It was sent in an earlier session too, which may have run it. */
  mayHaveRun: boolean
  /** Its caller has gone; only its place among the calls in flight is left. */
  abandoned: boolean
  /** Hands the exit to the caller, who may go on within it. */
  readonly onExit: (exit: Exit.Exit<unknown, unknown>) => void
  /** Where the chunks of a stream go; `undefined` for other calls. */
  readonly chunks: Chunks | undefined
}

/**
 * A call that was encoded and is on its way to the queue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { discard, id }: Request,
  rpc: Rpc.AnyWithProps,
  frame: string,
  onExit: Call["onExit"],
  chunks?: Chunks
): Call => ({
  id: id as number,
  frame,
  rpc,
  discard: discard === true,
  sequence: 0,
  mayHaveRun: false,
  abandoned: false,
  onExit,
  chunks
})

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
    (call.chunks === undefined && Context.get(call.rpc.annotations, Delivery) === "idempotent")
}

/**
 * Whether a durable actor tells a repetition of this call from a new one: of
 * streams and of calls whose result nobody wants it keeps nothing.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKept = (call: Call): boolean => call.chunks === undefined && !call.discard && !call.abandoned

/**
 * Whether the session ended without the server having taken the call in.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUntouched = ({ sequence }: Call, taken: number | undefined): boolean =>
  sequence === 0 || (taken !== undefined && sequence > taken)
