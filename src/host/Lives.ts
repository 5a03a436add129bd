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
import type { Keeper } from "./LiveActors.ts"

/** Those that keep the instance together, in one way. */
class Group {
  private readonly keep: Effect.Effect<void, never, Scope.Scope>
  private count = 0
  private stay: Scope.Closeable | undefined

  constructor(keep: Effect.Effect<void, never, Scope.Scope>) {
    this.keep = keep
  }

  get enter(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.count++ > 0) return Effect.void
      this.stay = Scope.makeUnsafe()
      return Scope.provide(this.keep, this.stay)
    })
  }

  get leave(): Effect.Effect<void> {
    return Effect.suspend(() => --this.count > 0 ? Effect.void : Scope.close(this.stay!, Exit.void))
  }
}

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
  private readonly clients: Group
  private readonly nodes: Group
  /** Open while there is no connection. */
  private readonly quiet = new Gate()
  private count = 0

  constructor(
    fibers: FiberSet.FiberSet,
    keeper: Pick<Keeper, "retain" | "hold">,
    context: () => Context.Context<never>
  ) {
    this.fibers = fibers
    this.clients = new Group(keeper.retain)
    this.nodes = new Group(keeper.hold)
    this.context = context
  }

  /** Counts a connection, or the session of a node, which is no use of the instance. */
  enter(isOfNode: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.count++ === 0) this.quiet.close()
      return (isOfNode ? this.nodes : this.clients).enter
    })
  }

  /** Counts it no longer. */
  leave(isOfNode: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (--this.count === 0) this.quiet.open()
      return (isOfNode ? this.nodes : this.clients).leave
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
