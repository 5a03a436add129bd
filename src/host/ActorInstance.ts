/**
 * One live actor: its state, its handlers, its connections.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import { CurrentLogAnnotations } from "effect/References"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromServer } from "effect/rpc/RpcMessage"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { State } from "../ActorState.ts"
import type { ConnectionId } from "../Connection.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { Registration } from "../internal/actorHost.ts"
import { InOrder } from "../session/InOrder.ts"
import { Session } from "../session/Session.ts"
import { ActorTelemetry, toOutcome } from "./ActorTelemetry.ts"
import type { CallEnvironment } from "./CallEnvironment.ts"
import * as ConnectionLifecycle from "./ConnectionLifecycle.ts"
import * as ConnectionTable from "./ConnectionTable.ts"
import * as EventEncoder from "./EventEncoder.ts"
import * as HookRunner from "./HookRunner.ts"
import * as InternalCalls from "./InternalCalls.ts"
import * as Replies from "./Replies.ts"
import * as ServerCalls from "./ServerCalls.ts"
import { ServerConnection } from "./ServerConnection.ts"
import type { Settings } from "./Settings.ts"
import * as Turn from "./Turn.ts"

/**
 * A live actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActorInstance extends CallEnvironment {
  /** Tells one life of the actor's memory from the next. */
  readonly epoch: string
  readonly hooks: HookRunner.HookRunner
  readonly table: ConnectionTable.ConnectionTable
  /** The calls of server code. */
  readonly internal: InternalCalls.Responders
  /** Keeps the instance alive while the scope is open. */
  readonly retain: Effect.Effect<void, never, Scope.Scope>
  /** Makes a connection that was admitted and starts its life. */
  readonly open: (options: {
    readonly id: ConnectionId
    readonly state: unknown
    readonly attach: number
    readonly subscriptions: Iterable<string>
    readonly onListed: (connection: ServerConnection) => void
  }) => Effect.Effect<ServerConnection>
  readonly decodeParams: (params: unknown) => Effect.Effect<unknown, Schema.SchemaError>
  /** Whether a connection may outlive its socket. */
  readonly canSuspend: boolean
  /** Whether its host sends all clients away. */
  readonly isDraining: () => boolean
  /** Completes when no connection is left and their last hooks have run. */
  readonly awaitQuiet: Effect.Effect<void>
  /** The socket is gone, the client may come back. */
  readonly suspend: (connection: ServerConnection) => Effect.Effect<void>
  /** An accepted token stops the expiry of the window. */
  readonly cancelExpiry: (connection: ServerConnection) => Effect.Effect<void>
  /** A failed attach starts it again. */
  readonly startExpiry: (connection: ServerConnection) => Effect.Effect<void>
}

