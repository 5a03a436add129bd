/**
 * One live actor: its state, its handlers, its connections.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { CurrentLogAnnotations } from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ActorUnavailable } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { Registration } from "../internal/actorHost.ts"
import type { Engine } from "../session/Engine.ts"
import { ActorTelemetry, toOutcome } from "./ActorTelemetry.ts"
import * as AlarmClock from "./AlarmClock.ts"
import type { CallEnvironment } from "./CallEnvironment.ts"
import { Callers, type Turns, withChain } from "./Callers.ts"
import type * as Commits from "./Commits.ts"
import * as ConnectionLives from "./ConnectionLives.ts"
import * as ConnectionTable from "./ConnectionTable.ts"
import type { StateEncoder } from "./ConnectionView.ts"
import * as Durable from "./Durable.ts"
import * as EventEncoder from "./EventEncoder.ts"
import * as HookRunner from "./HookRunner.ts"
import * as InstanceServer from "./InstanceServer.ts"
import * as InstanceState from "./InstanceState.ts"
import * as InternalCalls from "./InternalCalls.ts"
import type { Keeper } from "./LiveActors.ts"
import * as NodeView from "./NodeView.ts"
import * as Replies from "./Replies.ts"
import * as ServerCalls from "./ServerCalls.ts"
import type { Settings } from "./Settings.ts"
import * as Turn from "./Turn.ts"

/**
 * A live actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActorInstance extends CallEnvironment, ConnectionLives.ConnectionLives {
  /** Tells one life of the actor's memory from the next. */
  readonly epoch: string
  readonly hooks: HookRunner.HookRunner
  readonly table: ConnectionTable.ConnectionTable
  /** The calls of server code. */
  readonly internal: InternalCalls.Responders
  /** What its sockets share. */
  readonly engine: Engine
  readonly decodeParams: (params: unknown) => Effect.Effect<unknown, Schema.SchemaError>
  /** Whether a connection may outlive its socket. */
  readonly canSuspend: boolean
  /** Why connections end that begin while it stops already; `undefined` while it lives. */
  readonly stopsFor: () => DisconnectReason.DisconnectReason | undefined
  /** Whether its host sends all clients away. */
  readonly isDraining: () => boolean
  /** What is stored, and when; `undefined` for an actor that lives in memory. */
  readonly commits: Commits.Commits | undefined
  /** Turns the state of a connection into what is stored of it. */
  readonly encodeConnectionState: StateEncoder
  /** The instance as other nodes see it; made when it is asked for. */
  readonly forNodes: () => ActorInstance
}

