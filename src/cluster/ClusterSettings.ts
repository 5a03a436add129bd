/**
 * What a host in a cluster has beside the options of every host.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as HostConfig from "../host/HostConfig.ts"
import type { HostOptions } from "../host/Settings.ts"
import { duration } from "../internal/settings.ts"
import type { TunnelTiming } from "./Tunnel.ts"

/**
 * Options of a host in a cluster beside those of every host; every one has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface TunnelOptions {
  /**
   * How long nothing may travel from the node of a client's socket to the actor until that node shows that it lives.
   * Default: 5 seconds.
   */
  readonly tunnelHeartbeatInterval?: Duration.Input | undefined
  /**
   * How long a node may then fail to do so, or the actor's node to answer it, until the other one gives it up.
   * Default: 10 seconds.
   */
  readonly tunnelHeartbeatTimeout?: Duration.Input | undefined
}

/**
 * Options of a host in a cluster; every one has a default. Use the same on all nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterOptions extends HostOptions, TunnelOptions {}

/**
 * The defaults.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  tunnelHeartbeatInterval: "5 seconds",
  tunnelHeartbeatTimeout: "10 seconds"
} as const satisfies { readonly [K in keyof Required<TunnelOptions>]: NonNullable<TunnelOptions[K]> }

/**
 * Fills in the defaults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: TunnelOptions, kickGrace: Duration.Duration): TunnelTiming => ({
  heartbeat: {
    interval: Duration.toMillis(options.tunnelHeartbeatInterval ?? defaults.tunnelHeartbeatInterval),
    timeout: Duration.toMillis(options.tunnelHeartbeatTimeout ?? defaults.tunnelHeartbeatTimeout)
  },
  leaveGrace: Duration.toMillis(kickGrace) + lastHooks
})

/** What the last hooks of an actor's connections may take when it leaves, after their calls. */
const lastHooks = 5_000

const tunnel: Config.Config<TunnelOptions> = Config.all(
  {
    tunnelHeartbeatInterval: duration("tunnelHeartbeatInterval"),
    tunnelHeartbeatTimeout: duration("tunnelHeartbeatTimeout")
  } satisfies { readonly [K in keyof Required<TunnelOptions>]: Config.Config<TunnelOptions[K]> }
).pipe(Config.nested("host"), Config.nested("tether"))

/**
 * Every option under `tether.host`; what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<ClusterOptions> = Config.map(
  Config.all([HostConfig.config, tunnel]),
  ([host, tunnel]) => ({ ...host, ...tunnel })
)
