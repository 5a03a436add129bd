/**
 * Clients whose sockets come from a dial effect.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Socket from "effect/socket/Socket"
import { ActorClient } from "../internal/actorClient.ts"
import * as ClientHandle from "./ClientHandle.ts"

/**
 * Makes the service; every dial asks for a socket of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (dial: Effect.Effect<Socket.Socket>): ActorClient["Service"] =>
  ActorClient.of({
    connect: (actor, key, options) => ClientHandle.make(dial, actor, key, options)
  })
