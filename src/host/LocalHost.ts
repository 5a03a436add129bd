/**
 * Actors in this process.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { CallError, HostClosed } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import { ActorHost, type Registration } from "../internal/actorHost.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Handshake from "../server/Handshake.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import * as Link from "../session/Link.ts"
import type { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import * as ActorInstance from "./ActorInstance.ts"
import * as Attach from "./Attach.ts"
import * as Drain from "./Drain.ts"
import * as InternalCalls from "./InternalCalls.ts"
import * as LiveActors from "./LiveActors.ts"
import * as Settings from "./Settings.ts"
import { WaitGraph } from "./WaitGraph.ts"

interface Registered {
  readonly registration: Registration
  readonly live: LiveActors.LiveActors<ActorInstance.ActorInstance>
}

/**
 * Makes a host whose actors live in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Settings.HostOptions = {}
): Effect.fn.Return<ActorHost["Service"], never, Scope.Scope> {
  const settings = Settings.make(options)
  const actors = new Map<string, Registered>()
  const clients = yield* makeClients(actors)
  let draining = false

  return ActorHost.of({
    register: (registration) => register(actors, registration, settings, () => draining),
    accept: yield* makeAccept(actors, settings, () => draining),
    drain: (options) =>
      Effect.suspend(() => {
        draining = true
        return Drain.run(Array.from(actors.values(), ({ live }) => live), options)
      }),
    isDraining: Effect.sync(() => draining),
    client: clients,
    size: Effect.sync(() => {
      let size = 0
      for (const { live } of actors.values()) size += live.size()
      return size
    })
  })
})

const register = Effect.fnUntraced(function*(
  actors: Map<string, Registered>,
  registration: Registration,
  settings: Settings.Settings,
  isDraining: () => boolean
): Effect.fn.Return<void, never, Scope.Scope> {
  const { type } = registration.actor
  if (actors.has(type)) {
    return yield* Effect.die(
      new Error(`the host has an actor "${type}" already; give every actor a name of its own`)
    )
  }
  const context = Context.omit(Scope.Scope)(registration.context)
  const live = yield* LiveActors.make({
    maxIdleTime: registration.maxIdleTime,
    start: Effect.fnUntraced(function*(key: string, retain) {
      const epoch = yield* ResumeToken.make
      return yield* ActorInstance.make({ registration, key, epoch, settings, retain, isDraining })
    })
  }).pipe(
    Effect.updateContext((current: Context.Context<Scope.Scope>) =>
      Context.add(context, Scope.Scope, Context.get(current, Scope.Scope))
    )
  )
  yield* Effect.acquireRelease(
    Effect.sync(() => actors.set(type, { registration, live })),
    () => Effect.sync(() => actors.delete(type))
  )
})

const makeAccept = Effect.fnUntraced(function*(
  actors: ReadonlyMap<string, Registered>,
  settings: Settings.Settings,
  isDraining: () => boolean
): Effect.fn.Return<ActorHost["Service"]["accept"], never, Scope.Scope> {
  let handshakes = 0
  const metrics = new ServerMetrics.HostMetrics(yield* Effect.context<never>())
  yield* Effect.acquireRelease(Effect.sync(() => metrics.handshakes.add(() => handshakes)), Effect.sync)
  return (socket, { headers }) =>
    Effect.gen(function*() {
      const link = yield* Link.fromSocket(socket, { maxBytes: settings.limits.batchBytes })
      if (isDraining()) return yield* turnAway(link, DisconnectReason.Draining.make({}), metrics)
      if (handshakes >= settings.maxHandshakes) {
        metrics.rejected("TooManyHandshakes")
        return yield* link.close(EndCode.codes.Draining, "too many handshakes at once; come back later")
      }
      let isHandshake = true
      const onAttached = () => {
        if (isHandshake) handshakes--
        isHandshake = false
      }
      yield* Effect.acquireRelease(Effect.sync(() => handshakes++), () => Effect.sync(onAttached))
      const hello = yield* readHello(link, settings, metrics)
      if (hello !== undefined) yield* serve(actors, settings, { hello, link, headers, onAttached }, metrics)
    }).pipe(
      Effect.scoped,
      Effect.catchTag("SocketError", () => Effect.logDebug("a client left before it got in"))
    )
})

const readHello = (
  link: Link.Link,
  settings: Settings.Settings,
  metrics: ServerMetrics.HostMetrics
): Effect.Effect<Frame.Hello | undefined, Socket.SocketError> =>
  Handshake.readHello(link, { maxBytes: settings.maxHelloBytes }).pipe(
    Effect.catchTag("ProtocolViolation", (violation: ProtocolViolation) =>
      Effect.andThen(
        Effect.logInfo(`a client broke the protocol: ${violation.message}`),
        turnAway(link, DisconnectReason.ProtocolError.make({ message: violation.message }), metrics)
      )),
    Effect.timeoutOrElse({
      duration: settings.handshakeTimeout,
      orElse: () => {
        metrics.rejected("HandshakeTimeout")
        return Effect.as(link.close(EndCode.handshakeTimeout, "no hello came in time"), undefined)
      }
    })
  )

const serve = (
  actors: ReadonlyMap<string, Registered>,
  settings: Settings.Settings,
  socket: Parameters<typeof Attach.serve>[1],
  metrics: ServerMetrics.HostMetrics
): Effect.Effect<void, Socket.SocketError, Scope.Scope> => {
  const { actor, key } = socket.hello
  const registered = actors.get(actor)
  if (registered === undefined) {
    return Effect.andThen(
      Effect.logInfo("a client asked for an actor that the host does not have"),
      turnAway(socket.link, DisconnectReason.UnknownActor.make({ actor }), metrics)
    )
  }
  return start(registered, key, socket.link, settings).pipe(
    Effect.flatMap((instance) => Attach.serve(instance, socket)),
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("the actor could not be started", Cause.die(defect)),
        turnAway(
          socket.link,
          DisconnectReason.InternalError.make({}),
          ServerMetrics.ofActor(actor, registered.registration.context)
        )
      )
    ),
    Effect.annotateLogs({ actor, key })
  )
}

/** Finds or starts the actor, in time and for as long as the client waits for it. */
const start = (
  { live }: Registered,
  key: string,
  link: Link.Link,
  { hookTimeout }: Settings.Settings
): Effect.Effect<ActorInstance.ActorInstance, Socket.SocketError, Scope.Scope> =>
  live.get(key).pipe(
    Effect.timeoutOrElse({
      duration: hookTimeout,
      orElse: () => Effect.die(new Error("the actor did not start in time"))
    }),
    Effect.raceFirst(
      Effect.andThen(Effect.catchTag(link.pull, "ProtocolViolation", () => Effect.void), Effect.fail(left))
    )
  )

