/**
 * The events that a client's streams consume, and which of them the server
 * must be told of.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionError, EventsOverflow, InvalidEvent, TooManySubscriptions } from "../ConnectionError.ts"
import type { Gap } from "../ConnectionStatus.ts"
import type { AnyActor, AnyOccurrence } from "../internal/definition.ts"
import { Held } from "./Held.ts"

type Failure = ConnectionError<unknown>

interface Consumer {
  readonly queue: Queue.Queue<unknown, Failure>
  /** What it is given of an event. */
  readonly toItem: (event: string, payload: unknown) => unknown
}

/** One event and who consumes it. */
interface Feed {
  readonly consumers: Set<Consumer>
  readonly decode: (payload: unknown) => Effect.Effect<unknown, Schema.SchemaError>
}

/**
 * The subscriptions of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscriptions {
  /** The event as a stream; it subscribes while it runs. */
  readonly stream: (event: string) => Stream.Stream<unknown, Failure>
  /** Several events and the gaps as one stream, in order; it subscribes while it runs. */
  readonly listen: (events: ReadonlyArray<string>) => Stream.Stream<AnyOccurrence, Failure>
  /** The events wanted now. */
  readonly wanted: () => ReadonlyArray<string>
  /** Hands an event to its consumers. */
  readonly deliver: (event: string, payload: unknown) => Effect.Effect<void>
  /** Fails the consumers of an event that could not be delivered. */
  readonly fail: (event: string, message: string) => Effect.Effect<void>
  /** Hands a gap to those who listen. */
  readonly announce: (gap: Gap) => Effect.Effect<void>
  /** Ends all streams, now and later. */
  readonly close: (error: Failure) => Effect.Effect<void>
}

interface Options {
  readonly context: Context.Context<never>
  readonly capacity: number
  readonly pinned: ReadonlyArray<string>
  /** How many events the server lets a connection subscribe to; `undefined` before it has said so. */
  readonly limit: () => number | undefined
  readonly onChange: (event: string, wanted: boolean) => void
}

