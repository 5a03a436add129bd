/**
 * Actors on any number of nodes, placed by `effect/cluster`.
 *
 * @since 0.1.0
 */
import * as Sharding from "effect/cluster/Sharding"
import type * as ShardingConfig from "effect/cluster/ShardingConfig"
import type * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { SocketError } from "effect/socket/Socket"
import { CallError, HostClosed } from "../CallError.ts"
import * as Accept from "../host/Accept.ts"
import * as Inspect from "../host/Inspect.ts"
import { Registry } from "../host/Registry.ts"
import * as Settings from "../host/Settings.ts"
import { WaitGraph } from "../host/WaitGraph.ts"
import { ActorHost, type Registration } from "../internal/actorHost.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import { CallChains } from "./CallChains.ts"
import * as ClusterActors from "./ClusterActors.ts"
import * as ClusterSettings from "./ClusterSettings.ts"
import * as Gateway from "./Gateway.ts"
import * as RemoteCalls from "./RemoteCalls.ts"
import * as Returning from "./Returning.ts"
import * as Sockets from "./Sockets.ts"

export type {
  /**
   * Options of a host in a cluster; every one has a default. Use the same on all nodes.
   *
   * @category models
   * @since 0.1.0
   */
  ClusterOptions
} from "./ClusterSettings.ts"

/**
 * A host whose actors live on the nodes of a cluster, each on one of them, and are reached from all.
 *
 * **Details**
 *
 * The node that accepts a client's socket passes messages on and keeps nothing: session, hooks, state and the list of
 * connections live with the actor. When that node leaves or crashes its clients dial again, reach any other and resume.
 * When the actor's node leaves or crashes the actor starts on another one, as after a restart.
 *
 * Calls of `client` reach the actor on its node, over a session as clients have one: what happens to tunnels and nodes
 * neither loses an answer nor runs a call twice. A call to a durable actor is stored once with its reply, whichever node
 * crashes. One to an actor in memory whose node has crashed fails with `OutcomeUnknown` if it was taken in; any other waits
 * until the actor has another node.
 *
 * `drain`, `isDraining` and `size` are about this node: draining refuses new sockets and closes those of this node,
 * spread over the window, each to be resumed through another node. Then it waits, up to `retryAfter`, for those whose actors
 * live here in memory. The actors of this node move when the host closes.
 *
 * The layers of the cluster are the app's: `NodeClusterSocket.layer` of `@effect/platform-node` with a database for its
 * runners and shards, or `TestRunner.layer` of `effect/cluster` for one node in memory.
 *
 * **Gotchas**
 *
 * Messages between nodes hold up to `maxBatchBytes` and what surrounds them: keep it well below the 16 MiB that the
 * serialization of the cluster allows by default. The cluster keeps at most `maxResidentEntities` actors per node, 10,000
 * by default; clients of one too many dial again and again.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: ClusterSettings.ClusterOptions): Layer.Layer<ActorHost, never, Sharding.Sharding> =>
  Layer.effect(ActorHost, make(options))

/**
 * Every option of a host in a cluster as `Config`, under `tether.host`, named as in `ClusterOptions`; what is not set has
 * its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<ClusterSettings.ClusterOptions> = ClusterSettings.config

/**
 * A host in a cluster, as `layer`, with options from the `ConfigProvider`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Config<ClusterSettings.ClusterOptions> = config
): Layer.Layer<ActorHost, Config.ConfigError, Sharding.Sharding> =>
  Layer.effect(ActorHost, Effect.flatMap(options, make))

/**
 * Settings of the cluster with which a crashed node is replaced within seconds instead of half a minute.
 *
 * **Details**
 *
 * A node is taken for dead 3 seconds after its last sign of life, not 35. What it costs: each node asks the database
 * every second, and one that is frozen, starved of CPU or cut off from the database for 3 seconds loses its actors.
 *
 * @category settings
 * @since 0.1.0
 */
