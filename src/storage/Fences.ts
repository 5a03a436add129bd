/**
 * Which load of an instance is the latest one, where one process owns the storage.
 *
 * @since 0.1.0
 */
import type { Address } from "../ActorStorage.ts"

/**
 * The fences of the instances that are loaded.
 *
 * **Details**
 *
 * They live in memory: nobody else commits to a storage that one process owns, and its loads end with it. What is kept
 * is bounded by the instances that are loaded, not by those that ever were.
 *
 * @category models
 * @since 0.1.0
 */
export class Fences {
  private last = 0
  private readonly current = new Map<string, number>()

  /** Makes the fence of a new load; the one before it is not the latest any more. */
  take(address: Address): number {
    const fence = ++this.last
    this.current.set(id(address), fence)
    return fence
  }

  /** Whether the load is the latest one and still holds. */
  holds(address: Address, fence: number): boolean {
    return this.current.get(id(address)) === fence
  }

  /** Ends a load; later ones are not touched. */
  drop(address: Address, fence: number): void {
    const key = id(address)
    if (this.current.get(key) === fence) this.current.delete(key)
  }
}

/**
 * One string per address, whatever characters type and key are made of.
 *
 * @category conversions
 * @since 0.1.0
 */
export const id = ({ key, type }: Address): string => `${type.length}:${type}${key}`
