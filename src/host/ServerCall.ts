/**
 * One call as the host keeps it: how far it has come, and who waits for it.
 *
 * @since 0.1.0
 */
import type * as Rpc from "effect/rpc/Rpc"
import type * as Tracer from "effect/Tracer"
import { Gate } from "../session/Gate.ts"
import type { HeldTurn } from "./WaitGraph.ts"

/**
 * A call that was taken in and is not answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerCall {
  readonly id: number
  readonly rpc: Rpc.AnyWithProps
  readonly discard: boolean
  /** When it was taken in, in monotonic nanoseconds. */
  readonly takenAt: bigint
  /** When its handler has begun. */
  startedAt: bigint | undefined
  /** Whether its outcome was counted. */
  isCounted: boolean
  /** Where a tracer is installed. */
  span: Tracer.Span | undefined
  /** Its handler has begun; before that it can be refused. */
  started: boolean
  /** Its handler runs beside the turns of the actor: a stream or a fork. */
  beside: boolean
  /** Its answer has been given already, or must not be given. */
  settled: boolean
  /** It had begun and was interrupted, and its client will make it again: it must not run twice. */
  isCutShort: boolean
  /** It was answered when its handler began, which goes on. */
  answered: boolean
  /** Chunks that the client has not acknowledged. */
  chunks: number
  isWindowOpen: boolean
  /** Where a stream waits until another chunk may be sent. */
  readonly window: Gate
  /** The turns that wait for it, outermost first, where it comes from a node. */
  chain: ReadonlyArray<HeldTurn> | undefined
  /** What is done once when nobody waits for it any more. */
  onSettled: (() => void) | undefined
}

/**
 * Makes the record of a call that was just taken in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (id: number, rpc: Rpc.AnyWithProps, discard: boolean, takenAt: bigint): ServerCall => ({
  id,
  rpc,
  discard,
  takenAt,
  startedAt: undefined,
  isCounted: false,
  span: undefined,
  started: false,
  beside: false,
  settled: false,
  isCutShort: false,
  answered: false,
  chunks: 0,
  isWindowOpen: true,
  window: new Gate(),
  chain: undefined,
  onSettled: undefined
})
