/**
 * The live instances of a registered actor, as every host starts them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { ActorUnavailable } from "../CallError.ts"
import type { Registration } from "../internal/actorHost.ts"
import * as Engine from "../session/Engine.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import * as ActorInstance from "./ActorInstance.ts"
import { noTurns, type Turns } from "./Callers.ts"
import * as LiveActors from "./LiveActors.ts"
import type { Settings } from "./Settings.ts"

/**
 * The instances of one actor.
 *
 * @category models
 * @since 0.1.0
 */
export type Instances = LiveActors.LiveActors<ActorInstance.ActorInstance, ActorUnavailable>

/**
 * Starts the instance under a key if it is not live, for its alarms and for
 * the connections that it had; a live one says when to look after it next.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wake = (instances: Instances, key: string): Effect.Effect<void, ActorUnavailable> =>
  Effect.scoped(Effect.flatMap(instances.get(key), ({ commits }) => Effect.sync(() => commits?.refresh())))

/**
 * Makes the registry of an actor's instances in the current scope, with the
 * services of its registration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (registration: Registration, settings: Settings, options: {
  /** Whether the clients of the instance under a key are to be sent away. */
  readonly isDraining: (key: string) => boolean
  /** What this node knows of turns; `undefined` where there are no others. */
  readonly turns?: Turns | undefined
  /** Runs before an instance starts, in its scope: what it acquires is released after the instance has stopped. */
  readonly onStart?: ((key: string) => Effect.Effect<void, never, Scope.Scope>) | undefined
}): Effect.Effect<Instances, never, Scope.Scope> => {
  const context = Context.omit(Scope.Scope)(registration.context)
  const live = (engine: Engine.Engine) =>
    LiveActors.make({
      maxIdleTime: registration.maxIdleTime,
      start: Effect.fnUntraced(function*(key: string, keeper) {
        if (options.onStart !== undefined) yield* options.onStart(key)
        const epoch = yield* ResumeToken.make
        const isDraining = () => options.isDraining(key)
        return yield* ActorInstance.make({
          registration,
          key,
          epoch,
          settings,
          keeper,
          engine,
          isDraining,
          turns: options.turns ?? noTurns
        })
      })
    })
  return Effect.flatMap(Engine.make, live).pipe(
    Effect.updateContext((current: Context.Context<Scope.Scope>) =>
      Context.add(context, Scope.Scope, Context.get(current, Scope.Scope))
    )
  )
}
