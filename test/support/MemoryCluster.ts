/**
 * A cluster of several nodes in one process, over networks in memory and with a test clock: the engine of
 * `effect/cluster` with its own protocol between the nodes, and a storage that all of them share.
 *
 * @since 0.1.0
 */
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import {
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  Runners,
  RunnerServer,
  RunnerStorage,
  Sharding,
  ShardingConfig
} from "effect/cluster"
import { Headers } from "effect/http"
import { RpcClient, RpcSerialization, RpcServer } from "effect/rpc"
import { Socket, SocketServer } from "effect/socket"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import * as ClusterHost from "../../src/cluster/ClusterHost.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as SharedRunners from "./SharedRunners.ts"

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
  /** What other nodes dial. */
  readonly inside: MemoryNetwork.MemoryNetwork
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
  /** Starts a node; ports tell them apart. */
  readonly start: (port: number) => Effect.Effect<Node<A>>
  /** The node that the actor under a key is assigned to, if one has it. */
  readonly ownerOf: (key: string) => Node<A> | undefined
  /** The nodes that are neither stopped nor crashed. */
  readonly nodes: () => ReadonlyArray<Node<A>>
  /** Clients that dial the given nodes in turn; those that are gone refuse. */
  readonly clientOf: (...nodes: ReadonlyArray<Node<A>>) => Context.Context<ActorClient.ActorClient>
  /** Clients that dial whichever node lives. */
  readonly client: Context.Context<ActorClient.ActorClient>
}

const host = "node"

/**
 * Makes a cluster without nodes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A>(options: {
  readonly actors: Layer.Layer<A, never, ActorHost.ActorHost>
  readonly host?: ClusterHost.ClusterOptions
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Service"]>
}): Effect.fn.Return<Cluster<A>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const storage = SharedRunners.make()
  const insides = new Map<number, MemoryNetwork.MemoryNetwork>()
  const nodes = new Map<number, Node<A>>()

  const start = Effect.fnUntraced(function*(port: number): Effect.fn.Return<Node<A>> {
    const own = yield* Scope.fork(scope)
    const front = yield* MemoryNetwork.make().pipe(Scope.provide(own))
    const inside = yield* MemoryNetwork.make().pipe(Scope.provide(own))
    insides.set(port, inside)
    const address = RunnerAddress.make(host, port)
    const app = yield* Scope.fork(own)
    const services = yield* layerNode(options, address, storage, inside, insides).pipe(
      (layer) => Layer.buildWithScope(layer, app)
    )
    const accept = Context.get(services, ActorHost.ActorHost).accept
    const doors = yield* Scope.fork(own)
    yield* front.accept((socket) => accept(socket, { headers: Headers.empty })).pipe(Scope.provide(doors))
    const leave = Effect.sync(() => nodes.delete(port))
    const node: Node<A> = {
      port,
      services,
      front,
      inside,
      stop: leave.pipe(
        Effect.andThen(front.refuse),
        Effect.andThen(Scope.close(doors, Exit.void)),
        Effect.andThen(Scope.close(app, Exit.void)),
        Effect.andThen(inside.refuse)
      ),
      crash: leave.pipe(
        Effect.andThen(front.refuse),
        Effect.andThen(inside.refuse),
        Effect.andThen(Effect.sync(() => storage.lose(address))),
        Effect.andThen(inside.cut),
        Effect.andThen(front.cut)
      )
    }
    nodes.set(port, node)
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
  return {
    start,
    clientOf,
    client: Context.make(ActorClient.ActorClient, SocketClient.make(living)),
    nodes: () => Array.from(nodes.values()),
    ownerOf: (key) =>
      Array.from(nodes.values()).find(({ services }) => {
        const sharding = Context.get(services, Sharding.Sharding)
        return sharding.hasShardId(sharding.getShardId(key as never, "default"))
      })
  }
})

const layerNode = <A>(
  options: Parameters<typeof make<A>>[0],
  address: RunnerAddress.RunnerAddress,
  storage: SharedRunners.SharedRunners,
  inside: MemoryNetwork.MemoryNetwork,
  insides: ReadonlyMap<number, MemoryNetwork.MemoryNetwork>
) =>
  options.actors.pipe(
    Layer.provideMerge(ClusterHost.layer(options.host)),
    Layer.provideMerge(
      RunnerServer.layerWithClients.pipe(
        Layer.provide(RpcServer.layerProtocolSocketServer),
        Layer.provide(layerSocketServer(inside)),
        Layer.provide(layerClientProtocol(insides)),
        Layer.provide(RpcSerialization.layerNdjson),
        Layer.provide([
          MessageStorage.layerNoop,
          RunnerHealth.layerNoop,
          Layer.succeed(RunnerStorage.RunnerStorage, storage.service),
          ShardingConfig.layer({
            ...ClusterHost.quickFailover,
            runnerAddress: Option.some(address),
            shardsPerGroup: 30,
            ...options.sharding
          })
        ])
      )
    )
  )

const layerSocketServer = (network: MemoryNetwork.MemoryNetwork) =>
  Layer.succeed(
    SocketServer.SocketServer,
    SocketServer.SocketServer.of({
      address: { _tag: "UnixPathAddress", path: "memory" } as never,
      run: (handler) =>
        Effect.scoped(Effect.andThen(network.accept((socket) => Effect.ignore(handler(socket))), Effect.never)) as never
    })
  )

const layerClientProtocol = (insides: ReadonlyMap<number, MemoryNetwork.MemoryNetwork>) =>
  Layer.effect(
    Runners.RpcClientProtocol,
    Effect.map(RpcSerialization.RpcSerialization, (serialization) => ({
      codecFor: serialization.codecFor,
      make: Effect.fnUntraced(function*(address: RunnerAddress.RunnerAddress) {
        const socket = yield* insides.get(address.port)!.dial
        return yield* RpcClient.makeProtocolSocket().pipe(
          Effect.provideService(Socket.Socket, socket),
          Effect.provideService(RpcSerialization.RpcSerialization, serialization)
        )
      })
    }))
  )
