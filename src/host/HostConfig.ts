/**
 * The options of a host, and of its draining, as `Config`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { DrainOptions } from "../internal/actorHost.ts"
import { count, duration } from "../internal/settings.ts"
import type { HostOptions } from "./Settings.ts"

/**
 * Every option of a host under `tether.host`; what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<HostOptions> = Config.all(
  {
    resumeWindow: duration("resumeWindow"),
    hookTimeout: duration("hookTimeout"),
    handshakeTimeout: duration("handshakeTimeout"),
    heartbeatInterval: duration("heartbeatInterval"),
    heartbeatTimeout: duration("heartbeatTimeout"),
    kickGrace: duration("kickGrace"),
    maxFrameBytes: count("maxFrameBytes"),
    maxBatchBytes: count("maxBatchBytes"),
    maxHelloBytes: count("maxHelloBytes"),
    maxDepth: count("maxDepth"),
    maxFramesPerSecond: count("maxFramesPerSecond"),
    maxBytesPerSecond: count("maxBytesPerSecond"),
    maxCallsInFlight: count("maxCallsInFlight"),
    maxSubscriptions: count("maxSubscriptions"),
    maxConnections: count("maxConnections"),
    maxHandshakes: count("maxHandshakes"),
    maxActors: count("maxActors"),
    maxWaitingFrames: count("maxWaitingFrames"),
    streamWindow: count("streamWindow"),
    bufferFrames: count("bufferFrames"),
    bufferBytes: count("bufferBytes")
  } satisfies { readonly [K in keyof Required<HostOptions>]: Config.Config<HostOptions[K]> }
).pipe(Config.nested("host"), Config.nested("tether"))

/**
 * Every option of draining under `tether.drain`; what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const drain: Config.Config<DrainOptions> = Config.all(
  {
    window: duration("window"),
    retryAfter: duration("retryAfter"),
    limit: duration("limit")
  } satisfies { readonly [K in keyof Required<DrainOptions>]: Config.Config<DrainOptions[K]> }
).pipe(Config.nested("drain"), Config.nested("tether"))
