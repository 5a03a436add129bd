/**
 * The handle by which an app uses an actor: calls, events and the state of the connection.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcClient from "effect/rpc/RpcClient"
import type * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type { Events, Payload } from "./Connection.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import type { Gap, Status } from "./ConnectionStatus.ts"
import type { Lost } from "./Reconnect.ts"

/**
 * A client of one actor instance.
 *
 * **Details**
 *
 * It exists at once, before the first dial, and reconnects by itself until its scope closes, the app calls `disconnect`,
 * or a terminal reason ends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client<Rpcs extends Rpc.Any, Es extends Events, Rejection = never> {
  /**
   * The actor's RPCs. A call that is made while away waits in a bounded queue and is sent, in order, on return. Each runs
   * at most once, unless its RPC is annotated as `idempotent` (see `Delivery`), and settles: with its reply, or with a
   * `ConnectionError` that tells whether it ran. Interrupting a call takes it out of the queue, or interrupts its handler
   * if it was sent.
   */
  readonly rpc: RpcClient.RpcClient<Rpcs, ConnectionError<Rejection>>
  /**
   * The actor's events, each a stream that subscribes while it runs and goes on across reconnects. Several consumers of
   * one event each get all of it. It fails with `EventsOverflow` if its consumer is too slow, with `InvalidEvent` or
   * `TooManySubscriptions`, and with `Rejected` or `Disconnected` when the handle is done.
   */
  readonly events: {
    readonly [K in keyof Es]: Stream.Stream<Payload<Es, K>, ConnectionError<Rejection>>
  }
  /**
   * Several events, and the gaps between them, as one stream: all in the order in which they came. It subscribes while it
   * runs, as the streams of `events` do.
   */
  readonly listen: <K extends keyof Es & string>(
    ...events: ReadonlyArray<K>
  ) => Stream.Stream<Occurrence<Es, K>, ConnectionError<Rejection>>
  /** Where the client stands; `SubscriptionRef.changes` follows it. */
  readonly status: SubscriptionRef.SubscriptionRef<Status<Rejection>>
  /**
   * Emits when continuity was lost, so that the app can fetch anew what it derived from events. Ends when the handle is
   * done. A reader that is 16 gaps behind misses the oldest.
   */
  readonly gaps: Stream.Stream<Gap>
  /** How many calls wait in the queue. */
  readonly queued: Effect.Effect<number>
  /** How many calls wait in the queue, now and whenever that changes; a slow reader gets the newest number. */
  readonly queuedChanges: Stream.Stream<number>
  /**
   * Leaves for good, with a reason for the actor: settles all calls, ends all streams. Does nothing when done already.
   * Waits at most a second for the word to leave, and is not interrupted meanwhile. An actor that cannot be reached
   * learns of it when its resume window is over.
   */
  readonly disconnect: (reason?: string) => Effect.Effect<void>
}

/**
 * What `listen` gives: an event with its payload, or a gap, which says that events may be missing here.
 *
 * @category models
 * @since 0.1.0
 */
export type Occurrence<Es extends Events, K extends keyof Es & string = keyof Es & string> =
  | { readonly [P in K]: { readonly _tag: "Event"; readonly event: P; readonly payload: Payload<Es, P> } }[K]
  | { readonly _tag: "Gap"; readonly gap: Gap }

/**
 * How a client connects.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions<Es extends Events> {
  /**
   * Events to subscribe to in the handshake and to hold for their first consumer, so that nothing is missed that
   * `onConnect` sends. Default: none.
   */
  readonly subscribe?: ReadonlyArray<keyof Es & string> | undefined
  /** When to dial again. A schedule that ends makes the client give up as `Disconnected`. Default: `Reconnect.policy`. */
  readonly reconnect?: Schedule.Schedule<unknown, Lost> | undefined
  /** How many calls may wait in the queue. Default: 1,024. */
  readonly queueCapacity?: number | undefined
  /** What a call does when the queue is full: wait for room, or fail with `QueueFull`. Default: `suspend`. */
  readonly onQueueFull?: "suspend" | "fail" | undefined
  /** How many events may wait for one consumer before it fails with `EventsOverflow`. Default: 1,024. */
  readonly eventCapacity?: number | undefined
  /** How long a socket may take to open before the dial counts as failed. Default: 10 seconds. */
  readonly openTimeout?: Duration.Input | undefined
  /**
   * How long the server may take to admit the client, counted from the opened socket; its hooks have limits of their own,
   * which should be shorter. Default: 25 seconds.
   */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** How long one evaluation of `params` may take before the dial counts as failed. Default: 10 seconds. */
  readonly paramsTimeout?: Duration.Input | undefined
  /** Largest message of the server, of one frame or several, in bytes. Default: 16,777,216. */
  readonly maxMessageBytes?: number | undefined
}
