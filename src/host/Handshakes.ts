/**
 * The sockets that were accepted and not yet admitted: bounded, and fair to the clients of different actors.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * The place of one socket until it is admitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  /** Its `hello` has come: it waits for this actor now. */
  readonly waitFor: (actor: string, key: string) => void
  /** It was admitted, or is gone. */
  readonly leave: () => void
}

interface Occupant extends Place {
  readonly drop: Effect.Effect<void>
}

/** The group of those that have said nothing yet. */
const silent = ""

/**
 * The places of a host.
 *
 * **Details**
 *
 * They are shared by groups: the clients of each actor instance, and the sockets that have not said whom they want. When
 * there is one socket too many the largest group loses one, so that neither an actor whose hooks hang nor a flood of
 * silent sockets keeps the clients of others out. Of the silent ones it is the oldest, since an honest client speaks at
 * once; of an actor's clients it is the youngest.
 *
 * @category models
 * @since 0.1.0
 */
export class Handshakes {
  private readonly max: number
  private readonly groups = new Map<string, Set<Occupant>>()
  private size = 0

  constructor(max: number) {
    this.max = max
  }

  /** Takes a place. Returns what ends the socket that has to make room for it, if one has to. */
  enter(drop: Effect.Effect<void>): { readonly place: Place; readonly evict: Effect.Effect<void> | undefined } {
    let group = silent
    let left = false
    const occupant: Occupant = {
      drop,
      waitFor: (actor, key) => {
        if (left) return
        this.remove(group, occupant)
        group = JSON.stringify([actor, key])
        this.add(group, occupant)
      },
      leave: () => {
        if (left) return
        left = true
        this.remove(group, occupant)
      }
    }
    this.add(group, occupant)
    const victim = this.size > this.max ? this.choose() : undefined
    victim?.leave()
    return { place: occupant, evict: victim?.drop }
  }

  private add(group: string, occupant: Occupant): void {
    const members = this.groups.get(group)
    if (members === undefined) this.groups.set(group, new Set([occupant]))
    else members.add(occupant)
    this.size++
  }

  private remove(group: string, occupant: Occupant): void {
    const members = this.groups.get(group)
    if (members === undefined || !members.delete(occupant)) return
    if (members.size === 0) this.groups.delete(group)
    this.size--
  }

  private choose(): Occupant | undefined {
    let largest = this.groups.get(silent)
    let isSilent = true
    for (const [group, members] of this.groups) {
      if (largest !== undefined && members.size <= largest.size) continue
      largest = members
      isSilent = group === silent
    }
    if (largest === undefined) return undefined
    return isSilent ? first(largest) : Array.from(largest).pop()
  }
}

const first = <A>(items: Iterable<A>): A | undefined => {
  for (const item of items) return item
  return undefined
}
