/**
 * The contract of an actor: its schemas, its RPCs and events, and the services that belong to it.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as ActorState from "./ActorState.ts"
import type { ActorStorage } from "./ActorStorage.ts"
import type * as Alarms from "./Alarms.ts"
import type { CallError } from "./CallError.ts"
import type * as Client from "./Client.ts"
import type * as Connection from "./Connection.ts"
import type { AsSchema, Events, Fields } from "./Connection.ts"
import type * as Connections from "./Connections.ts"
import type { ActorClient } from "./internal/actorClient.ts"
import type { ActorHost } from "./internal/actorHost.ts"
import type { Id } from "./internal/ids.ts"
import type { Durability, DurableOptions } from "./internal/layerOptions.ts"
import { makeActor, operations } from "./internal/makeActor.ts"
import type * as LifecycleHooks from "./LifecycleHooks.ts"

export type { Events, Fields } from "./Connection.ts"
// So that the inferred types of a module which imports this one alone can be named in its declarations.
export type { ActorClient } from "./internal/actorClient.ts"
export type { ActorHost } from "./internal/actorHost.ts"
export type { Id } from "./internal/ids.ts"
export type { Durability, DurableOptions, LayerOptions } from "./internal/layerOptions.ts"

/**
 * Identifier of actor contracts at runtime.
 *
 * @category type ids
 * @since 0.1.0
 */
export const TypeId = "~effect-tether/Actor"

/**
 * Type of the identifier of actor contracts.
 *
 * @category type ids
 * @since 0.1.0
 */
export type TypeId = typeof TypeId

