/**
 * Counts arriving messages down to a cut.
 *
 * @since 0.1.0
 */
import type { Direction } from "./Faults.ts"

/**
 * A countdown that runs at most once per start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Countdown {
  readonly start: (messages: number, direction?: Direction) => void
  readonly tick: (direction: Direction) => void
  readonly stop: () => void
}

/**
 * Creates a stopped countdown that calls `onZero` when the last of its messages has arrived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (onZero: () => void): Countdown => {
  let left = Number.POSITIVE_INFINITY
  let counted: Direction | undefined

  const stop = () => {
    left = Number.POSITIVE_INFINITY
  }
  const fireAtZero = () => {
    if (left > 0) return
    stop()
    onZero()
  }
  return {
    stop,
    start(messages, direction) {
      left = messages
      counted = direction
      fireAtZero()
    },
    tick(direction) {
      if (counted !== undefined && counted !== direction) return
      left--
      fireAtZero()
    }
  }
}
