/**
 * Limits in time that cost nothing where what they limit is done at once, as most of it is.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect; `wait` says how to wait for it if it takes its time. When
 * waiting ends without it, it is interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const whenSlow =
  <A, E, B, E2, R2>(wait: (running: Effect.Effect<A, E>) => Effect.Effect<B, E2, R2>) =>
  <R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.contextWith((context: Context.Context<R>): Effect.Effect<A | B, E | E2, R2> => {
      const fiber = Effect.runForkWith(context)(effect)
      return fiber.pollUnsafe() ?? Effect.onExit(wait(Fiber.join(fiber)), () => Fiber.interrupt(fiber))
    })

/**
 * Like `Effect.timeoutOrElse`, but starts no clock for an effect that is done at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const timeoutOrElse = <A, E, B, E2, R2>(options: {
  readonly duration: Duration.Input
  readonly orElse: () => Effect.Effect<B, E2, R2>
}): <R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A | B, E | E2, R | R2> =>
  whenSlow((running: Effect.Effect<A, E>) => Effect.timeoutOrElse(running, options))
