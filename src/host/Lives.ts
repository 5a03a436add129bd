/**
 * The connections of one actor instance, each from its beginning until its last
 * hook has run.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import { Gate } from "../session/Gate.ts"

/**
 * Counts the connections of an instance, keeps the instance alive while there
 * are any, and owns the fibers that begin, suspend and end them.
 *
 * @category models
 * @since 0.1.0
 */
export class Lives {
  private readonly fibers: FiberSet.FiberSet
  private readonly context: () => Context.Context<never>
  private readonly retain: Effect.Effect<void, never, Scope.Scope>
  /** Open while there is no connection. */
  private readonly quiet = new Gate()
  private count = 0
  private stay: Scope.Closeable | undefined

  constructor(
    fibers: FiberSet.FiberSet,
    retain: Effect.Effect<void, never, Scope.Scope>,
    context: () => Context.Context<never>
  ) {
    this.fibers = fibers
    this.retain = retain
    this.context = context
  }

  /** Counts a connection. */
  get enter(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.count++ > 0) return Effect.void
      this.quiet.close()
      this.stay = Scope.makeUnsafe()
      return Scope.provide(this.retain, this.stay)
    })
  }

  /** Counts a connection no longer. */
  get leave(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (--this.count > 0) return Effect.void
      this.quiet.open()
      return Scope.close(this.stay!, Exit.void)
    })
  }

  /** Starts a part of a connection's life at once, with the services of the actor and not of the socket that it came with. */
  fork(effect: Effect.Effect<void>): void {
    FiberSet.addUnsafe(this.fibers, Effect.runForkWith(this.context())(effect))
  }

  /** Completes when there is no connection, and no hook of one runs any more. */
  get awaitQuiet(): Effect.Effect<void> {
    return Effect.andThen(this.quiet.await, FiberSet.awaitEmpty(this.fibers))
  }
}
