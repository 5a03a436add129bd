/**
 * What an actor's contract does at run time: it checks itself, names its services, and delegates to host and client.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { ConnectOptions } from "../Client.ts"
import type { Events, Fields } from "../Connection.ts"
import { ActorClient } from "./actorClient.ts"
import { ActorHost, type AnyHandler, type Durability } from "./actorHost.ts"
import type { AnyActor, AnyClient, AnyHooks, AnySchema } from "./definition.ts"
import * as names from "./names.ts"

type AnyRpcs = ReadonlyArray<Rpc.Any> | AnyGroup

interface AnyGroup extends RpcGroup.Any {
  readonly requests: ReadonlyMap<string, Rpc.Any>
}

/**
 * What `Actor.make` is given, with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyOptions {
  readonly type: string
  readonly params?: Fields | undefined
  readonly connectionState?: Fields | undefined
  readonly state?: Fields | undefined
  readonly rejection?: Schema.Top | undefined
  readonly events?: Events | undefined
  readonly rpcs?: AnyRpcs | undefined
  readonly internal?: AnyRpcs | undefined
}

/**
 * What `toLayer` is given beside the handlers, with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyLayerOptions {
  readonly concurrency?: number | "unbounded" | undefined
  readonly maxIdleTime?: Duration.Input | undefined
  readonly initialState?: unknown
  readonly durability?: "commit" | { readonly interval: Duration.Input } | undefined
  readonly version?: number | undefined
  readonly migrate?: ((encoded: unknown, from: number) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * What `connect` is given, with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectInput extends ConnectOptions<Events> {
  readonly params?: unknown
}

/**
 * The value of each option of `toLayer` that nobody sets.
 *
 * @category constants
 * @since 0.1.0
 */
export const layerDefaults = {
  concurrency: 1,
  maxIdleTime: "1 minute"
} as const

type Handlers = Readonly<Record<string, AnyHandler>>

/**
 * Makes the contract with its types erased; throws where it contradicts itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeActor = (options: AnyOptions): AnyActor => {
  const type = options.type
  if (type.trim() === "") throw new Error("Actor.make: the name of an actor must not be empty")
  const protocol = toGroup(type, "rpcs", options.rpcs)
  const internal = toGroup(type, "internal", options.internal)
  const both = Array.from(protocol.requests.keys()).find((tag) => internal.requests.has(tag))
  if (both !== undefined) {
    throw new Error(`Actor.make: the RPC "${both}" of the actor "${type}" is both in rpcs and in internal`)
  }
  const events = options.events ?? {}
  names.checkLengths(type, [type, ...protocol.requests.keys(), ...internal.requests.keys(), ...Object.keys(events)])
  const schemas = {
    params: toSchema(options.params),
    connectionState: toSchema(options.connectionState),
    state: toSchema(options.state),
    rejection: toSchema(options.rejection ?? Schema.Never),
    events
  }
  const eventSchemas = new Map(Object.entries(events).map(([name, fields]) => [name, toSchema(fields)]))
  return { type, schemas, eventSchemas, protocol, internal, ...tags(type) }
}

const toSchema = (fields: Fields | undefined): AnySchema => {
  if (fields === undefined) return Schema.Void
  return (Schema.isSchema(fields) ? fields : Schema.Struct(fields)) as Schema.Top as AnySchema
}

const toGroup = (type: string, option: string, rpcs: AnyRpcs = []): AnyActor["protocol"] => {
  if ("requests" in rpcs) return rpcs as RpcGroup.Any as AnyActor["protocol"]
  const twice = rpcs.find((rpc, index) => rpcs.findIndex((other) => other._tag === rpc._tag) < index)
  if (twice !== undefined) {
    throw new Error(`Actor.make: the RPC "${twice._tag}" of the actor "${type}" is in ${option} twice`)
  }
  return RpcGroup.make(...rpcs) as RpcGroup.Any as AnyActor["protocol"]
}

const tags = (type: string) => {
  const key = (service: string) => `effect-tether/Actor/${type}/${service}`
  return {
    CurrentConnection: Context.Service<never, AnyActor["CurrentConnection"]["Service"]>(key("CurrentConnection")),
    CurrentKey: Context.Service<never, string>(key("CurrentKey")),
    Connections: Context.Service<never, AnyActor["Connections"]["Service"]>(key("Connections")),
    State: Context.Service<never, AnyActor["State"]["Service"]>(key("State")),
    Alarms: Context.Service<never, AnyActor["Alarms"]["Service"]>(key("Alarms")),
    Hooks: Context.Service<never, AnyHooks>(key("Hooks")),
    Client: Context.Service<never, AnyClient>(key("Client"))
  }
}

/**
 * The members of a contract that do something: layers, and access to host and client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const operations = (actor: AnyActor) => ({
  of: identity<Handlers>,
  layerHooks: (hooks: AnyHooks | Effect.Effect<AnyHooks>) =>
    Effect.isEffect(hooks) ? Layer.effect(actor.Hooks, hooks) : Layer.succeed(actor.Hooks, hooks),
  layerAdmitAll: Layer.succeed(actor.Hooks, { onBeforeConnect: () => Effect.void }),
  toLayer: (build: Handlers | Effect.Effect<Handlers>, options: AnyLayerOptions = {}) =>
    Layer.effectDiscard(register(actor, build, options)),
  connect: (key: string, options: ConnectInput = {}) => connect(actor, key, options),
  layerClient: (key: string, options: ConnectInput = {}) => Layer.effect(actor.Client, connect(actor, key, options)),
  client: (key: string) => ActorHost.use((host) => host.client(actor, key))
})

const register = Effect.fnUntraced(
  function*(actor: AnyActor, build: Handlers | Effect.Effect<Handlers>, options: AnyLayerOptions) {
    const host = yield* ActorHost
    yield* host.register({
      actor,
      build: toEffect(build),
      initialState: toEffect(options.initialState),
      concurrency: options.concurrency ?? layerDefaults.concurrency,
      maxIdleTime: Duration.fromInputUnsafe(options.maxIdleTime ?? layerDefaults.maxIdleTime),
      durability: toDurability(options),
      context: yield* ownContext
    })
  }
)

const toDurability = ({ durability, migrate, version }: AnyLayerOptions): Durability | undefined =>
  durability === undefined ? undefined : {
    interval: durability === "commit" ? undefined : Duration.fromInputUnsafe(durability.interval),
    version: version ?? 1,
    migrate
  }

// Each evaluation of the params has a scope of its own, so that a handle which dials for days piles nothing up.
const connect = Effect.fnUntraced(function*(actor: AnyActor, key: string, options: ConnectInput) {
  const client = yield* ActorClient
  const context = yield* ownContext
  const params = Effect.scoped(toEffect(options.params)).pipe(Effect.provideContext(context))
  return yield* client.connect(actor, key, { ...options, params, context })
})

// Without the scope and the span of whoever asked: both end before what is made here does.
const ownContext = Effect.map(Effect.context<never>(), Context.omit(Scope.Scope, Tracer.ParentSpan))

const toEffect = <A>(value: A | Effect.Effect<A>): Effect.Effect<A> =>
  Effect.isEffect(value) ? value : Effect.succeed(value)
