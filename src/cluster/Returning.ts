/**
 * A node that leaves sends its sockets away first and moves its actors then.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ActorInstance } from "../host/ActorInstance.ts"
import * as Drain from "../host/Drain.ts"
import type { LiveActors } from "../host/LiveActors.ts"
import type { ServerConnection } from "../host/ServerConnection.ts"
import type { DrainOptions } from "../internal/actorHost.ts"
import type { Sockets } from "./Sockets.ts"

/** How often it is looked whether those have come back that were sent away. */
const interval = "50 millis"

/**
 * Sends the sockets of this node away, and waits for those of its own actors'
 * clients to be there again through other nodes: a connection that is away when
 * its actor moves, and was not stored, is lost, and with it the answers that
 * its client waits for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const drain = Effect.fnUntraced(function*(
  actors: ReadonlyArray<LiveActors<ActorInstance, unknown>>,
  sockets: Sockets,
  options: DrainOptions = {}
): Effect.fn.Return<void> {
  const connected = actors.flatMap((live) => live.all()).flatMap(listConnected)
  yield* sockets.drain(options)
  yield* Effect.whileLoop({
    while: () => connected.some(isAway),
    body: () => Effect.sleep(interval),
    step: () => {}
  }).pipe(
    // Servers close in finalizers, which nothing interrupts.
    Effect.interruptible,
    Effect.timeoutOption(options.retryAfter ?? Drain.defaults.retryAfter)
  )
})

const listConnected = (instance: ActorInstance): ReadonlyArray<ServerConnection> =>
  instance.commits === undefined
    ? Array.from(instance.table.listed()).filter(({ status }) => status === "Connected")
    : []

const isAway = (connection: ServerConnection): boolean => !connection.isEnded && connection.status === "Suspended"