/**
 * The schemas of an actor; generic code infers from here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Schemas<P, CS, S, Rej, Es> {
  readonly params: P
  readonly connectionState: CS
  readonly state: S
  readonly rejection: Rej
  readonly events: Es
}

/**
 * Any actor, for code that works with all of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly [TypeId]: TypeId
  readonly type: string
  readonly schemas: Schemas<Schema.Top, Schema.Top, Schema.Top, Schema.Top, Events>
}

/**
 * The connection parameters of an actor.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Params<A extends Any> = A["schemas"]["params"]["Type"]

/**
 * The state of an actor's connections.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ConnectionState<A extends Any> = A["schemas"]["connectionState"]["Type"]

/**
 * The typed rejection of an actor.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Rejection<A extends Any> = A["schemas"]["rejection"]["Type"]

/**
 * The client of an actor.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ClientOf<A extends Any> = A extends { readonly Client: Context.Key<any, infer C> } ? C : never

/**
 * The connection of an actor.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ConnectionOf<A extends Any> = A extends { readonly CurrentConnection: Context.Key<any, infer C> } ? C
  : never

type EventsEncoding<Es extends Events> = { [K in keyof Es]: AsSchema<Es[K]>["EncodingServices"] }[keyof Es]

type EventsDecoding<Es extends Events> = { [K in keyof Es]: AsSchema<Es[K]>["DecodingServices"] }[keyof Es]

type ConnectArgs<P extends Schema.Top, Es extends Events, E, R> = P extends Schema.Void
  ? [options?: Client.ConnectOptions<Es>]
  : [options: Client.ConnectOptions<Es> & { readonly params: P["Type"] | Effect.Effect<P["Type"], E, R> }]

type ToLayerArgs<S extends Schema.Top, R, D extends Durability | undefined, RM> = S extends Schema.Void
  ? [options?: DurableOptions<D, RM>]
  : [options: DurableOptions<D, RM> & { readonly initialState: S["Type"] | Effect.Effect<S["Type"], never, R> }]

/**
 * What the client of an actor needs from its surroundings.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ClientServices<P extends Schema.Top, Rej extends Schema.Top, Es extends Events, Rpcs extends Rpc.Any> =
  | Rpc.MiddlewareClient<Rpcs>
  | Rpc.ServicesClient<Rpcs>
  | P["EncodingServices"]
  | Rej["DecodingServices"]
  | EventsDecoding<Es>

/**
 * What the implementation of an actor needs from its surroundings, beside what its handlers use.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ServerServices<
  P extends Schema.Top,
  CS extends Schema.Top,
  S extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Events,
  Rpcs extends Rpc.Any
> =
  | Rpc.Middleware<Rpcs>
  | Rpc.ServicesServer<Rpcs>
  | P["DecodingServices"]
  | Rej["EncodingServices"]
  | EventsEncoding<Es>
  | CS["DecodingServices"]
  | CS["EncodingServices"]
  | S["DecodingServices"]
  | S["EncodingServices"]

type HandlerServices<Rpcs extends Rpc.Any, Handlers> = RpcGroup.HandlersServices<
  Rpcs,
  Pick<Handlers, Rpcs["_tag"] & keyof Handlers>
>

/**
 * The contract of an actor: what clients, server code and the implementation agree on.
 *
 * **Details**
 *
 * It holds schemas and the keys of the actor's services, and no server or client code. Extend it by a class to give it a
 * name: `class ChatRoom extends Actor.make("ChatRoom", { ... }) {}`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Actor<
  Name extends string,
  P extends Schema.Top,
  CS extends Schema.Top,
  S extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Events,
  Rpcs extends Rpc.Any,
  Internal extends Rpc.Any
> {
  new(_: never): {}
  readonly [TypeId]: TypeId
  /** The name of the actor. */
  readonly type: Name
  readonly schemas: Schemas<P, CS, S, Rej, Es>
  /** The RPCs of clients; each runs on an admitted connection. */
  readonly protocol: RpcGroup.RpcGroup<Rpcs>
  /** The RPCs of server code; they are not on the wire and have no connection. */
  readonly internal: RpcGroup.RpcGroup<Internal>
  /** The connection that a call came on, for the handlers of `rpcs`. */
  readonly CurrentConnection: Context.Service<Id.CurrentConnection<Name>, Connection.Connection<CS["Type"], Es>>
  /** The key of the instance. */
  readonly CurrentKey: Context.Service<Id.CurrentKey<Name>, string>
  /** The connections of the instance. */
  readonly Connections: Context.Service<Id.Connections<Name>, Connections.Connections<CS["Type"], Es>>
  /** The state of the instance. */
  readonly State: Context.Service<Id.State<Name>, ActorState.State<S["Type"]>>
  /** Calls that the instance makes to itself at a later time. */
  readonly Alarms: Context.Service<Id.Alarms<Name>, Alarms.Alarms<Internal>>
  /** The hooks of the actor's connections. */
  readonly Hooks: Context.Service<
    Id.Hooks<Name>,
    LifecycleHooks.Hooks<Name, P["Type"], CS["Type"], Rej["Type"], Es>
  >
  /** A client of the actor, where an app uses one instance throughout; see `layerClient`. */
  readonly Client: Context.Service<Id.Client<Name>, Client.Client<Rpcs, Es, Rej["Type"]>>
  /** Provides the hooks; an Effect is run once per app, in the layer's scope. */
  readonly layerHooks: <E = never, R = never>(
    hooks:
      | LifecycleHooks.Hooks<Name, P["Type"], CS["Type"], Rej["Type"], Es>
      | Effect.Effect<LifecycleHooks.Hooks<Name, P["Type"], CS["Type"], Rej["Type"], Es>, E, R>
  ) => Layer.Layer<Id.Hooks<Name>, E, Exclude<R, Scope.Scope>>
  /** Provides hooks that admit every client; only for actors without connection state. */
  readonly layerAdmitAll: CS extends Schema.Void ? Layer.Layer<Id.Hooks<Name>>
    : "an actor with connectionState needs layerHooks"
  /** Returns the handlers as they are, with their types checked against the contract. */
  readonly of: <Handlers extends RpcGroup.HandlersFrom<Rpcs | Internal>>(handlers: Handlers) => Handlers
  /**
   * Implements the actor on the `ActorHost`.
   *
   * `build` runs once per start of an instance, in the scope of the instance: its finalizers run when the instance stops.
   * It cannot fail. Handlers of one instance run one at a time by default. With `durability` the actor needs an
   * `ActorStorage`; `initialState` is for instances that were never stored.
   */
  readonly toLayer: <
    Handlers extends RpcGroup.HandlersFrom<Rpcs | Internal>,
    R = never,
    RS = never,
    const D extends Durability | undefined = undefined,
    RM = never
  >(
    build: Handlers | Effect.Effect<Handlers, never, R>,
    ...options: ToLayerArgs<S, RS, D, RM>
  ) => Layer.Layer<
    never,
    never,
    | ActorHost
    | ([D] extends [undefined] ? never : ActorStorage)
    | RM
    | Id.Hooks<Name>
    | Exclude<R, Scope.Scope | Id.Inside<Name>>
    | Exclude<RS, Id.CurrentKey<Name>>
    | Exclude<HandlerServices<Rpcs, Handlers>, Id.Inside<Name> | Id.CurrentConnection<Name>>
    | Exclude<HandlerServices<Internal, Handlers>, Id.Inside<Name>>
    | ServerServices<P, CS, S, Rej, Es, Rpcs | Internal>
  >
  /**
   * Makes a client of the instance under `key`.
   *
   * The handle is there at once and dials by itself until the scope closes. `params` is a value, or an Effect that is
   * evaluated anew at every dial; a failing or hanging one is tried again by the `reconnect` schedule. Connecting itself
   * never fails: calls, events and `status` tell how it goes.
   */
  readonly connect: <E = never, R = never>(key: string, ...options: ConnectArgs<P, Es, E, R>) => Effect.Effect<
    Client.Client<Rpcs, Es, Rej["Type"]>,
    never,
    Scope.Scope | ActorClient | R | ClientServices<P, Rej, Es, Rpcs>
  >
  /** Provides a client of the instance under `key` as the service `Client`; see `connect`. */
  readonly layerClient: <E = never, R = never>(key: string, ...options: ConnectArgs<P, Es, E, R>) => Layer.Layer<
    Id.Client<Name>,
    never,
    ActorClient | Exclude<R, Scope.Scope> | ClientServices<P, Rej, Es, Rpcs>
  >
  /**
   * Calls the internal RPCs of the instance under `key` from server code; no connection, no hooks. The instance is
   * started by the first call. A call fails with the error of its RPC or with `CallError`; interrupting it interrupts
   * its handler.
   */
  readonly client: (key: string) => Effect.Effect<RpcClient.RpcClient<Internal, CallError>, never, ActorHost>
}

