/**
 * The way into a network: lets dials pass, holds them or turns them away.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Socket from "effect/socket/Socket"

/**
 * The gate that each dial goes through.
 *
 * @category models
 * @since 0.1.0
 */
export interface Passage {
  /**
   * Waits while frozen; fails when refused.
   */
  readonly enter: Effect.Effect<void, Socket.SocketError>
  readonly freeze: () => void
  readonly refuse: () => void
  readonly heal: () => void
  /**
   * Refuses from now on, whatever is healed later.
   */
  readonly shut: () => void
}

/**
 * The failure of a dial that nobody answers.
 *
 * @category constants
 * @since 0.1.0
 */
export const refusal = new Socket.SocketError({
  reason: new Socket.SocketOpenError({ kind: "Unknown", cause: "connection refused" })
})

/**
 * Creates an open passage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Passage => {
  const decided = Latch.makeUnsafe(true)
  let frozen = false
  let refused = false
  let shut = false

  const update = () => {
    if (frozen && !refused) decided.closeUnsafe()
    else decided.openUnsafe()
  }
  const enter: Passage["enter"] = Effect.suspend(() => {
    if (refused) return Effect.fail(refusal)
    return frozen ? decided.whenOpen(enter) : Effect.void
  })
  return {
    enter,
    freeze() {
      frozen = true
      update()
    },
    refuse() {
      refused = true
      update()
    },
    heal() {
      frozen = false
      refused = shut
      update()
    },
    shut() {
      shut = true
      refused = true
      update()
    }
  }
}
