/**
 * Which actor waits for which: a call that would close a circle is found
 * before it waits for ever.
 *
 * @since 0.1.0
 */

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
  private readonly edges = new Map<string, Map<string, number>>()

  /** Whether a call from one actor to another would wait for itself. */
  closesCircle(from: string, to: string): boolean {
    const seen = new Set<string>()
    const open = [to]
    for (let address = open.pop(); address !== undefined; address = open.pop()) {
      if (address === from) return true
      if (seen.has(address)) continue
      seen.add(address)
      open.push(...(this.edges.get(address)?.keys() ?? []))
    }
    return false
  }

  /** Notes that one actor waits for another until the result is called. */
  add(from: string, to: string): () => void {
    const targets = this.edges.get(from) ?? new Map<string, number>()
    this.edges.set(from, targets)
    targets.set(to, (targets.get(to) ?? 0) + 1)
    return () => {
      const left = targets.get(to)! - 1
      if (left > 0) targets.set(to, left)
      else targets.delete(to)
      if (targets.size === 0 && this.edges.get(from) === targets) this.edges.delete(from)
    }
  }
}
