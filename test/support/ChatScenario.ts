/**
 * Scenarios in the chat room, over every transport.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ActorClient } from "../../src/ActorClient.ts"
import type { ActorHost } from "../../src/ActorHost.ts"
import type { ChatClient } from "./ChatApp.ts"
import { ChatRoom, ChatRoomLayer, Journal } from "./ChatRoom.ts"
import * as World from "./World.ts"

/**
 * Registers one behaviour of the room as a test over each transport.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scenario = <E>(
  name: string,
  body: (
    world: World.World
  ) => Effect.Effect<void, E, Journal | ActorHost | ActorClient | Scope.Scope>,
  options?: Omit<World.Options<Journal>, "actors">
) => World.scenario(name, body, { ...options, actors: Layer.provideMerge(ChatRoomLayer, Journal.layer) })

type Options = Omit<NonNullable<Parameters<typeof ChatRoom.connect>[1]>, "params">

/**
 * Joins the room "lobby" and waits until the room has heard of the client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function*(world: World.World, name: string, options?: Options) {
  const client = yield* ChatRoom.connect("lobby", { reconnect: world.reconnect, ...options, params: { name } })
  yield* world.awaitStatus(client, "Connected")
  // Before it is heard of, a cut would end the connection instead of suspending it.
  yield* client.rpc.touch()
  return client
})

/**
 * Cuts the network and keeps the client out until `comeBack`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const drop = Effect.fnUntraced(function*(world: World.World, client: ChatClient) {
  yield* world.network.refuse
  yield* world.network.cut
  yield* world.awaitStatus(client, "Waiting")
})

/**
 * Heals the network and waits until the client is connected again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const comeBack = Effect.fnUntraced(function*(world: World.World, client: ChatClient) {
  yield* world.network.heal
  return yield* world.awaitStatus(client, "Connected")
})
