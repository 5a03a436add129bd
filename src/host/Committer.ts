/**
 * Stores the segments of one instance, one commit at a time.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type { StorageError, StoredState } from "../ActorStorage.ts"
import type { InstanceWriter } from "./InstanceWriter.ts"
import * as Segment from "./Segment.ts"
import type { Segments } from "./Segments.ts"

/**
 * Makes one commit of all segments that are ready, and another one of those that have become so meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export class Committer {
  private readonly options: {
    readonly segments: Segments
    readonly writer: InstanceWriter
    /** The pause before a commit; `undefined` for none. */
    readonly interval: Duration.Duration | undefined
    readonly onStored: () => void
    readonly onFailure: (error: StorageError) => Effect.Effect<void>
  }
  private readonly context: Context.Context<Scope.Scope>
  /** Open while nobody may wait for the interval to pass. */
  private readonly hurried = Latch.makeUnsafe(false)
  private isFlushing = false
  private isCommitting = false

  constructor(options: Committer["options"], context: Context.Context<Scope.Scope>) {
    this.options = options
    this.context = context
  }

  /** Begins a commit unless one is under way. */
  commit(): void {
    if (this.isCommitting) return
    this.isCommitting = true
    const fiber = Effect.runForkWith(this.context)(this.commitReady)
    Fiber.runIn(fiber, Context.get(this.context, Scope.Scope))
  }

  /** Ends the pause before the next commit. */
  hurry(): void {
    this.hurried.openUnsafe()
  }

  /** Ends all pauses. */
  flush(): void {
    this.isFlushing = true
    this.hurry()
  }

  // First a turn of the scheduler: what happens at the same time is stored at the same time.
  private readonly commitReady: Effect.Effect<void> = Effect.suspend(() =>
    this.options.interval === undefined
      ? Effect.yieldNow
      : Effect.timeoutOption(Effect.interruptible(this.hurried.await), this.options.interval)
  ).pipe(
    Effect.andThen(Effect.suspend(() => {
      if (!this.isFlushing) this.hurried.closeUnsafe()
      const { segments, writer } = this.options
      const ready = segments.takeReady()
      const isRefresh = ready.some((segment) => segment.isRefresh)
      const state: Effect.Effect<StoredState | undefined, StorageError> = Segment.lastState(ready) ?? Effect.undefined
      return state.pipe(
        Effect.flatMap((state) => writer.write(() => Segment.fold(ready, state), isRefresh)),
        Effect.matchEffect({
          onFailure: (error) => this.options.onFailure(error),
          onSuccess: () =>
            Effect.sync(() => {
              this.isCommitting = false
              for (const segment of ready) segment.markStored()
              this.options.onStored()
            })
        })
      )
    }))
  )
}
