/**
 * What a host allows and how long it waits.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { HeartbeatTiming, Limits } from "../session/Frame.ts"

/**
 * Options of a host; every one has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostOptions {
  /** How long a lost connection can be resumed. Zero ends it with its socket. Default: 1 minute. */
  readonly resumeWindow?: Duration.Input | undefined
  /**
   * How long a hook may run, counted from when it starts. Clients wait 25 seconds for their welcome unless told
   * otherwise (`handshakeTimeout`), so keep it well below. Default: 10 seconds.
   */
  readonly hookTimeout?: Duration.Input | undefined
  /** How long an accepted socket may take to send its `hello`. Default: 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** Silence after which an end pings. Default: 15 seconds. */
  readonly heartbeatInterval?: Duration.Input | undefined
  /** How long a ping may go unanswered before the socket is given up. Default: 10 seconds. */
  readonly heartbeatTimeout?: Duration.Input | undefined
  /**
   * How long the running calls of a connection that is kicked or drained may take until they are interrupted. Default: 10
   * seconds.
   */
  readonly kickGrace?: Duration.Input | undefined
  /**
   * Largest frame in bytes: what the host sends, and what it asks its clients to keep to. What they send is bounded by
   * `maxBatchBytes`. Default: 262,144.
   */
  readonly maxFrameBytes?: number | undefined
  /** Largest message, of one frame or several, in bytes. Default: 1,048,576. */
  readonly maxBatchBytes?: number | undefined
  /** Largest `hello`, and with it the encoded params, in bytes. Default: 65,536. */
  readonly maxHelloBytes?: number | undefined
  /** Calls without a reply per connection. Default: 100. */
  readonly maxCallsInFlight?: number | undefined
  /** Subscribed events per connection. Default: 256. */
  readonly maxSubscriptions?: number | undefined
  /** Connections per actor; more are sent away with `Draining` and may come back. Default: unlimited. */
  readonly maxConnections?: number | undefined
  /** Sockets that have not been admitted yet, over all actors; more are closed at once. Default: 1,000. */
  readonly maxHandshakes?: number | undefined
  /** Chunks of a streaming call on their way. Default: 16. */
  readonly streamWindow?: number | undefined
  /** Frames kept for a client that has not acknowledged them. Default: 1,024. */
  readonly bufferFrames?: number | undefined
  /** Bytes of such frames, counted as UTF-16 code units, which is the same for ASCII. Default: 4,194,304. */
  readonly bufferBytes?: number | undefined
}

/**
 * The options of a host with their defaults filled in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly resumeWindow: Duration.Duration
  readonly hookTimeout: Duration.Duration
  readonly handshakeTimeout: Duration.Duration
  readonly kickGrace: Duration.Duration
  readonly heartbeat: HeartbeatTiming
  readonly limits: Limits
  readonly maxHelloBytes: number
  readonly maxConnections: number
  readonly maxHandshakes: number
}

/**
 * Fills in the defaults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: HostOptions = {}): Settings => {
  const duration = (input: Duration.Input | undefined, fallback: Duration.Input) =>
    Duration.fromInputUnsafe(input ?? fallback)
  const millis = (input: Duration.Input | undefined, fallback: Duration.Input) =>
    Math.ceil(Duration.toMillis(duration(input, fallback)))
  return {
    resumeWindow: duration(options.resumeWindow, "1 minute"),
    hookTimeout: duration(options.hookTimeout, "10 seconds"),
    handshakeTimeout: duration(options.handshakeTimeout, "10 seconds"),
    kickGrace: duration(options.kickGrace, "10 seconds"),
    heartbeat: {
      interval: millis(options.heartbeatInterval, "15 seconds"),
      timeout: millis(options.heartbeatTimeout, "10 seconds")
    },
    limits: {
      frameBytes: options.maxFrameBytes ?? 262_144,
      batchBytes: Math.max(options.maxBatchBytes ?? 1_048_576, (options.maxFrameBytes ?? 262_144) + 2),
      callsInFlight: options.maxCallsInFlight ?? 100,
      subscriptions: options.maxSubscriptions ?? 256,
      streamWindow: options.streamWindow ?? 16,
      bufferFrames: options.bufferFrames ?? 1_024,
      bufferBytes: options.bufferBytes ?? 4_194_304
    },
    maxHelloBytes: options.maxHelloBytes ?? 65_536,
    maxConnections: options.maxConnections ?? Infinity,
    maxHandshakes: options.maxHandshakes ?? 1_000
  }
}
