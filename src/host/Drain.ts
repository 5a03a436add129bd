/**
 * Sends the clients of a host away in an orderly manner.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { DrainOptions } from "../internal/actorHost.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import type { LiveActors } from "./LiveActors.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * The value of each option that nobody sets.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  window: "10 seconds",
  retryAfter: "5 seconds",
  limit: "25 seconds"
} as const satisfies { readonly [K in keyof Required<DrainOptions>]: NonNullable<DrainOptions[K]> }

/**
 * Ends all connections, evenly spread over a window, each with a time of its
 * own to come back; completes when their last hooks have run. Clients of a
 * restarted server so return one by one instead of all at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function*(
  actors: ReadonlyArray<LiveActors<ActorInstance, unknown>>,
  options: DrainOptions = {}
): Effect.fn.Return<void> {
  const window = Duration.fromInputUnsafe(options.window ?? defaults.window)
  const retryAfter = Duration.toMillis(options.retryAfter ?? defaults.retryAfter)
  const instances = actors.flatMap((live) => live.all())
  const connections = instances.flatMap((instance) => Array.from(instance.table.listed()))
  yield* Effect.logInfo(`draining ${connections.length} connections`)
  const pause = Duration.divideUnsafe(window, connections.length)
  yield* Effect.forEach(connections, (one) => Effect.andThen(end(one, retryAfter), Effect.sleep(pause)), {
    discard: true
  }).pipe(
    Effect.andThen(
      Effect.forEach(instances, (instance) => instance.awaitQuiet, { discard: true, concurrency: "unbounded" })
    ),
    Effect.timeoutOrElse({
      duration: options.limit ?? defaults.limit,
      orElse: () =>
        Effect.andThen(
          Effect.logWarning("draining took longer than its limit; what is left is cut"),
          Effect.forEach(connections, (one) => end(one, retryAfter), { discard: true })
        )
    })
  )
})

/** A suspended connection ends with the others: its client finds the server away and comes back to a fresh one. */
const end = (connection: ServerConnection, retryAfter: number): Effect.Effect<void> =>
  Effect.map(Random.next, (share) => {
    connection.end(DisconnectReason.Draining.make({ retryAfter: Duration.millis(Math.ceil(share * retryAfter)) }))
  })
