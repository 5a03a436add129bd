/**
 * Effects that are done already when they are made, as most transcodings are: where nothing is left to do, no fiber is
 * needed to see it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"

/**
 * Makes an effect; where that throws, one that dies. `Exit.isExit` tells whether anything is left to do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attempt = <A, E, R>(make: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const made = Result.try({ try: make, catch: (defect) => defect })
  return Result.isSuccess(made) ? made.success : Exit.die(made.failure)
}

/**
 * How an effect has ended, if it was done when it was made.
 *
 * @category getters
 * @since 0.1.0
 */
export const exitOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Exit.Exit<A, E> | undefined =>
  Exit.isExit(effect) ? effect as Exit.Exit<A, E> : undefined
