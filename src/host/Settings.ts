/**
 * What a host allows and how long it waits.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { HeartbeatTiming, Limits } from "../session/Frame.ts"
import type { Rate } from "../session/Throttle.ts"

/**
 * Options of a host; every one has a default.
 *
 * **Details**
 *
 * Durations are rounded up to whole milliseconds and are at most 2,147,483,647 of them (24.8 days); numbers are rounded
 * down.
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
   * Largest frame in bytes, in both directions. A larger call fails alone. Default: 262,144.
   */
  readonly maxFrameBytes?: number | undefined
  /** Largest message, of one frame or several, in bytes. Default: 1,048,576. */
  readonly maxBatchBytes?: number | undefined
  /** Largest `hello`, and with it the encoded params, in bytes. Default: 65,536. */
  readonly maxHelloBytes?: number | undefined
  /** Levels of arrays and objects in the params and in the payload of a call. Default: 64. */
  readonly maxDepth?: number | undefined
  /**
   * Frames per second that a client may send in the long run, and twice as many at once. One that sends more is read more
   * slowly and never ended for it. Default: 10,000.
   */
  readonly maxFramesPerSecond?: number | undefined
  /** Bytes per second, likewise; counted as UTF-16 code units, which is the same for ASCII. Default: 16,777,216. */
  readonly maxBytesPerSecond?: number | undefined
  /** Calls without a reply per connection. Default: 100. */
  readonly maxCallsInFlight?: number | undefined
  /** Subscribed events per connection. Default: 256. */
  readonly maxSubscriptions?: number | undefined
  /** Connections per actor; more are sent away with `Draining` and may come back. Default: unlimited. */
  readonly maxConnections?: number | undefined
  /**
   * Sockets that have not been admitted yet, over all actors. One more closes one: the oldest of those that have said
   * nothing yet, or the youngest of the actor that keeps the most waiting. Default: 1,000.
   */
  readonly maxHandshakes?: number | undefined
  /**
   * Actor instances that live at once, over all actors. Clients of an actor that would be one more are sent away with
   * `Draining` and may come back; calls of server code are not limited. Default: 100,000.
   */
  readonly maxActors?: number | undefined
  /** Data frames of a connection that wait for `onConnect`; one more is a protocol error. Default: 1,024. */
  readonly maxWaitingFrames?: number | undefined
  /** Chunks of a streaming call on their way. Default: 16. */
  readonly streamWindow?: number | undefined
  /**
   * Frames kept for a client that has not acknowledged them; more end its session. So many events, less those that
   * were acknowledged, can be sent in one go. Default: 16,384.
   */
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
  readonly maxDepth: number
  readonly maxConnections: number
  readonly maxHandshakes: number
  readonly maxActors: number
  readonly maxWaitingFrames: number
  readonly rate: Rate
}

/**
 * The value of each option that nobody sets.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  resumeWindow: "1 minute",
  hookTimeout: "10 seconds",
  handshakeTimeout: "10 seconds",
  heartbeatInterval: "15 seconds",
  heartbeatTimeout: "10 seconds",
  kickGrace: "10 seconds",
  maxFrameBytes: 262_144,
  maxBatchBytes: 1_048_576,
  maxHelloBytes: 65_536,
  maxDepth: 64,
  maxFramesPerSecond: 10_000,
  maxBytesPerSecond: 16_777_216,
  maxCallsInFlight: 100,
  maxSubscriptions: 256,
  maxConnections: Infinity,
  maxHandshakes: 1_000,
  maxActors: 100_000,
  maxWaitingFrames: 1_024,
  streamWindow: 16,
  bufferFrames: 16_384,
  bufferBytes: 4_194_304
} as const satisfies { readonly [K in keyof Required<HostOptions>]: NonNullable<HostOptions[K]> }

/**
 * Fills in the defaults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: HostOptions = {}): Settings => {
  const resumeWindow = millis(options.resumeWindow, defaults.resumeWindow)
  const frameBytes = count(options.maxFrameBytes, defaults.maxFrameBytes)
  return {
    resumeWindow: Duration.millis(resumeWindow),
    hookTimeout: Duration.millis(millis(options.hookTimeout, defaults.hookTimeout)),
    handshakeTimeout: Duration.millis(millis(options.handshakeTimeout, defaults.handshakeTimeout)),
    kickGrace: Duration.millis(millis(options.kickGrace, defaults.kickGrace)),
    heartbeat: {
      interval: millis(options.heartbeatInterval, defaults.heartbeatInterval),
      timeout: millis(options.heartbeatTimeout, defaults.heartbeatTimeout)
    },
    limits: {
      frameBytes,
      batchBytes: Math.max(count(options.maxBatchBytes, defaults.maxBatchBytes), frameBytes + 2),
      callsInFlight: count(options.maxCallsInFlight, defaults.maxCallsInFlight),
      subscriptions: count(options.maxSubscriptions, defaults.maxSubscriptions),
      streamWindow: Math.max(1, count(options.streamWindow, defaults.streamWindow)),
      bufferFrames: Math.max(1, count(options.bufferFrames, defaults.bufferFrames)),
      bufferBytes: Math.max(1, count(options.bufferBytes, defaults.bufferBytes))
    },
    maxHelloBytes: count(options.maxHelloBytes, defaults.maxHelloBytes),
    // Deeper values would make those who walk them run out of stack.
    maxDepth: Math.min(count(options.maxDepth, defaults.maxDepth), 256),
    maxConnections: options.maxConnections ?? defaults.maxConnections,
    maxHandshakes: options.maxHandshakes ?? defaults.maxHandshakes,
    maxActors: options.maxActors ?? defaults.maxActors,
    maxWaitingFrames: Math.max(1, count(options.maxWaitingFrames, defaults.maxWaitingFrames)),
    rate: {
      framesPerSecond: Math.max(1, options.maxFramesPerSecond ?? defaults.maxFramesPerSecond),
      bytesPerSecond: Math.max(1, options.maxBytesPerSecond ?? defaults.maxBytesPerSecond)
    }
  }
}

/** Numbers travel as whole ones: fractions are cut, and what is endless becomes very large. */
const count = (value: number | undefined, fallback: number): number =>
  Math.max(0, Math.floor(Math.min(value ?? fallback, 2 ** 52)))

/** The longest timer of JavaScript. */
const longest = 2 ** 31 - 1

const millis = (value: Duration.Input | undefined, fallback: Duration.Input): number =>
  Math.max(0, Math.ceil(Math.min(Duration.toMillis(value ?? fallback), longest)))
