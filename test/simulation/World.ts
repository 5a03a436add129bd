/**
 * A whole system: actors on a host that can be restarted, a network that can be hurt, and clients that come and go.
 */
import {
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  FiberMap,
  FiberSet,
  Layer,
  Scope,
  Semaphore,
  Stream,
  SubscriptionRef
} from "effect"
import { Headers } from "effect/http"
import { TestClock } from "effect/testing"
import * as SocketClient from "../../src/client/SocketClient.ts"
import { type Actor, ActorClient, ActorHost, type ConnectionStatus } from "../../src/index.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as Hosts from "../support/Hosts.ts"
import * as Arena from "./Arena.ts"
import { type HandleRecord, Journal } from "./Journal.ts"
import type { Config, Mood } from "./Schedule.ts"

/** A client with what a run needs to use it. */
export interface Handle {
  readonly record: HandleRecord
  readonly client: Actor.ClientOf<typeof Arena.Arena>
  readonly scope: Scope.Closeable
  mood: Mood
  /** The consumers of its direct messages. */
  readonly listeners: FiberSet.FiberSet
}

export interface World {
  readonly journal: Journal
  readonly config: Config
  readonly network: MemoryNetwork.MemoryNetwork
  /** The client of each place; the last one that was there. */
  readonly places: Array<Handle>
  readonly calls: FiberMap.FiberMap<number>
  /** What goes on beside the steps. */
  readonly errands: FiberSet.FiberSet
  readonly server: { current: Context.Context<ActorHost.ActorHost> | undefined; scope: Scope.Closeable }
  readonly restarting: Semaphore.Semaphore
}

const connect = (key: string, handle: () => Handle, config: Config, id: number) =>
  Arena.Arena.connect(key, {
    params: Effect.sync(() => ({ handle: id, mood: handle().mood })),
    subscribe: ["news"],
    queueCapacity: config.queueCapacity,
    onQueueFull: config.onQueueFull
  })

export const startServer = Effect.fnUntraced(function*(self: World) {
  const { config } = self
  const scope = yield* Scope.make()
  const app = Arena.layer(self.journal, config).pipe(Layer.provideMerge(Hosts.layerHost({
    resumeWindow: config.resumeWindow,
    bufferFrames: config.bufferFrames,
    maxCallsInFlight: config.callsInFlight,
    streamWindow: config.streamWindow,
    kickGrace: config.kickGrace
  })))
  const context = yield* Layer.buildWithScope(app, scope)
  const host = Context.get(context, ActorHost.ActorHost)
  yield* self.network.accept((socket) => host.accept(socket, { headers: Headers.empty })).pipe(Scope.provide(scope))
  self.journal.note("the server is up")
  self.server.scope = scope
  self.server.current = context
})

/** Sends all clients away in an orderly manner. */
export const drain = Effect.fnUntraced(function*({ journal, server }: World) {
  if (server.current === undefined) return
  journal.note("the server drains")
  yield* Context.get(server.current, ActorHost.ActorHost).drain({ window: "2 seconds", retryAfter: "1 second" })
})

export const stopServer = Effect.fnUntraced(function*(self: World) {
  if (self.server.current === undefined) return
  self.server.current = undefined
  self.journal.note("the server closes")
  yield* Scope.close(self.server.scope, Exit.void)
  self.journal.note("the server is down")
})

/** A world whose fibers all end with the scope. */
export const make = Effect.fnUntraced(function*(config: Config) {
  const journal = new Journal(yield* Clock.clockWith(Effect.succeed))
  const self: World = {
    journal,
    config,
    network: yield* MemoryNetwork.make(),
    places: [],
    server: { current: undefined, scope: yield* Scope.make() },
    restarting: yield* Semaphore.make(1),
    calls: yield* FiberMap.make<number>(),
    errands: yield* FiberSet.make()
  }
  yield* startServer(self)
  for (let place = 0; place < config.clients; place++) yield* arrive(self, place)
  return self
})

