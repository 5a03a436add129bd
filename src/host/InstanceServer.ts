/**
 * The `RpcServer` of one instance, whose handlers take turns.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromServer } from "effect/rpc/RpcMessage"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Scope from "effect/Scope"
import type { Registration } from "../internal/actorHost.ts"
import * as Turn from "./Turn.ts"

/**
 * Starts the server in the current scope; `context` holds the services of the
 * instance.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  registration: Registration,
  context: Context.Context<never>,
  turn: Turn.Turn,
  on: {
    /** What a handler has beside the services of its actor: the connection that calls. */
    readonly services: (client: number, request: number) => (context: Context.Context<never>) => Context.Context<never>
    readonly onStart: (client: number, request: number, beside: boolean) => Effect.Effect<void>
    readonly onResponse: (response: FromServer<Rpc.Any>) => Effect.Effect<void>
  }
): Effect.fn.Return<RpcServer.RpcServer<Rpc.Any>, never, Scope.Scope> {
  const { internal, protocol } = registration.actor
  const group = (protocol as unknown as RpcGroup.RpcGroup<Rpc.Any>).merge(
    internal as unknown as RpcGroup.RpcGroup<Rpc.Any>
  )
  const scope = yield* Effect.scope
  const services = Context.add(context, Scope.Scope, scope)
  const build = Effect.map(registration.build, (handlers) =>
    Object.fromEntries(
      Array.from(group.requests.keys(), (tag) => [
        tag,
        Turn.wrapHandler(turn, handlers[tag] as Turn.Handler, {
          services: ({ client, requestId }) => on.services(client.id, requestId),
          onStart: ({ client, requestId }, beside) => on.onStart(client.id, requestId, beside)
        })
      ])
    ))
  const handlers = yield* Effect.provideContext(group.toHandlers(build as never), services)
  return yield* Effect.provideContext(
    RpcServer.makeNoSerialization(group, {
      onFromServer: on.onResponse,
      disableTracing: true,
      disableClientAcks: true,
      disableFatalDefects: true,
      concurrency: "unbounded"
    }),
    Context.merge(services, handlers) as Context.Context<any>
  )
})
