/**
 * Clients whose sockets come from a dial effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import { ActorClient } from "../internal/actorClient.ts"
import { PlatformSignals } from "../PlatformSignals.ts"
import * as ClientHandle from "./ClientHandle.ts"
import type { Observe } from "./Observing.ts"

/**
 * Makes the service; every dial asks for a socket of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  dial: Effect.Effect<Socket.Socket>,
  signals?: PlatformSignals,
  observe?: Observe
): ActorClient["Service"] =>
  ActorClient.of({
    connect: (actor, key, options) => ClientHandle.make({ dial, signals, observe }, actor, key, options)
  })

/**
 * As `make`, with the platform signals in the context, if there are any.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withSignals = (
  dial: Effect.Effect<Socket.Socket>,
  observe?: Observe
): Effect.Effect<ActorClient["Service"]> => Effect.map(PlatformSignals, (signals) => make(dial, signals, observe))

/**
 * Makes the service for WebSockets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const webSocket = (
  url: string | Effect.Effect<string>,
  observe?: Observe
): Effect.Effect<ActorClient["Service"], never, Socket.WebSocketConstructor> =>
  Effect.flatMap(
    Socket.WebSocketConstructor,
    (constructor) =>
      withSignals(Effect.provideService(Socket.makeWebSocket(url), Socket.WebSocketConstructor, constructor), observe)
  )