/**
 * Makes the subscriptions of a client. `onChange` is called when the first
 * consumer of an event comes and when the last one goes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (actor: AnyActor, options: Options): Subscriptions => {
  const feeds = new Map<string, Feed>()
  for (const [event, schema] of actor.eventSchemas) {
    feeds.set(event, { consumers: new Set(), decode: Schema.decodeUnknownEffect(Schema.toCodecJson(schema)) })
  }
  return new Registry(actor, options, feeds)
}

const invalid = (event: string, message: string) =>
  new ConnectionError<unknown>({ reason: new InvalidEvent({ event, message }) })

class Registry implements Subscriptions {
  private readonly actor: AnyActor
  private readonly options: Options
  private readonly feeds: ReadonlyMap<string, Feed>
  private readonly held: Held
  private readonly listeners = new Set<Consumer>()
  private closed: Failure | undefined

  constructor(actor: AnyActor, options: Options, feeds: ReadonlyMap<string, Feed>) {
    this.actor = actor
    this.options = options
    this.feeds = feeds
    this.held = new Held(options.pinned, options.capacity)
  }

  stream(event: string): Stream.Stream<unknown, Failure> {
    return this.consume([event], (_, payload) => payload)
  }

  listen(events: ReadonlyArray<string>): Stream.Stream<AnyOccurrence, Failure> {
    const toItem = (event: string, payload: unknown): AnyOccurrence => ({ _tag: "Event", event, payload })
    return this.consume(events, toItem, this.listeners) as Stream.Stream<AnyOccurrence, Failure>
  }

  readonly wanted = (): ReadonlyArray<string> => Array.from(this.feeds.keys()).filter((event) => this.isWanted(event))

  deliver(event: string, payload: unknown): Effect.Effect<void> {
    const feed = this.feeds.get(event)
    if (feed === undefined || (feed.consumers.size === 0 && !this.held.has(event))) return Effect.void
    const decoded = feed.decode(payload)
    // Most events need no services and are decoded at once.
    if (Exit.isExit(decoded) && Exit.isSuccess(decoded)) {
      this.hand(event, feed, decoded.value)
      return Effect.void
    }
    return Effect.match(Effect.provideContext(decoded, this.options.context), {
      onFailure: ({ message }) => this.failAll(event, feed, invalid(event, message)),
      onSuccess: (value) => this.hand(event, feed, value)
    })
  }

  fail(event: string, message: string): Effect.Effect<void> {
    return Effect.sync(() => {
      const feed = this.feeds.get(event)
      if (feed !== undefined) this.failAll(event, feed, invalid(event, message))
    })
  }

  announce(gap: Gap): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const consumer of this.listeners) this.give(consumer, "a gap", { _tag: "Gap", gap })
    })
  }

  close(error: Failure): Effect.Effect<void> {
    return Effect.sync(() => {
      this.closed = error
      for (const [event, feed] of this.feeds) this.failAll(event, feed, error)
      for (const { queue } of this.listeners) Queue.failCauseUnsafe(queue, Cause.fail(error))
    })
  }

  private hand(event: string, feed: Feed, value: unknown): void {
    this.held.add(event, value)
    for (const consumer of feed.consumers) this.give(consumer, event, consumer.toItem(event, value))
  }

  /** A consumer that is too slow gets what its buffer holds and then fails; nobody waits for it. */
  private give({ queue }: Consumer, event: string, item: unknown): void {
    if (Queue.offerUnsafe(queue, item)) return
    const reason = new EventsOverflow({ event, capacity: this.options.capacity })
    Queue.failCauseUnsafe(queue, Cause.fail(new ConnectionError<unknown>({ reason })))
  }

  private failAll(event: string, feed: Feed, error: Failure): void {
    this.held.fail(event, error)
    for (const { queue } of feed.consumers) Queue.failCauseUnsafe(queue, Cause.fail(error))
  }

  private isWanted(event: string): boolean {
    return this.options.pinned.includes(event) || this.feeds.get(event)!.consumers.size > 0
  }

  private consume(
    names: ReadonlyArray<string>,
    toItem: Consumer["toItem"],
    listeners?: Set<Consumer>
  ): Stream.Stream<unknown, Failure> {
    const events = Array.from(new Set(names))
    const unknown = events.find((event) => !this.feeds.has(event))
    if (unknown !== undefined) {
      return Stream.die(new Error(`${this.actor.type} has no event ${JSON.stringify(unknown)}`))
    }
    const join = Effect.suspend((): Effect.Effect<Consumer, Failure, Scope.Scope> => {
      const refusal = this.refusal(events)
      return refusal === undefined
        ? Effect.acquireRelease(this.join(events, toItem, listeners), (consumer) => this.leave(events, consumer))
        : Effect.fail(refusal)
    })
    return join.pipe(
      Effect.map(({ queue }) => Stream.fromQueue(queue)),
      Stream.unwrap,
      Stream.scoped
    )
  }

  /** Why these events cannot be consumed now. */
  private refusal(events: ReadonlyArray<string>): Failure | undefined {
    if (this.closed !== undefined && !events.some((event) => this.held.has(event))) return this.closed
    const limit = this.options.limit() ?? Infinity
    const event = events.filter((event) => !this.isWanted(event))[Math.max(0, limit - this.wanted().length)]
    return event === undefined
      ? undefined
      : new ConnectionError<unknown>({ reason: new TooManySubscriptions({ event, limit }) })
  }

  private readonly join = Effect.fnUntraced(function*(
    this: Registry,
    events: ReadonlyArray<string>,
    toItem: Consumer["toItem"],
    listeners: Set<Consumer> | undefined
  ) {
    const { failure, items } = this.held.take(events)
    const queue = yield* Queue.dropping<unknown, Failure>(Math.max(this.options.capacity, items.length))
    for (const [event, payload] of items) Queue.offerUnsafe(queue, toItem(event, payload))
    if (failure !== undefined) Queue.failCauseUnsafe(queue, Cause.fail(failure))
    const consumer: Consumer = { queue, toItem }
    for (const event of events) {
      const wasWanted = this.isWanted(event)
      this.feeds.get(event)!.consumers.add(consumer)
      if (!wasWanted) this.options.onChange(event, true)
    }
    listeners?.add(consumer)
    return consumer
  })

  private leave(events: ReadonlyArray<string>, consumer: Consumer): Effect.Effect<void> {
    return Effect.sync(() => {
      this.listeners.delete(consumer)
      Queue.shutdownUnsafe(consumer.queue)
      for (const event of events) {
        this.feeds.get(event)!.consumers.delete(consumer)
        if (!this.isWanted(event) && this.closed === undefined) this.options.onChange(event, false)
      }
    })
  }
}
