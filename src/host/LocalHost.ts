/**
 * Actors in this process.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type { SocketError } from "effect/socket/Socket"
import { CallError, HostClosed } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import { ActorHost, type Registration } from "../internal/actorHost.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Accept from "./Accept.ts"
import * as Drain from "./Drain.ts"
import * as Inspect from "./Inspect.ts"
import * as Instances from "./Instances.ts"
import * as InternalCalls from "./InternalCalls.ts"
import { Registry } from "./Registry.ts"
import * as Settings from "./Settings.ts"
import { WaitGraph } from "./WaitGraph.ts"
import * as Wakes from "./Wakes.ts"

interface Registered {
  readonly registration: Registration
  readonly live: Instances.Instances
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
  const actors = new Registry<Registered>()
  const clients = yield* makeClients(actors)
  let draining = false

  return ActorHost.of({
    register: (registration) => register(actors, registration, settings, () => draining),
    accept: yield* Accept.make({
      settings,
      isDraining: () => draining,
      serve: (socket) => serve(actors, settings, socket)
    }),
    drain: (options) =>
      Effect.suspend(() => {
        draining = true
        return Drain.run(Array.from(actors.values(), ({ live }) => live), options)
      }),
    isDraining: Effect.sync(() => draining),
    client: clients,
    size: Effect.sync(() => countLive(actors)),
    inspect: (options) => Effect.sync(() => Inspect.view(actors.values(), draining, options)),
    kick: (connection, reason) => Effect.sync(() => Inspect.kick(actors.values(), connection, reason))
  })
})

const countLive = (actors: Registry<Registered>): number => {
  let size = 0
  for (const { live } of actors.values()) size += live.size()
  return size
}

const register = Effect.fnUntraced(function*(
  actors: Registry<Registered>,
  registration: Registration,
  settings: Settings.Settings,
  isDraining: () => boolean
): Effect.fn.Return<void, never, Scope.Scope> {
  const { type } = registration.actor
  yield* actors.demandFree(type)
  const asleep = Latch.makeUnsafe(false)
  const live = yield* Instances.make(registration, settings, {
    isDraining,
    onStart: () => Effect.addFinalizer(() => Effect.sync(() => asleep.openUnsafe()))
  })
  yield* actors.add(type, { registration, live })
  if (registration.durability !== undefined) {
    yield* Wakes.run(registration, {
      asleep,
      wake: (key) => Instances.wake(live, key)
    })
  }
})

const serve = (
  actors: Registry<Registered>,
  settings: Settings.Settings,
  socket: Accept.Greeted
): Effect.Effect<void, SocketError, Scope.Scope> => {
  const { actor, key } = socket.hello
  const registered = actors.get(actor)
  if (registered === undefined) {
    return Effect.andThen(
      Effect.logInfo("a client asked for an actor that the host does not have"),
      Accept.turnAway(socket.link, actors.absence(actor))
    )
  }
  if (!registered.live.has(key) && countLive(actors) >= settings.maxActors) {
    return Effect.andThen(
      Effect.logWarning(`no room for another actor: ${settings.maxActors} live already`),
      Accept.turnAway(socket.link, DisconnectReason.Draining.make({}))
    )
  }
  return Accept.serveActor(registered.live, settings, socket)
}

const makeClients = Effect.fnUntraced(function*(
  actors: Registry<Registered>
): Effect.fn.Return<ActorHost["Service"]["client"], never, Scope.Scope> {
  const scope = yield* Effect.scope
  yield* Effect.addFinalizer(() => Effect.sync(() => actors.close()))
  const waits = new WaitGraph()
  const byType = new Map<string, (key: string) => Record<string, unknown>>()

  const get = (actor: AnyActor) => (key: string) =>
    Effect.suspend(() => {
      const registered = actors.get(actor.type)
      if (registered !== undefined) {
        return Effect.mapError(registered.live.get(key), (reason) => new CallError({ reason }))
      }
      return actors.hasLeft(actor.type)
        ? Effect.fail(new CallError({ reason: new HostClosed() }))
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
