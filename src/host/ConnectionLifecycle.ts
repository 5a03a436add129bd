/**
 * The life of one connection: it is listed and greeted by `onConnect`; when its
 * end is decided it is taken off the list and `onDisconnect` runs, once.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as InTime from "./InTime.ts"
import * as ServerCalls from "./ServerCalls.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * Begins the life of a connection: completes when it has been greeted, and
 * ended if that was decided meanwhile. `onListed` runs between the listing and
 * `onConnect`, which a connection of an earlier epoch has behind it.
 *
 * **Details**
 *
 * No fiber stays behind for the connection. Its end is the business of `end`,
 * which `ServerConnection.end` calls for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const begin = (
  self: ActorInstance,
  connection: ServerConnection,
  onListed: () => void
): Effect.Effect<void> =>
  self.enter(connection).pipe(
    Effect.andThen(Effect.suspend(() => {
      self.table.add(connection)
      onListed()
      // After the welcome: whoever hears of the change may send at once.
      self.table.announce({ _tag: "Connected", connection: connection.view })
      const stopReason = self.stopsFor()
      if (stopReason !== undefined) connection.end(stopReason)
      const isRecovered = connection.record?.isRecovered === true
      if (!isRecovered) self.telemetry.opened()
      const opened = Effect.logDebug(isRecovered ? "connection recovered" : "connection opened")
      const isOver = connection.isEnded && (isRecovered || stopReason !== undefined)
      const isGreeted = connection.record?.part.greeted === true || isOver
      return isGreeted ? opened : Effect.andThen(opened, greet(self, connection))
    })),
    Effect.ensuring(Effect.suspend(() => {
      connection.hasBegun = true
      if (connection.isEnded) return end(self, connection)
      connection.inbox.open()
      return Effect.void
    })),
    Effect.annotateLogs({ connection: connection.id })
  )

/**
 * A connection that ends takes its `onConnect` with it; not one that is kicked, nor one that goes on elsewhere, where an
 * `onConnect` that was cut short would run again.
 */
const greet = (self: ActorInstance, connection: ServerConnection): Effect.Effect<void> =>
  self.hooks.onConnect(connection).pipe(
    InTime.whenSlow(Effect.raceFirst(Effect.flatMap(
      Deferred.await(connection.ended),
      (reason) =>
        reason._tag === "Kicked" || (connection.isGreeting && goesOn(self, reason)) ? Effect.never : Effect.void
    )))
  )

/** Whether what a connection has under way is stored, and the connection taken up by the next incarnation. */
const goesOn = (self: ActorInstance, reason: DisconnectReason.DisconnectReason): boolean =>
  self.keeps(reason) && self.commits?.hasFailed !== true

/**
 * Ends a connection whose end was decided, with everything that follows. Where
 * a durable actor stops, its connections stay recorded: this life ends without
 * `onDisconnect`, and the next one begins without `onConnect`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (self: ActorInstance, connection: ServerConnection): Effect.Effect<void> =>
  release(self, connection).pipe(
    Effect.ensuring(self.leave(connection)),
    Effect.annotateLogs({ connection: connection.id }),
    Effect.uninterruptible
  )

const release = Effect.fnUntraced(function*(
  self: ActorInstance,
  connection: ServerConnection
): Effect.fn.Return<void> {
  const reason = yield* Deferred.await(connection.ended)
  self.table.remove(connection, reason)
  self.telemetry.closed(reason._tag)
  yield* self.cancelExpiry(connection)
  yield* ServerCalls.finish(self, connection, {
    // What has failed to be stored is done anew: nothing is waited for.
    letFinish: mayFinish(reason) && self.commits?.hasFailed !== true,
    isKept: self.keeps(reason)
  })
  const goodbye = connection.sayGoodbye(reason)
  yield* connection.closeScope
  yield* Effect.ensuring(
    self.keeps(reason) ? Effect.void : self.hooks.onDisconnect(connection, reason),
    Effect.sync(() => self.table.forget(connection))
  )
  // A server that closes takes its sockets with it: not before the last word has left them.
  yield* Effect.timeoutOption(Effect.interruptible(goodbye), "1 second")
  yield* Effect.logDebug(`connection ended: ${DisconnectReason.describe(reason)}`)
})

const mayFinish = (reason: DisconnectReason.DisconnectReason): boolean =>
  reason._tag === "Kicked" || reason._tag === "Draining" || reason._tag === "ActorStopped"