/** A fresh client takes a place. */
export const arrive = Effect.fnUntraced(function*(self: World, place: number) {
  const { config, journal } = self
  const scope = yield* Scope.make()
  const key = String.fromCharCode(97 + (place % config.keys))
  const record: HandleRecord = {
    id: journal.handles.length,
    key,
    statuses: [],
    gaps: [],
    news: [],
    listeners: [],
    left: false
  }
  journal.handles.push(record)
  const client = yield* connect(key, () => handle, config, record.id).pipe(
    Effect.provideService(ActorClient.ActorClient, SocketClient.make(self.network.dial)),
    Scope.provide(scope)
  )
  const handle: Handle = {
    record,
    client,
    scope,
    mood: "calm",
    listeners: yield* Scope.provide(FiberSet.make(), scope)
  }
  const watch = <A, E>(stream: Stream.Stream<A, E>, onItem: (item: A) => void) =>
    Effect.forkIn(Effect.ignoreCause(Stream.runForEach(stream, (item) => Effect.sync(() => onItem(item)))), scope)
  yield* watch(SubscriptionRef.changes(client.status), (status) => {
    record.statuses.push(status)
    journal.note(`client ${record.id}: ${show(status)}`)
  })
  yield* watch(client.gaps, (gap) => {
    record.gaps.push(gap)
    journal.note(`client ${record.id}: gap after ${gap.previous}`)
  })
  yield* watch(
    Stream.mapEffect(client.events.news, (news) => Effect.as(Effect.sleep(config.readMillis), news)),
    ({ op }) => {
      record.news.push(op)
      journal.note(`client ${record.id}: news ${op}`)
    }
  )
  self.places[place] = handle
})

const show = (status: ConnectionStatus.Status<unknown>): string => {
  switch (status._tag) {
    case "Connected":
      return `Connected ${status.id}${status.resumed ? " (resumed)" : ""}`
    case "Disconnected":
      return `Disconnected (${status.reason._tag})`
    case "Waiting":
      return `Waiting ${status.delay}`
    default:
      return status._tag
  }
}

/** Another consumer of the direct messages of a client. */
export const listen = Effect.fnUntraced(function*({ client, listeners, record }: Handle) {
  const listener: HandleRecord["listeners"][number] = { ticks: [], running: true }
  record.listeners.push(listener)
  const consume = Stream.runForEach(client.events.tick, (tick) => Effect.sync(() => listener.ticks.push(tick))).pipe(
    Effect.ignoreCause,
    Effect.ensuring(Effect.sync(() => {
      listener.running = false
    }))
  )
  yield* FiberSet.run(listeners, consume)
})

/** A client leaves, by word or by the end of its scope. */
export const leave = Effect.fnUntraced(function*(self: World, handle: Handle, how: "disconnect" | "scope") {
  handle.record.left = true
  self.journal.note(`client ${handle.record.id} leaves (${how})`)
  yield* how === "disconnect" ? handle.client.disconnect("enough") : Scope.close(handle.scope, Exit.void)
})

const turns = Array.from({ length: 24 })

/** Lets time pass, after everything that can go on without it has gone on. Without time nobody is waited for. */
export const pass = (time: Duration.Input): Effect.Effect<void> =>
  Duration.isZero(Duration.fromInputUnsafe(time))
    ? Effect.yieldNow
    : Effect.andThen(Effect.forEach(turns, () => Effect.yieldNow, { discard: true }), TestClock.adjust(time))

/** Calls of server code; what a host that is closing makes of them is not looked at. */
export const onServer = <A, E>(
  self: World,
  key: string,
  use: (actor: Effect.Success<ReturnType<typeof Arena.Arena.client>>) => Effect.Effect<A, E>
): Effect.Effect<A | undefined> =>
  Effect.suspend(() => {
    const { current } = self.server
    return current === undefined
      ? Effect.succeed(undefined)
      : Arena.Arena.client(key).pipe(
        Effect.flatMap(use),
        Effect.provideContext(current),
        Effect.catchCause(() => Effect.succeed(undefined))
      )
  })

export const keys = (self: World): ReadonlyArray<string> =>
  Array.from(new Set(self.journal.handles.map((handle) => handle.key)))
