/**
 * The events that a client's streams consume, and which of them the server
 * must be told of.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ConnectionError, EventsOverflow, InvalidEvent, TooManySubscriptions } from "../ConnectionError.ts"
import type { AnyActor } from "../internal/definition.ts"

type Failure = ConnectionError<unknown>
type Consumer = Queue.Queue<unknown, Failure>

/** One event: who consumes it, and what is held for the first who will. */
interface Feed {
  readonly consumers: Set<Consumer>
  readonly decode: (payload: unknown) => Effect.Effect<unknown, Schema.SchemaError>
  /** Set for the events that were named at connect time, until their first consumer has come. */
  held: Consumer | undefined
  /** Subscribed even without a consumer. */
  readonly pinned: boolean
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
  /** The events wanted now. */
  readonly wanted: () => ReadonlyArray<string>
  /** Hands an event to its consumers. */
  readonly deliver: (event: string, payload: unknown) => Effect.Effect<void>
  /** Fails the consumers of an event that could not be delivered. */
  readonly fail: (event: string, message: string) => Effect.Effect<void>
  /** Ends all streams, now and later. */
  readonly close: (error: Failure) => Effect.Effect<void>
}

/**
 * Makes the subscriptions of a client. `onChange` is called when the first
 * consumer of an event comes and when the last one goes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(actor: AnyActor, options: {
  readonly context: Context.Context<never>
  readonly capacity: number
  readonly pinned: ReadonlyArray<string>
  /** How many events the server lets a connection subscribe to; `undefined` before it has said so. */
  readonly limit: () => number | undefined
  readonly onChange: (event: string, wanted: boolean) => void
}): Effect.fn.Return<Subscriptions> {
  const feeds = new Map<string, Feed>()
  let closed: Failure | undefined
  const makeQueue = Queue.dropping<unknown, Failure>(options.capacity)

  for (const [event, schema] of actor.eventSchemas) {
    const pinned = options.pinned.includes(event)
    feeds.set(event, {
      consumers: new Set(),
      decode: Schema.decodeUnknownEffect(Schema.toCodecJson(schema)),
      held: pinned ? yield* makeQueue : undefined,
      pinned
    })
  }
  const isWanted = (feed: Feed) => feed.pinned || feed.consumers.size > 0

  const wanted = () => Array.from(feeds).filter(([, feed]) => isWanted(feed)).map(([event]) => event)

  const join = Effect.fnUntraced(function*(event: string, feed: Feed) {
    if (closed !== undefined && feed.held === undefined) return yield* closed
    const limit = options.limit()
    if (!isWanted(feed) && limit !== undefined && wanted().length >= limit) {
      return yield* new ConnectionError<unknown>({ reason: new TooManySubscriptions({ event, limit }) })
    }
    const queue = feed.held ?? (yield* makeQueue)
    feed.held = undefined
    const wasWanted = isWanted(feed)
    feed.consumers.add(queue)
    if (!wasWanted) options.onChange(event, true)
    return queue
  })
  const leave = (event: string, feed: Feed, queue: Consumer) =>
    Effect.sync(() => {
      feed.consumers.delete(queue)
      Queue.shutdownUnsafe(queue)
      if (!isWanted(feed) && closed === undefined) options.onChange(event, false)
    })

  const stream: Subscriptions["stream"] = (event) => {
    const feed = feeds.get(event)
    if (feed === undefined) return Stream.die(new Error(`${actor.type} has no event ${JSON.stringify(event)}`))
    return Effect.acquireRelease(join(event, feed), (queue) => leave(event, feed, queue)).pipe(
      Effect.map((queue) => Stream.fromQueue(queue)),
      Stream.unwrap,
      Stream.scoped
    )
  }

  const offer = (event: string, feed: Feed, value: unknown): void => {
    if (feed.held !== undefined) give(event, feed.held, value, options.capacity)
    for (const queue of feed.consumers) give(event, queue, value, options.capacity)
  }

  return {
    stream,
    wanted,
    deliver: (event, payload) => {
      const feed = feeds.get(event)
      if (feed === undefined || (feed.consumers.size === 0 && feed.held === undefined)) return Effect.void
      return Effect.match(Effect.provideContext(feed.decode(payload), options.context), {
        onFailure: (error) => failAll(feed, invalid(event, error.message)),
        onSuccess: (value) => offer(event, feed, value)
      })
    },
    fail: (event, message) =>
      Effect.sync(() => {
        const feed = feeds.get(event)
        if (feed !== undefined) failAll(feed, invalid(event, message))
      }),
    close: (error) =>
      Effect.sync(() => {
        closed = error
        for (const feed of feeds.values()) failAll(feed, error)
      })
  }
})

/** A consumer that is too slow gets what its buffer holds and then fails; nobody waits for it. */
const give = (event: string, queue: Consumer, value: unknown, capacity: number): void => {
  if (Queue.offerUnsafe(queue, value)) return
  Queue.failCauseUnsafe(
    queue,
    Cause.fail(new ConnectionError<unknown>({ reason: new EventsOverflow({ event, capacity }) }))
  )
}

const invalid = (event: string, message: string) =>
  new ConnectionError<unknown>({ reason: new InvalidEvent({ event, message }) })

const failAll = (feed: Feed, error: Failure): void => {
  const cause = Cause.fail(error)
  if (feed.held !== undefined) Queue.failCauseUnsafe(feed.held, cause)
  for (const queue of feed.consumers) Queue.failCauseUnsafe(queue, cause)
}
