/**
 * Effect's own `RpcClient` over a WebSocket with JSON, tracing off.
 */
import { Effect, Layer, Scope, Stream } from "effect"
import { RpcClient, RpcSerialization } from "effect/rpc"
import * as Socket from "effect/socket/Socket"
import { BenchRpcs } from "../contracts/BenchRpcs.ts"
import { fromEffect, WebSocketLayer } from "./effects.ts"
import type { Connect } from "./Peer.ts"

const open = Effect.fnUntraced(function*(url: string) {
  const context = yield* Layer.build(
    RpcClient.layerProtocolSocket().pipe(
      Layer.provide(Socket.layerWebSocket(`${url}/rpc`)),
      Layer.provide([RpcSerialization.layerJson, WebSocketLayer])
    )
  )
  return yield* RpcClient.make(BenchRpcs, { disableTracing: true }).pipe(Effect.provideContext(context))
})

export const connect: Connect = async ({ onEvent, url }) => {
  const scope = Scope.makeUnsafe()
  const client = await Effect.runPromise(Scope.provide(open(url), scope))
  if (onEvent !== undefined) {
    const events = Stream.runForEach(client.said(), (note) => Effect.sync(() => onEvent(note)))
    Effect.runFork(Scope.provide(Effect.forkScoped(Effect.ignore(events)), scope))
  }
  return fromEffect({ echo: client.echo, shout: client.shout, scope })
}
