/**
 * Which actor waits for which: a call that would close a circle is found
 * before it waits for ever.
 *
 * @since 0.1.0
 */

/**
 * A turn that a handler or hook has taken, until it gives it back.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeldTurn {
  /** The actor, as `type/key`. */
  readonly address: string
  /** Whether the turn is still taken: a fiber that outlives its handler holds nothing up. */
  isHeld: boolean
  /** What is done when it is given back; made by the first who asks for it. */
  onRelease?: Set<() => void> | undefined
}

/**
 * Gives a turn back.
 *
 * @category combinators
 * @since 0.1.0
 */
export const release = (turn: HeldTurn): void => {
  turn.isHeld = false
  for (const act of turn.onRelease ?? []) act()
}

/**
 * The calls under way between the actors of a host, by `type/key`.
 *
 * **Details**
 *
 * An edge leads from the actor whose turn a caller holds to the one that it
 * calls. A call from `a` to `b` waits for ever if `b` waits for `a` already, by
 * whatever path: in one chain of calls, or in two that meet.
 *
 * @category models
 * @since 0.1.0
 */
export class WaitGraph {
  private readonly edges = new Map<string, Set<readonly [from: HeldTurn, to: string]>>()

  /** Whether a call from the holder of a turn to an actor would wait for itself. */
  closesCircle(from: HeldTurn, to: string): boolean {
    if (!from.isHeld) return false
    const seen = new Set<string>()
    const open = [to]
    for (let address = open.pop(); address !== undefined; address = open.pop()) {
      if (address === from.address) return true
      if (seen.has(address)) continue
      seen.add(address)
      for (const [turn, next] of this.edges.get(address) ?? []) {
        if (turn.isHeld) open.push(next)
      }
    }
    return false
  }

  /** Notes that the holder of a turn waits for an actor, until the result is called. */
  add(from: HeldTurn, to: string): () => void {
    const edge = [from, to] as const
    const edges = this.edges.get(from.address) ?? new Set()
    this.edges.set(from.address, edges.add(edge))
    return () => {
      edges.delete(edge)
      if (edges.size === 0 && this.edges.get(from.address) === edges) this.edges.delete(from.address)
    }
  }
}