/** A client says nothing before it is welcomed, unless it leaves. */
const left = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })

/** Ends a socket before anybody has taken it up. */
const turnAway = (
  link: Link.Link,
  reason: DisconnectReason.DisconnectReason,
  metrics: { readonly rejected: (reason: string) => void }
): Effect.Effect<undefined, Socket.SocketError> =>
  Effect.sync(() => metrics.rejected(reason._tag)).pipe(
    Effect.andThen(link.write(`[${Frame.encodeBye(reason, 0)}]`)),
    Effect.andThen(link.close(EndCode.codes[reason._tag], DisconnectReason.describe(reason))),
    Effect.as(undefined)
  )

const makeClients = Effect.fnUntraced(function*(
  actors: ReadonlyMap<string, Registered>
): Effect.fn.Return<ActorHost["Service"]["client"], never, Scope.Scope> {
  const scope = yield* Effect.scope
  const closed = yield* Effect.acquireRelease(
    Deferred.make<never, CallError>(),
    (deferred) => Deferred.fail(deferred, new CallError({ reason: new HostClosed() }))
  )
  const waits = new WaitGraph()
  const byType = new Map<string, (key: string) => Record<string, unknown>>()

  const get = (actor: AnyActor) => (key: string) =>
    Effect.suspend(() => {
      const registered = actors.get(actor.type)
      if (registered !== undefined) return registered.live.get(key)
      return Deferred.isDoneUnsafe(closed)
        ? Deferred.await(closed)
        : Effect.die(new Error(`the host has no actor "${actor.type}"; provide its layer to the app`))
    })

  return (actor, key) =>
    Effect.gen(function*() {
      let client = byType.get(actor.type)
      if (client === undefined) {
        client = yield* InternalCalls.makeClient(actor, {
          get: get(actor),
          waits,
          waitsForTurn: () => actors.get(actor.type)?.registration.concurrency !== "unbounded"
        }).pipe(Scope.provide(scope))
        byType.set(actor.type, client)
      }
      return client(key) as never
    })
})
