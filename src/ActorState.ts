/**
 * The state of an actor instance, as the service `Actor.State`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * The state of one actor instance.
 *
 * **Details**
 *
 * A ref, not a transaction: what was set stays set, also if the handler then fails or is interrupted. Each operation is
 * atomic.
 *
 * @category models
 * @since 0.1.0
 */
export interface State<S> {
  /** The state of now. */
  readonly get: Effect.Effect<S>
  /** Replaces the state. */
  readonly set: (state: S) => Effect.Effect<void>
  /** Replaces the state by a function of it. */
  readonly update: (f: (state: S) => S) => Effect.Effect<void>
  /** Replaces the state by a function of it, which also returns a result. */
  readonly modify: <A>(f: (state: S) => readonly [result: A, state: S]) => Effect.Effect<A>
  /** The state of now, then each later one. It ends when the actor stops. */
  readonly changes: Stream.Stream<S>
}
