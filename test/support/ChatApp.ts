/**
 * The chat room on an in-memory network under the test clock, and what its scenarios have in common.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/testing/TestClock"
import type * as Actor from "../../src/Actor.ts"
import { ActorClient } from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { ChatRoom, ChatRoomLayer, Journal } from "./ChatRoom.ts"
import * as Hosts from "./Hosts.ts"
import { settle } from "./settle.ts"

export { settle }

/**
 * A client of the room.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatClient = Actor.ClientOf<typeof ChatRoom>

/**
 * The network itself, for those who dial or accept on it.
 *
 * @category services
 * @since 0.1.0
 */
export class Wires extends Context.Service<Wires, MemoryNetwork.MemoryNetwork>()("effect-tether/test/Wires") {}

/**
 * Room, host, clients, network and journal of one test.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: ActorHost.HostOptions) =>
  TestNetwork.TestNetwork.layer.pipe(
    Layer.provide(ChatRoomLayer),
    Layer.provideMerge(Hosts.layerHost(options)),
    Layer.provideMerge(Journal.layer)
  )

/**
 * A network without a server, with clients on it; `startServer` starts one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServerless = Layer.effectContext(Effect.map(
  MemoryNetwork.make(),
  (network) =>
    Context.make(Wires, network).pipe(
      Context.add(ActorClient, SocketClient.make(network.dial)),
      Context.add(TestNetwork.TestNetwork, TestNetwork.fromNetwork(network))
    )
)).pipe(Layer.merge(Journal.layer))

/**
 * Starts a server of the room on the network, with a memory of its own; it stops with the test.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startServer = Effect.fnUntraced(function*(
  options?: ActorHost.HostOptions,
  /** What becomes of each socket beside being served. */
  transform: (served: Effect.Effect<void>) => Effect.Effect<void> = identity
) {
  const network = yield* Wires
  const sockets = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const actors = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const context = yield* Layer.buildWithScope(
    Layer.fresh(Layer.provideMerge(ChatRoomLayer, Hosts.layerHost(options))),
    actors
  )
  const host = Context.get(context, ActorHost.ActorHost)
  yield* network.accept((socket) => transform(host.accept(socket, { headers: Headers.empty }))).pipe(
    Scope.provide(sockets)
  )
  return {
    host,
    members: Effect.provideContext(members, context),
    /** Ends the actors, who can still say so on their sockets, and then the sockets. */
    stop: Effect.andThen(Scope.close(actors, Exit.void), Scope.close(sockets, Exit.void))
  }
})

/**
 * Dials again a second after each loss: with the test clock it is known when.
 *
 * @category constants
 * @since 0.1.0
 */
export const everySecond = Schedule.spaced("1 second")

type Options = Omit<NonNullable<Parameters<typeof ChatRoom.connect>[1]>, "params">

/**
 * Joins the room "lobby" and lets the handshake happen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function*(name: string, options?: Options) {
  const client = yield* ChatRoom.connect("lobby", { reconnect: everySecond, ...options, params: { name } })
  yield* settle
  return client
})

/**
 * Lets everything happen that needs no time, then time pass.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pass = (duration: Duration.Input) => Effect.andThen(settle, TestClock.adjust(duration))

/**
 * Where a client stands now.
 *
 * @category getters
 * @since 0.1.0
 */
export const statusOf = (client: ChatClient) => SubscriptionRef.get(client.status)

/**
 * The tag of where a client stands now.
 *
 * @category getters
 * @since 0.1.0
 */
export const tagOf = (client: ChatClient) => Effect.map(statusOf(client), ({ _tag }) => _tag)

/**
 * The id of a client's connection; dies where it has none.
 *
 * @category getters
 * @since 0.1.0
 */
export const idOf = (client: ChatClient) =>
  Effect.flatMap(statusOf(client), (status) =>
    status._tag === "Connected"
      ? Effect.succeed(status.id)
      : Effect.die(new Error(`the client is ${status._tag}, not Connected`)))

/**
 * The room as its server code sees it.
 *
 * @category getters
 * @since 0.1.0
 */
export const room = ChatRoom.client("lobby")

/**
 * The members of the room.
 *
 * @category getters
 * @since 0.1.0
 */
export const members = Effect.flatMap(room, (lobby) => lobby.members())

/**
 * Consumes a stream in the background of the test; the result grows as values come and keeps how the stream failed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const collect = <A, E, R>(
  stream: Stream.Stream<A, E, R>
): Effect.Effect<{ readonly values: Array<A>; readonly errors: Array<E> }, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const values: Array<A> = []
    const errors: Array<E> = []
    yield* stream.pipe(
      Stream.runForEach((value) => Effect.sync(() => void values.push(value))),
      Effect.catch((error) => Effect.sync(() => void errors.push(error))),
      Effect.forkScoped({ startImmediately: true })
    )
    return { values, errors }
  })