export const quickFailover = {
  shardLockExpiration: Duration.seconds(3),
  shardLockRefreshInterval: Duration.seconds(1),
  refreshAssignmentsInterval: Duration.millis(500),
  runnerHealthCheckInterval: Duration.seconds(2)
} satisfies Partial<ShardingConfig.ShardingConfig["Service"]>

/**
 * Makes the host of this node in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: ClusterSettings.ClusterOptions = {}
): Effect.fn.Return<ActorHost["Service"], never, Scope.Scope | Sharding.Sharding> {
  const sharding = yield* Sharding.Sharding
  const settings = Settings.make(options)
  const actors = new Registry<ClusterActors.ClusterActor>()
  const node: ClusterActors.Node = {
    settings,
    size: () => Array.from(actors.values()).reduce((size, { live }) => size + live.size(), 0),
    timing: ClusterSettings.make(options, settings.kickGrace),
    waits: new WaitGraph(),
    chains: new CallChains(yield* ResumeToken.make)
  }
  const client = yield* makeClients(node, actors)
  const sockets = Sockets.make()

  return ActorHost.of({
    register: (registration) =>
      Effect.provideService(register(node, actors, registration), Sharding.Sharding, sharding),
    accept: yield* Accept.make({
      settings,
      isDraining: sockets.isDraining,
      serve: (socket) => Effect.andThen(sockets.add(socket.link), serve(node, actors, socket))
    }),
    drain: (options) => Returning.drain(Array.from(actors.values(), ({ live }) => live), sockets, options),
    isDraining: Effect.sync(sockets.isDraining),
    client,
    size: Effect.sync(node.size),
    inspect: (options) => Effect.sync(() => Inspect.view(actors.values(), sockets.isDraining(), options)),
    kick: (connection, reason) => Effect.sync(() => Inspect.kick(actors.values(), connection, reason))
  })
})

const register = Effect.fnUntraced(function*(
  node: ClusterActors.Node,
  actors: Registry<ClusterActors.ClusterActor>,
  registration: Registration
): Effect.fn.Return<void, never, Scope.Scope | Sharding.Sharding> {
  const { type } = registration.actor
  yield* actors.demandFree(type)
  yield* actors.add(type, yield* ClusterActors.register(node, registration))
})

const serve = (
  { settings, timing }: ClusterActors.Node,
  actors: Registry<ClusterActors.ClusterActor>,
  socket: Accept.Greeted
): Effect.Effect<void, SocketError, Scope.Scope> => {
  const { actor: type, key } = socket.hello
  const actor = actors.get(type)
  if (actor === undefined) return Accept.turnAway(socket.link, actors.absence(type))
  const openTimeout = Duration.toMillis(settings.handshakeTimeout)
  return Gateway.serve(actor.entity(key), socket, { openTimeout, timing })
}

const makeClients = Effect.fnUntraced(function*(
  { chains, waits }: ClusterActors.Node,
  actors: Registry<ClusterActors.ClusterActor>
): Effect.fn.Return<ActorHost["Service"]["client"], never, Scope.Scope> {
  yield* Effect.addFinalizer(() => Effect.sync(() => actors.close()))
  const byType = new Map<string, (key: string) => Record<string, unknown>>()

  const session = ({ type }: AnyActor) => (key: string) =>
    Effect.suspend(() => {
      const actor = actors.get(type)
      if (actor !== undefined) return actor.sessions.get(key)
      return actors.hasLeft(type)
        ? Effect.fail(new CallError({ reason: new HostClosed() }))
        : Effect.die(new Error(`the host has no actor "${type}"; provide its layer to the app`))
    })

  return (actor, key) =>
    Effect.sync(() => {
      let client = byType.get(actor.type)
      if (client === undefined) {
        client = RemoteCalls.makeClient(actor, {
          session: session(actor),
          waits,
          chains,
          waitsForTurn: () => actors.get(actor.type)?.registration.concurrency !== "unbounded"
        })
        byType.set(actor.type, client)
      }
      return client(key) as never
    })
})
