/**
 * The events that were named at connect time, until their first consumer has
 * come.
 *
 * @since 0.1.0
 */
import { ConnectionError, EventsOverflow } from "../ConnectionError.ts"

type Failure = ConnectionError<unknown>

interface Shelf {
  count: number
  /** Why no more of them are held. */
  failure: Failure | undefined
}

/**
 * What is held: each event up to a capacity, in the order in which they came
 * over all events.
 *
 * @category models
 * @since 0.1.0
 */
export class Held {
  private readonly capacity: number
  private readonly shelves: Map<string, Shelf>
  private items: Array<readonly [event: string, payload: unknown]> = []

  constructor(events: ReadonlyArray<string>, capacity: number) {
    this.capacity = capacity
    this.shelves = new Map(events.map((event) => [event, { count: 0, failure: undefined }]))
  }

  /** Whether the event still waits for its first consumer. */
  has(event: string): boolean {
    return this.shelves.has(event)
  }

  add(event: string, payload: unknown): void {
    const shelf = this.shelves.get(event)
    if (shelf === undefined || shelf.failure !== undefined) return
    if (shelf.count++ < this.capacity) this.items.push([event, payload])
    else {this.fail(
        event,
        new ConnectionError<unknown>({ reason: new EventsOverflow({ event, capacity: this.capacity }) })
      )}
  }

  /** Holds no more of the event; its first consumer gets what there is and then fails. */
  fail(event: string, error: Failure): void {
    const shelf = this.shelves.get(event)
    if (shelf !== undefined) shelf.failure ??= error
  }

  /** Takes out what is held for the first consumer of these events, and how that ends if it has. */
  take(events: ReadonlyArray<string>): {
    readonly items: ReadonlyArray<readonly [event: string, payload: unknown]>
    readonly failure: Failure | undefined
  } {
    const failure = events.map((event) => this.shelves.get(event)?.failure).find((failure) => failure !== undefined)
    const mine = new Set(events.filter((event) => this.shelves.delete(event)))
    const items = this.items.filter(([event]) => mine.has(event))
    this.items = this.items.filter(([event]) => !mine.has(event))
    return { items, failure }
  }
}
