/**
 * A cluster of several nodes in one process, over networks in memory and with a test clock: the engine of
 * `effect/cluster` with its own protocol between the nodes, and a storage that all of them share.
 *
 * @since 0.1.0
 */
import { it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Option, Scope } from "effect"
import {
  EntityId,
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  Runners,
  RunnerServer,
  RunnerStorage,
  ShardId,
  Sharding,
  ShardingConfig
} from "effect/cluster"
import { Headers } from "effect/http"
import { RpcClient, RpcSerialization, RpcServer } from "effect/rpc"
import { Socket, SocketServer } from "effect/socket"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorStorage from "../../src/ActorStorage.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as SharedRunners from "./SharedRunners.ts"
import * as Wires from "./Wires.ts"
import { untilSimulated } from "./World.ts"

/**
 * One node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node<A> {
  readonly port: number
  readonly services: Context.Context<A | ActorHost.ActorHost | Sharding.Sharding>
  /** What clients dial. */
  readonly front: MemoryNetwork.MemoryNetwork
  /** Holds all that travels between this node and others, and what clients say to it, until `thaw`. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** Loses all that is on its way between this node and others, or clients, and the sockets with it; new ones can be had. */
  readonly cut: Effect.Effect<void>
  /** Leaves in an orderly manner. */
  readonly stop: Effect.Effect<void>
  /** Is gone for everybody else from one moment to the next, as after `kill -9`. */
  readonly crash: Effect.Effect<void>
}

/**
 * The nodes, and what they share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cluster<A> {
  /** Starts a node; ports tell them apart. A gateway has no actors of its own. */
  readonly start: (port: number, kind?: "gateway") => Effect.Effect<Node<A>>
  /** The node that the actor under a key is assigned to, if one has it. */
  readonly ownerOf: (key: string) => Node<A> | undefined
  /** A key whose actor is assigned to a node; `not` another one than these. */
  readonly keyOn: (node: Node<A>, ...not: ReadonlyArray<string>) => string
  /** Waits until every shard is on one of the nodes, and none is without. */
  readonly balanced: Effect.Effect<void>
  /** The nodes that are neither stopped nor crashed. */
  readonly nodes: () => ReadonlyArray<Node<A>>
  /** Clients that dial the given nodes in turn; those that are gone refuse. */
  readonly clientOf: (...nodes: ReadonlyArray<Node<A>>) => Context.Context<ActorClient.ActorClient>
  /** What all nodes store their actors in. */
  readonly storage: ActorStorage.ActorStorage["Service"]
  /** Clients that dial whichever node lives. */
  readonly client: Context.Context<ActorClient.ActorClient>
}

const host = "node"

const keys = Array.from({ length: 1_000 }, (_, i) => `room ${i}`)

const shardIds = Array.from({ length: 30 }, (_, i) => ShardId.make("default", i + 1))

/**
 * Makes a cluster without nodes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A>(options: {
  readonly actors: Layer.Layer<A, never, ActorHost.ActorHost | ActorStorage.ActorStorage>
  readonly host?: ClusterHost.ClusterOptions
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Service"]>
  /** What all nodes store their actors in. Default: `ActorStorage.layerMemory`. */
  readonly storage?: Layer.Layer<ActorStorage.ActorStorage>
}): Effect.fn.Return<Cluster<A>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const runners = SharedRunners.make()
  const storage = yield* Layer.build(options.storage ?? ActorStorage.layerMemory)
  const wires = yield* Wires.make
  const nodes = new Map<number, Node<A>>()

  const start = Effect.fnUntraced(function*(port: number, kind?: "gateway"): Effect.fn.Return<Node<A>> {
    const own = yield* Scope.fork(scope)
    const front = yield* MemoryNetwork.make().pipe(Scope.provide(own))
    const address = RunnerAddress.make(host, port)
    const app = yield* Scope.fork(own)
    const services = yield* layerNode(options, kind, address, runners, wires).pipe(
      Layer.provide(Layer.succeedContext(storage)),
      (layer) => Layer.buildWithScope(layer, app)
    )
    const accept = Context.get(services, ActorHost.ActorHost).accept
    const doors = yield* Scope.fork(own)
    yield* front.accept((socket) => accept(socket, { headers: Headers.empty })).pipe(Scope.provide(doors))
    const leave = Effect.sync(() => nodes.delete(port))
    const all = (act: (network: MemoryNetwork.MemoryNetwork) => Effect.Effect<void>) =>
      Effect.suspend(() => Effect.forEach([front, ...wires.of(port)], act, { discard: true }))
    const node: Node<A> = {
      port,
      services,
      front,
      freeze: all((network) => network.freeze),
      thaw: all((network) => network.heal),
      cut: all((network) => network.cut),
      stop: leave.pipe(
        Effect.andThen(front.refuse),
        Effect.andThen(Scope.close(doors, Exit.void)),
        Effect.andThen(Scope.close(app, Exit.void))
      ),
      crash: leave.pipe(
        Effect.andThen(Effect.sync(() => runners.lose(address))),
        Effect.andThen(wires.isolate(port)),
        Effect.andThen(front.refuse),
        Effect.andThen(front.cut)
      )
    }
    if (kind === undefined) nodes.set(port, node)
    return node
  })

  const clientOf: Cluster<A>["clientOf"] = (...chosen) => {
    let turn = 0
    const dial = Effect.suspend(() => chosen[turn++ % chosen.length]!.front.dial)
    return Context.make(ActorClient.ActorClient, SocketClient.make(dial))
  }
  const living = Effect.suspend(() => {
    const [node] = nodes.values()
    return node === undefined ? Effect.die(new Error("no node lives")) : node.front.dial
  })
  const ownerOf: Cluster<A>["ownerOf"] = (key) =>
    Array.from(nodes.values()).find(({ services }) => {
      const sharding = Context.get(services, Sharding.Sharding)
      return sharding.hasShardId(sharding.getShardId(EntityId.make(key), "default"))
    })
  const isBalanced = () => {
    let shards = 0
    for (const { services } of nodes.values()) {
      const sharding = Context.get(services, Sharding.Sharding)
      const own = shardIds.filter((id) => sharding.hasShardId(id)).length
      if (own === 0) return false
      shards += own
    }
    return shards === shardIds.length
  }
  return {
    start,
    clientOf,
    ownerOf,
    keyOn: (node, ...not) => keys.find((key) => ownerOf(key) === node && !not.includes(key))!,
    balanced: Effect.whileLoop({
      while: () => !isBalanced(),
      body: () => Effect.sleep("100 millis"),
      step: () => {}
    }),
    client: Context.make(ActorClient.ActorClient, SocketClient.make(living)),
    storage: Context.get(storage, ActorStorage.ActorStorage),
    nodes: () => Array.from(nodes.values())
  }
})

