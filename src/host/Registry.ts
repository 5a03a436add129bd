/**
 * The actors of a host by name, and the names of those that it had.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as DisconnectReason from "../DisconnectReason.ts"

/**
 * What is registered under each name.
 *
 * **Details**
 *
 * An app that closes gives up its actors before its host: who asks for one then
 * is not told that there is no such actor, which would be final.
 *
 * @category models
 * @since 0.1.0
 */
export class Registry<A> {
  private readonly actors = new Map<string, A>()
  private readonly left = new Set<string>()
  private isClosed = false

  get(type: string): A | undefined {
    return this.actors.get(type)
  }

  values(): Iterable<A> {
    return this.actors.values()
  }

  /** Whether there was an actor of this name, and is none any more; or the host has closed. */
  hasLeft(type: string): boolean {
    return this.isClosed || this.left.has(type)
  }

  /** The host has closed: nothing is registered any more. */
  close(): void {
    this.isClosed = true
  }

  /** Why a client that asks for an actor which is not there is turned away. */
  absence(type: string): DisconnectReason.DisconnectReason {
    return this.hasLeft(type) ? DisconnectReason.Draining.make({}) : DisconnectReason.UnknownActor.make({ actor: type })
  }

  /** Dies if there is an actor of this name already. */
  demandFree(type: string): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.actors.has(type)
        ? Effect.die(new Error(`the host has an actor "${type}" already; give every actor a name of its own`))
        : Effect.void
    )
  }

  /** Keeps an actor while the scope is open. */
  add(type: string, actor: A): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => {
        this.actors.set(type, actor)
        this.left.delete(type)
      }),
      () =>
        Effect.sync(() => {
          this.actors.delete(type)
          this.left.add(type)
        })
    ))
  }
}
