/**
 * Where actors live.
 *
 * @since 0.1.0
 */
import type * as Sharding from "effect/cluster/Sharding"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ClusterOptions } from "./cluster/ClusterSettings.ts"
import * as HostConfig from "./host/HostConfig.ts"
import * as LocalHost from "./host/LocalHost.ts"
import type { HostOptions } from "./host/Settings.ts"
import { ActorHost } from "./internal/actorHost.ts"

export {
  /**
   * The service that starts actors, keeps one live instance per name and key, and serves their clients.
   *
   * @category services
   * @since 0.1.0
   */
  ActorHost
} from "./internal/actorHost.ts"

export type {
  /**
   * How a host sends its clients away.
   *
   * @category models
   * @since 0.1.0
   */
  DrainOptions
} from "./internal/actorHost.ts"

export type {
  /**
   * A live actor instance, as `inspect` shows it.
   *
   * @category models
   * @since 0.1.0
   */
  ActorView,
  /**
   * A connection, as `inspect` shows it.
   *
   * @category models
   * @since 0.1.0
   */
  ConnectionView,
  /**
   * A host at one moment: what its `inspect` gives.
   *
   * @category models
   * @since 0.1.0
   */
  HostView,
  /**
   * What to look for in a host.
   *
   * @category models
   * @since 0.1.0
   */
  InspectOptions,
  /**
   * Counts since the process began, of all actors of a host.
   *
   * @category models
   * @since 0.1.0
   */
  Totals
} from "./internal/inspection.ts"

export type {
  /**
   * Options of a host; every one has a default.
   *
   * @category models
   * @since 0.1.0
   */
  HostOptions
} from "./host/Settings.ts"

/**
 * A host of actors in this process.
 *
 * **Details**
 *
 * An actor starts on its first use and stops after its `maxIdleTime` without connections and calls. When the host closes,
 * the connections of actors in memory end with `Draining` and their `onDisconnect` hooks run; those of durable actors stay
 * for the next host, without that hook. Clients of both come back when there is a server again.
 *
 * **Gotchas**
 *
 * `HttpRouter.serve` builds what it is given privately. Provide the host outside of it, so that server and actors share
 * one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocal = (options?: HostOptions): Layer.Layer<ActorHost> =>
  Layer.effect(ActorHost, LocalHost.make(options))

/**
 * Every option of a host as `Config`, under `tether.host`, named as in `HostOptions`; what is not set has its default.
 *
 * **Details**
 *
 * With `ConfigProvider.fromEnv` and `ConfigProvider.constantCase` the option `resumeWindow` is the variable
 * `TETHER_HOST_RESUME_WINDOW`. Lengths of time are written as `30 seconds`, numbers as `1000`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<HostOptions> = HostConfig.config

/**
 * Actors in this process, as `layerLocal`, with options from the `ConfigProvider`.
 *
 * **Example**
 *
 * ```ts
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Layer from "effect/Layer"
 * import * as ActorHost from "effect-tether/ActorHost"
 *
 * export const HostLayer = ActorHost.layerLocalConfig().pipe(
 *   Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv().pipe(ConfigProvider.constantCase)))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocalConfig = (
  options: Config.Config<HostOptions> = config
): Layer.Layer<ActorHost, Config.ConfigError> => Layer.effect(ActorHost, Effect.flatMap(options, LocalHost.make))

/**
 * A host whose actors live on the nodes of a cluster, each on one of them, and are reached from all; see
 * `cluster/ClusterHost`, which has more to it.
 *
 * **Details**
 *
 * The cluster is that of `effect/cluster`, whose code is loaded when the layer is built: apps in one process are spared
 * it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCluster = (options?: ClusterOptions): Layer.Layer<ActorHost, never, Sharding.Sharding> =>
  Layer.unwrap(
    Effect.map(Effect.promise(() => import("./cluster/ClusterHost.ts")), (ClusterHost) => ClusterHost.layer(options))
  )
