/**
 * The hosts that a behaviour is shown on: one in the process, and one in a cluster of a single node, with nothing stored
 * about it and without a network, so that a test clock is all of its time.
 *
 * @since 0.1.0
 */
import { describe } from "@effect/vitest"
import { Layer } from "effect"
import { MessageStorage, RunnerHealth, Runners, RunnerStorage, Sharding, ShardingConfig } from "effect/cluster"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = "local" | "cluster"

/** Nothing ever changes where there is one node: looking for it every few seconds would make hours of a test long. */
const seldom = "1 day"

/** The engine of a cluster. */
const layerSingleNode = Sharding.layer.pipe(
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(ShardingConfig.layer({
    entityMessagePollInterval: seldom,
    refreshAssignmentsInterval: seldom,
    runnerHealthCheckInterval: seldom,
    shardLockRefreshInterval: seldom,
    shardLockExpiration: "4 days"
  }))
)

/**
 * A host of a kind.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (kind: Kind, options?: ActorHost.HostOptions): Layer.Layer<ActorHost.ActorHost> =>
  kind === "local" ? ActorHost.layerLocal(options) : Layer.provide(ClusterHost.layer(options), layerSingleNode)

/**
 * Registers tests once for each host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const describeOnEach = (name: string, define: (kind: Kind) => void): void => {
  for (const kind of ["local", "cluster"] as const) describe(`${name} (${kind})`, () => define(kind))
}
