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
import type { Events, Payload } from "../Connection.ts"
import { isConnectionError } from "../ConnectionError.ts"
import type { Gap } from "../ConnectionStatus.ts"
import type { AnyClient, AnyOccurrence } from "../internal/definition.ts"

/**
 * What each event does to a state; the client is subscribed to the events that are named.
 *
 * @category models
 * @since 0.1.0
 */
export type Reducers<Es extends Events, State> = {
  readonly [K in keyof Es & string]?: (state: State, payload: Payload<Es, K>) => NoInfer<State>
}

/**
 * A fold that begins with a given state.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoldFrom<Es extends Events, State> {
  /** The state before the first event. */
  readonly initial: State
  /** What each event does to the state. */
  readonly on: Reducers<Es, State>
  /** What a gap, where events were missed, does to the state. Default: nothing. */
  readonly onGap?: ((state: State, gap: Gap) => NoInfer<State>) | undefined
}

/**
 * A fold whose state is asked for: at first, and again after each gap.
 *
 * **Details**
 *
 * The events are subscribed before the state is asked for, and those that come meanwhile are applied to it: none is
 * missed, but one may be in it already. Let a reducer find that out, by an id for example.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoldLoaded<C, Es extends Events, State, E> {
  /** Gives the state, by a call for example. One whose outcome is unknown is made again. */
  readonly load: (client: C) => Effect.Effect<State, E>
  /** What each event does to the state. */
  readonly on: Reducers<Es, State>
}

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
 * The states of a fold. Events are subscribed before the first state is loaded, and those that come meanwhile are applied
 * to it.
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
