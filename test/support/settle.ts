/**
 * Time that stands still.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"

/**
 * Lets all run that can run without time passing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = Effect.asVoid(Effect.repeat(Effect.yieldNow, { times: 100 }))
