/**
 * Something to wait at that is open nearly always: a `Latch` that is made when
 * it first closes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/**
 * A gate, open at first.
 *
 * **Gotchas**
 *
 * `open` resumes those who wait within the call.
 *
 * @category models
 * @since 0.1.0
 */
export class Gate {
  private latch: Latch.Latch | undefined

  open(): void {
    this.latch?.openUnsafe()
  }

  close(): void {
    this.latch ??= Latch.makeUnsafe(true)
    this.latch.closeUnsafe()
  }

  /** Completes when the gate is open. */
  get await(): Effect.Effect<void> {
    return Effect.suspend(() => this.latch === undefined ? Effect.void : Effect.asVoid(this.latch.await))
  }
}
