/**
 * The state of one instance, in memory or stored.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { State } from "../ActorState.ts"

/**
 * Makes the state. `put` is given each new one before anybody sees it; if it
 * dies nothing has changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  initial: unknown,
  put?: (state: unknown) => Effect.Effect<void>
): Effect.fn.Return<State<unknown>, never, Scope.Scope> {
  const ref = yield* SubscriptionRef.make(initial)
  const stopped = yield* Effect.acquireRelease(Deferred.make<void>(), Deferred.done(Exit.void))
  const get = SubscriptionRef.get(ref)
  const changes = Stream.interruptWhen(SubscriptionRef.changes(ref), Deferred.await(stopped))
  if (put === undefined) {
    return {
      get,
      changes,
      set: (value) => SubscriptionRef.set(ref, value),
      update: (f) => SubscriptionRef.update(ref, f),
      modify: (f) => SubscriptionRef.modify(ref, f)
    }
  }
  const modify: State<unknown>["modify"] = (f) =>
    Effect.uninterruptible(SubscriptionRef.modifyEffect(ref, (value) => {
      const [result, next] = f(value)
      return Effect.as(put(next), [result, next] as const)
    }))
  return {
    get,
    changes,
    modify,
    set: (value) => modify(() => [undefined, value]),
    update: (f) => modify((value) => [undefined, f(value)])
  }
})
