/**
 * The hosts that a behaviour is shown on: one in the process, and one in a cluster of a single node, with nothing stored
 * about it and without a network, so that a test clock is all of its time.
 *
 * @since 0.1.0
 */
import * as vitest from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import { MessageStorage, RunnerHealth, Runners, RunnerStorage, Sharding, ShardingConfig } from "effect/cluster"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"

/**
 * Which of the hosts a test runs on.
 *
 * @category services
 * @since 0.1.0
 */
export const Kind = Context.Reference<"local" | "cluster">("effect-tether/test/Hosts/Kind", {
  defaultValue: () => "local"
})

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
 * The host that the test runs on.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHost = (options?: ActorHost.HostOptions): Layer.Layer<ActorHost.ActorHost> =>
  Layer.unwrap(Effect.map(Kind, (kind) =>
    kind === "local"
      ? ActorHost.layerLocal(options)
      : Layer.provide(ClusterHost.layer(options), layerSingleNode)))

/** Registers a test with a test clock once for each host. */
const onEachHost = <A, E>(
  name: string,
  body: () => Effect.Effect<A, E, Scope.Scope>,
  options: {
    readonly timeout?: number
    /** Why a cluster behaves differently by design, or cannot show it; the test is left out there. */
    readonly notInCluster?: string
  } = {}
): void => {
  for (const kind of ["local", "cluster"] as const) {
    if (kind === "cluster" && options.notInCluster !== undefined) continue
    vitest.it.effect(`${name} (${kind})`, () => Effect.provideService(body(), Kind, kind), options.timeout)
  }
}

/**
 * What registers tests: `onEachHost` those that have to pass on every host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const it = { effect: vitest.it.effect, live: vitest.it.live, onEachHost }