type RpcsOption<R extends Rpc.Any> = ReadonlyArray<R> | RpcGroup.RpcGroup<R>

/**
 * Makes the contract of an actor.
 *
 * **Details**
 *
 * Each schema may be given as the fields of a struct. Throws at once where the name is empty or an RPC is named twice.
 *
 * **Gotchas**
 *
 * The name identifies the actor on the wire and the keys of its services: give each contract of an app its own.
 *
 * **Example**
 *
 * ```ts
 * import * as Actor from "effect-tether/Actor"
 * import * as Schema from "effect/Schema"
 * import * as Rpc from "effect/rpc/Rpc"
 *
 * export class ChatRoom extends Actor.make("ChatRoom", {
 *   params: { name: Schema.String },
 *   connectionState: { name: Schema.String },
 *   events: { posted: { from: Schema.String, message: Schema.String } },
 *   rpcs: [Rpc.make("post", { payload: { message: Schema.String } })]
 * }) {}
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  Rpcs extends Rpc.Any = never,
  Internal extends Rpc.Any = never,
  P extends Fields = Schema.Void,
  CS extends Fields = Schema.Void,
  S extends Fields = Schema.Void,
  Rej extends Schema.Top = Schema.Never,
  const Es extends Events = {}
>(name: Name, options: {
  /** What a client passes on connect. Default: nothing. */
  readonly params?: P
  /** What the actor knows of each connection; made by `onBeforeConnect`. Default: nothing. */
  readonly connectionState?: CS
  /** The state of each instance; made by `initialState` of `toLayer`. Default: nothing. */
  readonly state?: S
  /** The typed error by which a hook refuses a client. Default: a client cannot be refused. */
  readonly rejection?: Rej
  /** What the actor sends to its clients, by name. Default: nothing. */
  readonly events?: Es
  /** What clients may call. Default: nothing. */
  readonly rpcs?: RpcsOption<Rpcs>
  /** What server code, other actors and alarms may call. Default: nothing. */
  readonly internal?: RpcsOption<Internal>
} = {}): Actor<Name, AsSchema<P>, AsSchema<CS>, AsSchema<S>, Rej, Es, Rpcs, Internal> => {
  const actor = makeActor({ ...options, type: name })
  // What is made at run time has its types erased; those that callers see are inferred from the options alone.
  return Object.assign(function() {}, { [TypeId]: TypeId }, actor, operations(actor)) as any
}

/**
 * Tells whether a value is the contract of an actor.
 *
 * @category guards
 * @since 0.1.0
 */
export const isActor = (u: unknown): u is Any => Predicate.hasProperty(u, TypeId)
