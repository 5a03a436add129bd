/**
 * The sockets that were accepted and not yet admitted: bounded, and fair to the clients of different actors.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

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
  private readonly groups = new Map<string, Set<Place>>()
  /** Places that are taken. */
  size = 0

  constructor(max: number) {
    this.max = max
  }

  /** Takes a place. Returns what ends the socket that has to make room for it, if one has to. */
  enter(drop: () => Effect.Effect<void>): { readonly place: Place; readonly evict: Effect.Effect<void> | undefined } {
    const place = new Place(this, drop)
    this.add(silent, place)
    const victim = this.size > this.max ? this.choose() : undefined
    return { place, evict: victim?.leave()?.() }
  }

  /** Counts a place in a group. */
  add(group: string, place: Place): void {
    const members = this.groups.get(group)
    if (members === undefined) this.groups.set(group, new Set([place]))
    else members.add(place)
    this.size++
  }

  /** Counts a place in a group no longer. */
  remove(group: string, place: Place): void {
    const members = this.groups.get(group)
    if (members === undefined || !members.delete(place)) return
    if (members.size === 0) this.groups.delete(group)
    this.size--
  }

  private choose(): Place | undefined {
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

/**
 * The place of one socket until it is admitted.
 *
 * @category models
 * @since 0.1.0
 */
export class Place {
  private readonly handshakes: Handshakes
  /** Ends the socket; given up with the place. */
  private drop: (() => Effect.Effect<void>) | undefined
  private group = silent

  constructor(handshakes: Handshakes, drop: () => Effect.Effect<void>) {
    this.handshakes = handshakes
    this.drop = drop
  }

  /** Its `hello` has come: it waits for this actor now. */
  waitFor(actor: string, key: string): void {
    if (this.drop === undefined) return
    this.handshakes.remove(this.group, this)
    this.group = JSON.stringify([actor, key])
    this.handshakes.add(this.group, this)
  }

  /** It was admitted, or is gone, or has to make room: returns what ends its socket, if it is there still. */
  leave(): (() => Effect.Effect<void>) | undefined {
    const { drop } = this
    if (drop !== undefined) this.handshakes.remove(this.group, this)
    this.drop = undefined
    return drop
  }
}

const first = <A>(items: Iterable<A>): A | undefined => {
  for (const item of items) return item
  return undefined
}