/**
 * Starts an actor in the current scope, from storage if it is durable; it stops
 * when the scope closes, its connections first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly registration: Registration
  readonly key: string
  readonly epoch: string
  readonly settings: Settings
  readonly keeper: Keeper
  readonly engine: Engine
  readonly isDraining: () => boolean
  readonly turns: Turns
}): Effect.fn.Return<ActorInstance, ActorUnavailable, Scope.Scope> {
  const { keeper, key, registration, settings } = options
  const { actor } = registration
  const address = `${actor.type}/${key}`
  const annotations = { ...Context.get(registration.context, CurrentLogAnnotations), actor: actor.type, key }
  const withKey = registration.context.pipe(
    Context.add(actor.CurrentKey, key),
    Context.add(CurrentLogAnnotations, annotations)
  )
  const initialState = Effect.provideContext(registration.initialState, withKey)
  let instance: ActorInstance
  let forNodes: ActorInstance | undefined
  let hasStarted = false
  let stopReason: DisconnectReason.DisconnectReason | undefined
  const durable = yield* Durable.make(registration, {
    key,
    settings,
    initialState,
    onDeferred: ({ client, request }) => instance.table.findByNumber(client)?.record?.defer(request as number),
    onFailure: () => hasStarted ? crash(instance, keeper) : Effect.void
  })
  const commits = durable?.commits
  const state = durable?.state ?? (yield* Effect.flatMap(initialState, (initial) => InstanceState.make(initial)))
  const turn = Turn.make(address, registration.concurrency, commits)
  const table = yield* ConnectionTable.make(
    EventEncoder.make(actor, { context: registration.context, frameBytes: settings.limits.frameBytes }),
    durable?.encodeConnectionState
  )
  const telemetry = new ActorTelemetry(actor, key, registration.context)
  yield* telemetry.observe(table)
  const internal = InternalCalls.makeResponders()
  const isSerial = registration.concurrency === 1
  const alarms: AlarmClock.AlarmClock = yield* AlarmClock.make({
    actor,
    keeper,
    commits,
    stored: durable?.alarms ?? [],
    context: () => context,
    server: () => instance.server
  })
  const context: Context.Context<never> = withKey.pipe(
    Context.add(actor.State, state),
    Context.add(actor.Connections, table.service),
    Context.add(actor.Alarms, alarms.service)
  )

  const server = yield* InstanceServer.make(registration, context, turn, {
    services: (client, request) => {
      const connection = table.findByNumber(client)
      return (context) =>
        connection === undefined
          ? context
          : connection.home !== instance
          ? withChain(connection.calls.get(request), context)
          : context.pipe(
            Context.add(actor.CurrentConnection, connection.view),
            Context.add(CurrentLogAnnotations, { ...annotations, connection: connection.id })
          )
    },
    onStart: (client, request, beside) =>
      client === AlarmClock.clientId
        ? alarms.onStart(request, isSerial && !beside)
        : Effect.suspend(() => ServerCalls.start(table.findByNumber(client), request, beside)),
    onResponse: (response) => {
      const { clientId } = response
      if (clientId === AlarmClock.clientId) return alarms.onResponse(response)
      if (clientId === InternalCalls.clientId) {
        if (response._tag === "Exit") telemetry.metrics.internalCall(toOutcome(response.exit))
        return InternalCalls.respond(internal, commits, response)
      }
      const connection = table.findByNumber(clientId)
      const sent = connection === undefined ? Effect.void : Replies.respond(connection.home, connection, response)
      return commits === undefined || response._tag !== "Exit" ? sent : Effect.ensuring(
        sent,
        Effect.sync(() => commits.complete({ client: clientId, request: response.requestId as number }))
      )
    }
  })
  instance = {
    actor,
    key,
    address,
    context,
    settings,
    telemetry,
    server,
    internal,
    commits,
    isSerial,
    epoch: options.epoch,
    hooks: HookRunner.make({ actor, context, settings, turn, stepwise: isSerial ? undefined : commits }),
    table,
    decodeParams: Schema.decodeUnknownEffect(Schema.toCodecJson(actor.schemas.params)),
    encodeConnectionState: durable?.encodeConnectionState ?? Effect.succeed,
    callers: undefined,
    forNodes: () =>
      forNodes ??= NodeView.make(instance, {
        callers: new Callers(options.turns, {
          address,
          waitsForTurn: registration.concurrency !== "unbounded",
          onIdle: keeper.touch
        }),
        context: registration.context
      }),
    canSuspend: Duration.toMillis(settings.resumeWindow) > 0,
    engine: options.engine,
    stopsFor: () => stopReason,
    isDraining: options.isDraining,
    ...(yield* ConnectionLives.make(() => instance, keeper))
  }
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      stopReason = commits?.hasFailed === true
        ? DisconnectReason.ActorStopped.make({})
        : DisconnectReason.Draining.make({})
      return stop(instance, stopReason, alarms)
    })
  )
  yield* alarms.start
  if (durable !== undefined) yield* Effect.forEach(durable.connections, instance.recover, { discard: true })
  // What was begun meanwhile has failed already: nobody gets to see this incarnation.
  if (commits?.hasFailed === true) {
    return yield* new ActorUnavailable({ actor: address, explanation: "a commit failed while it was starting" })
  }
  hasStarted = true
  return instance
})

/** A commit has failed: nobody hears of what was not stored, and the next incarnation begins from what was. */
const crash = (self: ActorInstance, keeper: Keeper): Effect.Effect<void> =>
  Effect.suspend(() => {
    for (const connection of self.table.all()) connection.drop()
    return keeper.stop
  })

const stop = Effect.fnUntraced(function*(
  self: ActorInstance,
  reason: DisconnectReason.DisconnectReason,
  alarms: AlarmClock.AlarmClock
): Effect.fn.Return<void> {
  yield* self.internal.abandon
  yield* self.server.disconnect(InternalCalls.clientId)
  for (const connection of self.table.all()) connection.end(reason)
  if (self.commits?.hasFailed !== true) {
    yield* Effect.timeoutOption(Effect.interruptible(alarms.finish), self.settings.kickGrace)
  }
  // One that holds the turn holds up the hooks that the rest waits for.
  yield* alarms.cutShort
})
