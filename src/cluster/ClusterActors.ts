/**
 * The actors that are registered with the host of a node: each with the
 * instances that live here, and the ways to those that live elsewhere.
 *
 * @since 0.1.0
 */
import * as EntityId from "effect/cluster/EntityId"
import * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type { ActorUnavailable } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import * as Accept from "../host/Accept.ts"
import * as Instances from "../host/Instances.ts"
import * as LiveActors from "../host/LiveActors.ts"
import * as NodeView from "../host/NodeView.ts"
import type { Settings } from "../host/Settings.ts"
import type { WaitGraph } from "../host/WaitGraph.ts"
import * as Wakes from "../host/Wakes.ts"
import type { Registration } from "../internal/actorHost.ts"
import * as ActorEntity from "./ActorEntity.ts"
import type { CallChains } from "./CallChains.ts"
import * as NodeSession from "./NodeSession.ts"
import type { Residence } from "./Residence.ts"
import type { TunnelTiming } from "./Tunnel.ts"
import { type EntityClient, makeEntity } from "./TunnelRpcs.ts"

/** How long a session is kept that nobody calls through, at most: as long as an actor without calls. */
const sessionIdleTime = Duration.seconds(30)

/**
 * How long the shell of an actor stays that is asleep already. The engine looks every five seconds at the most often.
 */
const shellIdleTime = "5 seconds"

/** How often each node asks storage for those of its actors that are to be woken, in milliseconds. */
const wakePause = 10_000

/**
 * What all actors of a node share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly settings: Settings
  readonly timing: TunnelTiming
  readonly waits: WaitGraph
  readonly chains: CallChains
  /** How many instances live on this node. */
  readonly size: () => number
}

/**
 * An actor that is registered.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterActor {
  readonly registration: Registration
  /** The instances of this node. */
  readonly live: Instances.Instances
  /** The way to the entity of a key, wherever it is. */
  readonly entity: (key: string) => EntityClient
  /** The sessions of this node, by key. */
  readonly sessions: LiveActors.LiveActors<NodeSession.NodeSession>
}

/**
 * Registers an actor with the engine for as long as the scope is open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const register = Effect.fnUntraced(function*(
  node: Node,
  registration: Registration
): Effect.fn.Return<ClusterActor, never, Scope.Scope | Sharding.Sharding> {
  const sharding = yield* Sharding.Sharding
  const { settings } = node
  const nodeSettings = NodeView.toSettings(settings)
  const entity = makeEntity(registration.actor.type)
  const client = yield* sharding.makeClient(entity)
  const residents = new Map<string, Residence>()
  const asleep = Latch.makeUnsafe(false)

  const sessions = yield* LiveActors.make({
    maxIdleTime: Duration.min(sessionIdleTime, registration.maxIdleTime),
    start: (key, keeper) =>
      NodeSession.make({
        actor: registration.actor,
        key,
        keeper,
        entity: client(key),
        timing: node.timing,
        patience: nodeSettings.resumeWindow,
        context: Context.omit(Scope.Scope)(registration.context)
      })
  })
  const live = yield* Instances.make(registration, settings, {
    turns: node,
    isDraining: (key) => residents.get(key)?.isLeft() ?? true,
    onStart: (key) =>
      Effect.suspend(() => {
        const residence = residents.get(key)
        if (residence === undefined || residence.isLeft()) return Effect.interrupt
        return Effect.andThen(residence.occupy, Effect.addFinalizer(() => Effect.sync(() => asleep.openUnsafe())))
      })
  })
  const handlers = ActorEntity.make({
    heartbeat: node.timing.heartbeat,
    residents,
    client,
    wake: (key) => Instances.wake(live, key),
    stop: live.stop,
    serveCalls: (key, socket) =>
      Accept.serveSocket(socket, {
        headers: Headers.empty,
        remoteAddress: undefined,
        settings: nodeSettings,
        // What a node pushes is bounded by that node.
        maxBytes: Infinity,
        serve: (greeted) => Accept.serveNode(live, { type: registration.actor.type, key }, greeted)
      }),
    serveSocket: (key, socket, request) =>
      Accept.serveSocket(socket, {
        ...request,
        settings,
        serve: (greeted) =>
          live.has(key) || node.size() < settings.maxActors
            ? Accept.serveActor(live, settings, { ...greeted, hello: { ...greeted.hello, key } })
            : Accept.turnAway(greeted.link, DisconnectReason.Draining.make({}))
      })
  })
  yield* sharding.registerEntity(entity, handlers, {
    maxIdleTime: shellIdleTime,
    // A long request for each tunnel, and for each of them one that pushes: the host's own limits bound them.
    concurrency: "unbounded",
    mailboxCapacity: "unbounded",
    disableFatalDefects: true
  })
  if (registration.durability !== undefined) {
    yield* Wakes.run(registration, {
      asleep,
      longestPause: wakePause,
      isOwn: (key) =>
        sharding.hasShardId(sharding.getShardId(EntityId.make(key), entity.getShardGroup(EntityId.make(key)))),
      wake: (key) => wake(client(key))
    })
  }
  return { registration, live, entity: client, sessions }
})

/** What keeps the engine from it is over when storage is asked again. */
const wake = (entity: EntityClient): Effect.Effect<void, ActorUnavailable> => {
  const later = (error: { readonly _tag: string }) => Effect.logDebug(`an actor could not be woken: ${error._tag}`)
  return entity.Wake().pipe(Effect.catchTags({
    AlreadyProcessingMessage: later,
    EntityNotAssignedToRunner: later,
    MailboxFull: later,
    PersistenceError: later
  }))
}
