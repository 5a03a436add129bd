/**
 * What an instance has changed and said and has not stored and let out yet.
 *
 * @since 0.1.0
 */
import { Segment } from "./Segment.ts"

/**
 * The segments of an instance, oldest first; the last one takes what comes, unless it is sealed.
 *
 * @category models
 * @since 0.1.0
 */
export class Segments {
  private readonly all: Array<Segment> = []

  get size(): number {
    return this.all.length
  }

  /** The oldest one. */
  get head(): Segment | undefined {
    return this.all[0]
  }

  /** The one that takes what comes next. */
  last(): Segment {
    const last = this.all.at(-1)
    return last === undefined || last.isSealed ? this.open() : last
  }

  /**
   * What has to be stored before something from outside the turns may leave; `undefined` if nothing has. A turn that is
   * going on holds it back only where it has changed something, or said something that is not to be overtaken.
   */
  beside(): Segment | undefined {
    const last = this.all.at(-1)
    if (last === undefined) return undefined
    return last.isTurn && !last.isDirty && last.emissions.length === 0 ? this.all.at(-2) : this.last()
  }

  /** The last one before the turn that is going on. */
  get beforeTurn(): Segment | undefined {
    return this.all.at(this.all.at(-1)?.isTurn === true ? -2 : -1)
  }

  /** Begins another one. */
  open(): Segment {
    const last = this.all.at(-1)
    if (last !== undefined) last.isSealed = true
    const segment = new Segment()
    this.all.push(segment)
    return segment
  }

  /** The oldest ones that may be stored together, from now on sealed. */
  takeReady(): ReadonlyArray<Segment> {
    const end = this.all.findIndex(({ isReady }) => !isReady)
    const ready = end === -1 ? this.all.slice() : this.all.slice(0, end)
    for (const segment of ready) segment.isSealed = true
    return ready
  }

  /** Takes the oldest one away. */
  shift(): void {
    this.all.shift()
  }

  /** Takes all away. */
  clear(): ReadonlyArray<Segment> {
    return this.all.splice(0)
  }
}
