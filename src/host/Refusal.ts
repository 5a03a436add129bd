/**
 * Which calls are refused before anything of their payload is looked at.
 *
 * @since 0.1.0
 */
import type * as Frame from "../session/Frame.ts"
import { isDeeper, TooLarge } from "../session/Inbound.ts"
import type { ServerConnection } from "./ServerConnection.ts"
import type { Settings } from "./Settings.ts"

/** Discarded calls are answered when they begin; so many times the calls in flight may run at once. */
const runningPerCall = 10

/**
 * Why a call is refused, and in words; `undefined` for one that is taken in.
 *
 * @category guards
 * @since 0.1.0
 */
export const of = (
  connection: ServerConnection,
  payload: unknown,
  { limits, maxDepth }: Settings
): readonly [Frame.Refusal, string] | undefined => {
  const { callsInFlight, frameBytes } = limits
  if (payload instanceof TooLarge) {
    return ["FrameTooLarge", `the encoded call has ${payload.bytes} bytes and ${frameBytes} are allowed`]
  }
  if (connection.callsInFlight >= callsInFlight || connection.calls.size >= callsInFlight * runningPerCall) {
    return ["TooManyCalls", `${callsInFlight} calls are in flight already`]
  }
  return isDeeper(payload, maxDepth)
    ? ["InvalidPayload", `the payload nests deeper than the ${maxDepth} levels that are allowed`]
    : undefined
}
