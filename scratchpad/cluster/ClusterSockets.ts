/**
 * The sockets between nodes, without Nagle's algorithm: `NodeClusterSocket.layer` leaves it on, and a call over another
 * node then waits up to 40 ms for each delayed acknowledgement.
 */
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { type RunnerAddress, RunnerHealth, Runners, ShardingConfig, SocketRunner } from "effect/cluster"
import { RpcClient, RpcSerialization } from "effect/rpc"
import { Socket } from "effect/socket"

const Dialling = Layer.effect(
  Runners.RpcClientProtocol,
  Effect.map(RpcSerialization.RpcSerialization, (serialization) => ({
    codecFor: serialization.codecFor,
    make: Effect.fnUntraced(function*({ host, port }: RunnerAddress.RunnerAddress) {
      const socket = yield* NodeSocket.makeNet({ host, port, noDelay: true, openTimeout: 1_000, timeout: 5_500 })
      return yield* RpcClient.makeProtocolSocket().pipe(
        Effect.provideService(Socket.Socket, socket),
        Effect.provideService(RpcSerialization.RpcSerialization, serialization)
      )
    }, Effect.orDie)
  }))
)

/** A node of the cluster that others reach at `address`; runners and messages are kept where the app says. */
export const layer = (
  address: RunnerAddress.RunnerAddress,
  sharding: Partial<ShardingConfig.ShardingConfig["Service"]>
) =>
  SocketRunner.layer.pipe(
    Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(Runners.layerRpc))),
    Layer.provide([Dialling, NodeSocketServer.layer({ host: address.host, port: address.port, noDelay: true })]),
    Layer.provide([ShardingConfig.layerFromEnv(sharding), RpcSerialization.layerSchemaBinary()])
  )
