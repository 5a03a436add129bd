/**
 * The contract of an actor with its types erased: what hosts and clients of any actor work with.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { State } from "../ActorState.ts"
import type { Alarms } from "../Alarms.ts"
import type { Client, ConnectOptions } from "../Client.ts"
import type { Connection, Events } from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import type { Connections } from "../Connections.ts"
import type { Gap } from "../ConnectionStatus.ts"
import type { DisconnectReason } from "../DisconnectReason.ts"
import type { ConnectRequest } from "../LifecycleHooks.ts"

/**
 * A schema after erasure: the services that it may need are in the context that it is run with.
 *
 * @category models
 * @since 0.1.0
 */
export type AnySchema = Schema.Codec<unknown>

/**
 * An actor's hooks after erasure: the services that they need are in the context that they are run with.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyHooks {
  readonly onBeforeConnect: (request: ConnectRequest<unknown>) => Effect.Effect<unknown, unknown>
  readonly onConnect?: (connection: AnyConnection) => Effect.Effect<void, never, Scope.Scope>
  readonly onSuspend?: (connection: AnyConnection) => Effect.Effect<void>
  readonly onResume?: (
    connection: AnyConnection,
    request: ConnectRequest<unknown>
  ) => Effect.Effect<void, unknown>
  readonly onDisconnect?: (connection: AnyConnection, reason: DisconnectReason) => Effect.Effect<void>
}

/**
 * A connection after erasure.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyConnection = Connection<unknown, Events>

/**
 * The contract of an actor after erasure. Its services are keyed by `never`, so that using one asks for nothing: whoever
 * does has put it into the context.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyActor {
  /** The name of the actor. */
  readonly type: string
  readonly schemas: {
    readonly params: AnySchema
    readonly connectionState: AnySchema
    readonly state: AnySchema
    readonly rejection: AnySchema
  }
  /** The schema of each event's payload, by the name of the event. */
  readonly eventSchemas: ReadonlyMap<string, AnySchema>
  /** The RPCs on the wire. */
  readonly protocol: RpcGroup.RpcGroup<Rpc.AnyWithProps>
  /** The RPCs for server code. */
  readonly internal: RpcGroup.RpcGroup<Rpc.AnyWithProps>
  readonly CurrentConnection: Context.Service<never, AnyConnection>
  readonly CurrentKey: Context.Service<never, string>
  readonly Connections: Context.Service<never, Connections<unknown, Events>>
  readonly State: Context.Service<never, State<unknown>>
  readonly Alarms: Context.Service<never, AnyAlarms>
  readonly Hooks: Context.Service<never, AnyHooks>
  readonly Client: Context.Service<never, AnyClient>
}

/**
 * The alarms of an instance after erasure.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyAlarms extends Omit<Alarms<never>, "set"> {
  readonly set: (id: string, at: DateTime.DateTime, rpc: string, payload?: unknown) => Effect.Effect<void>
}

/**
 * The handle of a client after erasure.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyClient extends Omit<Client<never, {}, unknown>, "rpc" | "events" | "listen"> {
  readonly rpc: unknown
  readonly listen: (...events: ReadonlyArray<string>) => Stream.Stream<AnyOccurrence, ConnectionError<unknown>>
  readonly events: Readonly<Record<string, Stream.Stream<unknown, ConnectionError<unknown>>>>
}

/**
 * What `listen` of a client gives, after erasure.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyOccurrence =
  | { readonly _tag: "Event"; readonly event: string; readonly payload: unknown }
  | { readonly _tag: "Gap"; readonly gap: Gap }

/**
 * How a client connects, after erasure.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyConnectOptions extends ConnectOptions<Events> {
  /** Evaluated anew at every dial; has the services that it needs. */
  readonly params: Effect.Effect<unknown, unknown>
  /** The services of the caller of `connect`, for schemas and client middleware; without its scope and span. */
  readonly context: Context.Context<never>
}