/**
 * Makes what registers tests in clusters of the given actors: each runs in one of `count` nodes, once the shards are
 * spread over them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const testWith = <A>(actors: Layer.Layer<A, never, ActorHost.ActorHost | ActorStorage.ActorStorage>) =>
<E>(
  name: string,
  count: number,
  body: (cluster: Cluster<A>, ...nodes: ReadonlyArray<Node<A>>) => Effect.Effect<void, E, Scope.Scope>,
  options?: Omit<Parameters<typeof make<A>>[0], "actors">
): void =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Effect.gen(function*() {
        const cluster = yield* make({ actors, ...options })
        const started: Array<Node<A>> = []
        for (let port = 1; port <= count; port++) started.push(yield* cluster.start(port))
        yield* untilSimulated(cluster.balanced)
        const clients = yield* Scope.fork(scope)
        yield* body(cluster, ...started).pipe(Scope.provide(clients))
      }).pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => untilSimulated(Scope.close(scope, exit)))
      )
    }).pipe(Effect.provide(Logger.layer([]))))

const layerNode = <A>(
  options: Parameters<typeof make<A>>[0],
  kind: "gateway" | undefined,
  address: RunnerAddress.RunnerAddress,
  runners: SharedRunners.SharedRunners,
  wires: Wires.Wires
) =>
  options.actors.pipe(
    Layer.provideMerge(ClusterHost.layer(options.host)),
    Layer.provideMerge(
      (kind === "gateway" ? RunnerServer.layerClientOnly : RunnerServer.layerWithClients).pipe(
        Layer.provide(RpcServer.layerProtocolSocketServer),
        Layer.provide(layerSocketServer(address, wires)),
        Layer.provide(layerClientProtocol(address, wires)),
        Layer.provide(RpcSerialization.layerNdjson),
        Layer.provide([
          MessageStorage.layerNoop,
          RunnerHealth.layerNoop,
          Layer.succeed(RunnerStorage.RunnerStorage, runners.service),
          ShardingConfig.layer({
            ...ClusterHost.quickFailover,
            runnerAddress: Option.some(address),
            shardsPerGroup: shardIds.length,
            ...options.sharding
          })
        ])
      )
    )
  )

const layerSocketServer = ({ port }: RunnerAddress.RunnerAddress, wires: Wires.Wires) =>
  Layer.succeed(
    SocketServer.SocketServer,
    SocketServer.SocketServer.of({
      address: { _tag: "UnixPathAddress", path: "memory" } as never,
      run: (handler) => Effect.scoped(Effect.andThen(wires.accept(port, handler), Effect.never)) as never
    })
  )

const layerClientProtocol = (own: RunnerAddress.RunnerAddress, wires: Wires.Wires) =>
  Layer.effect(
    Runners.RpcClientProtocol,
    Effect.map(RpcSerialization.RpcSerialization, (serialization) => ({
      codecFor: serialization.codecFor,
      make: Effect.fnUntraced(function*(address: RunnerAddress.RunnerAddress) {
        const socket = yield* wires.dial(own.port, address.port)
        return yield* RpcClient.makeProtocolSocket().pipe(
          Effect.provideService(Socket.Socket, socket),
          Effect.provideService(RpcSerialization.RpcSerialization, serialization)
        )
      })
    }))
  )
