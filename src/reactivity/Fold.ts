/**
 * Events folded into a state.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { isConnectionError } from "../ConnectionError.ts"
import type { Gap } from "../ConnectionStatus.ts"
import type { AnyClient, AnyOccurrence } from "../internal/definition.ts"

/**
 * How events are folded, with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyFold {
  /** The state before the first event, where nothing is loaded. */
  readonly initial?: unknown
  /** What each event does to the state. */
  readonly on: Readonly<Record<string, ((state: unknown, payload: unknown) => unknown) | undefined>>
  /** What a gap does to the state, where nothing is loaded. */
  readonly onGap?: ((state: unknown, gap: Gap) => unknown) | undefined
  /** Gives the state before the first event and after each gap. */
  readonly load?: ((client: AnyClient) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * The states of a fold. Events are subscribed before the first state is
 * loaded, and those that come meanwhile are applied to it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const states = (client: AnyClient, fold: AnyFold): Stream.Stream<unknown, unknown> =>
  Stream.unwrap(Effect.gen(function*() {
    const pull = yield* Stream.toPull(client.listen(...namesOf(fold)))
    const first = yield* Effect.forkScoped(pull, { startImmediately: true })
    let next: typeof pull = Fiber.join(first)
    let state = yield* load(client, fold)

    const step = Effect.suspend(() => {
      const occurrences = next
      next = pull
      return Effect.flatMap(occurrences, (occurrences) => reduceAll(occurrences))
    })
    const reduceAll = Effect.fnUntraced(function*(occurrences: ReadonlyArray<AnyOccurrence>) {
      for (const one of occurrences) {
        if (one._tag === "Event") state = fold.on[one.event]!(state, one.payload)
        else if (fold.load !== undefined) state = yield* load(client, fold)
        else if (fold.onGap !== undefined) state = fold.onGap(state, one.gap)
      }
      return [state] as const
    })
    return Stream.concat(Stream.succeed(state), Stream.fromPull(Effect.succeed(step)))
  }))

const namesOf = ({ on }: AnyFold): ReadonlyArray<string> => Object.keys(on).filter((event) => on[event] !== undefined)

const load = (client: AnyClient, fold: AnyFold): Effect.Effect<unknown, unknown> =>
  fold.load === undefined ? Effect.succeed(fold.initial) : again(fold.load(client))

/**
 * Reads again what a lost session has left without an answer.
 *
 * @category combinators
 * @since 0.1.0
 */
export const again = <A, E, R>(read: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(read, { while: (error) => isConnectionError(error) && error.reason._tag === "OutcomeUnknown" })