/**
 * Starts an actor in the current scope; it stops when the scope closes, its
 * connections first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly registration: Registration
  readonly key: string
  readonly epoch: string
  readonly settings: Settings
  readonly retain: Effect.Effect<void, never, Scope.Scope>
  readonly isDraining: () => boolean
}): Effect.fn.Return<ActorInstance, never, Scope.Scope> {
  const { key, registration, settings } = options
  const { actor } = registration
  const address = `${actor.type}/${key}`
  const turn = Turn.make(address, registration.concurrency)
  const encodeEvent = EventEncoder.make(actor, {
    context: registration.context,
    frameBytes: settings.limits.frameBytes
  })
  const withKey = Context.add(registration.context, actor.CurrentKey, key)
  const state = yield* Effect.flatMap(Effect.provideContext(registration.initialState, withKey), makeState)
  const table = yield* ConnectionTable.make(encodeEvent)
  const telemetry = new ActorTelemetry(actor, key, registration.context)
  yield* telemetry.observe(table)
  const annotations = { ...Context.get(registration.context, CurrentLogAnnotations), actor: actor.type, key }
  const context = withKey.pipe(
    Context.add(actor.State, state),
    Context.add(actor.Connections, table.service),
    Context.add(CurrentLogAnnotations, annotations)
  )
  const internal = InternalCalls.makeResponders()

  let instance: ActorInstance
  const server = yield* makeServer(registration, context, turn, {
    onStart: (client, request, beside) =>
      Effect.suspend(() => ServerCalls.start(instance, table.findByNumber(client), request, beside)),
    onResponse: (response) => {
      if (response.clientId === InternalCalls.clientId) {
        if (response._tag === "Exit") telemetry.metrics.internalCall(toOutcome(response.exit))
        return internal.respond(response)
      }
      const connection = table.findByNumber(response.clientId)
      return connection === undefined ? Effect.void : Replies.respond(instance, connection, response)
    }
  })
  instance = {
    actor,
    address,
    context,
    settings,
    telemetry,
    server,
    internal,
    epoch: options.epoch,
    hooks: HookRunner.make({ actor, context, settings, turn }),
    table,
    decodeParams: Schema.decodeUnknownEffect(Schema.toCodecJson(actor.schemas.params)),
    canSuspend: Duration.toMillis(settings.resumeWindow) > 0,
    retain: options.retain,
    isDraining: options.isDraining,
    ...(yield* makeConnections(() => instance))
  }
  yield* Effect.addFinalizer(() => stop(instance))
  return instance
})

/** The parts of an instance that start connections and look after those that are away. */
const makeConnections = Effect.fnUntraced(function*(self: () => ActorInstance) {
  const scope = yield* Effect.scope
  const lives = yield* FiberSet.make()
  const expiries = yield* FiberMap.make<string>()
  let number = InternalCalls.clientId
  yield* Effect.addFinalizer(() => FiberSet.awaitEmpty(lives))

  const startExpiry: ActorInstance["startExpiry"] = (connection) =>
    connection.isEnded ? Effect.void : Effect.asVoid(FiberMap.run(
      expiries,
      connection.id,
      Effect.delay(
        Effect.sync(() => connection.end(DisconnectReason.Lost.make({}))),
        self().settings.resumeWindow
      )
    ))
  const callOnSuspend = (connection: ServerConnection) =>
    Effect.asVoid(FiberSet.run(lives, self().hooks.onSuspend(connection, () => connection.takeSuspension())))

  return {
    open: Effect.fnUntraced(function*(options: Parameters<ActorInstance["open"]>[0]) {
      const connection = makeConnection(self(), ++number, options, Scope.forkUnsafe(scope))
      const life = ConnectionLifecycle.run(self(), connection, () => options.onListed(connection))
      // The connection lives in the context of its actor, not of the socket that happened to open it.
      yield* FiberSet.run(lives, Effect.updateContext(life, (_: Context.Context<never>) => self().context))
      return connection
    }),
    suspend: Effect.fnUntraced(function*(connection: ServerConnection) {
      connection.status = "Suspended"
      connection.suspensionDue = true
      self().table.announce({ _tag: "Suspended", connection: connection.view })
      yield* startExpiry(connection)
      yield* callOnSuspend(connection)
    }),
    awaitQuiet: FiberSet.awaitEmpty(lives),
    startExpiry: (connection: ServerConnection) => Effect.andThen(startExpiry(connection), callOnSuspend(connection)),
    cancelExpiry: (connection: ServerConnection) => FiberMap.remove(expiries, connection.id)
  }
})

const makeConnection = (
  self: ActorInstance,
  number: number,
  options: Omit<Parameters<ActorInstance["open"]>[0], "onListed">,
  scope: Scope.Closeable
): ServerConnection => {
  const { bufferBytes, bufferFrames } = self.settings.limits
  const connection: ServerConnection = new ServerConnection({
    ...options,
    number,
    scope,
    session: new Session({ frames: bufferFrames, bytes: bufferBytes }),
    telemetry: self.telemetry,
    inbox: new InOrder({
      closed: true,
      act: (frame) => ServerCalls.act(self, connection, frame),
      context: () => connection.context,
      scope
    }),
    makeContext: (view) =>
      self.context.pipe(
        Context.add(self.actor.CurrentConnection, view),
        Context.add(CurrentLogAnnotations, {
          ...Context.get(self.context, CurrentLogAnnotations),
          connection: options.id
        })
      )
  })
  return connection
}

const stop = Effect.fnUntraced(function*(self: ActorInstance): Effect.fn.Return<void> {
  yield* self.internal.abandon
  yield* self.server.disconnect(InternalCalls.clientId)
  for (const connection of Array.from(self.table.listed())) connection.end(DisconnectReason.Draining.make({}))
})

const makeServer = Effect.fnUntraced(function*(
  registration: Registration,
  context: Context.Context<never>,
  turn: Turn.Turn,
  on: {
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
        Turn.wrapHandler(turn, handlers[tag] as Turn.Handler, (options, beside) =>
          on.onStart(options.client.id, options.requestId, beside))
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

const makeState = Effect.fnUntraced(function*(
  initial: unknown
): Effect.fn.Return<State<unknown>, never, Scope.Scope> {
  const ref = yield* SubscriptionRef.make(initial)
  const stopped = yield* Effect.acquireRelease(Deferred.make<void>(), Deferred.done(Exit.void))
  return {
    get: SubscriptionRef.get(ref),
    set: (value) => SubscriptionRef.set(ref, value),
    update: (f) => SubscriptionRef.update(ref, f),
    modify: (f) => SubscriptionRef.modify(ref, f),
    changes: Stream.interruptWhen(SubscriptionRef.changes(ref), Deferred.await(stopped))
  }
})
