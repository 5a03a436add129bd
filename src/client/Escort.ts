/**
 * What goes with a call of server code to another node: the turns that wait for it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Frame from "../session/Frame.ts"

/**
 * The company of one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Escort {
  /** The turns that wait for the call, as they are now. */
  readonly chain: () => ReadonlyArray<Frame.WireTurn>
  /** The `traceparent` of the caller's span. */
  readonly trace: string | undefined
  /**
   * Says what becomes of the turns until the call is settled: `tell` is given a frame about each that was given back, and
   * the chain has changed by then.
   */
  readonly attend: (tell: (news: string) => void) => void
}

/** Nobody waits. */
const alone: Escort = { chain: () => [], trace: undefined, attend: () => {} }

/**
 * The company of the call that is being made.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentEscort = Context.Reference<Escort>("effect-tether/client/Escort/CurrentEscort", {
  defaultValue: () => alone
})
