/**
 * The life of one connection as a scoped resource: acquire lists it and runs
 * `onConnect`, release takes it off the list and runs `onDisconnect`, once.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as ServerCalls from "./ServerCalls.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * Keeps a connection until its end is decided and everything that follows is
 * done. `onListed` runs between the listing and `onConnect`. Where a durable
 * actor stops, its connections stay recorded: this life ends without
 * `onDisconnect`, and the next one begins without `onConnect`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  self: ActorInstance,
  connection: ServerConnection,
  onListed: () => void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* self.retain
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        self.table.add(connection)
        onListed()
        // After the welcome: whoever hears of the change may send at once.
        self.table.announce({ _tag: "Connected", connection: connection.view })
      }),
      () => release(self, connection)
    )
    const isRecovered = connection.record?.isRecovered === true
    if (!isRecovered) self.telemetry.metrics.connected()
    yield* Effect.logDebug(isRecovered ? "connection recovered" : "connection opened")
    if (connection.record?.part.greeted !== true) yield* greet(self, connection)
    connection.inbox.open()
    yield* Deferred.await(connection.ended)
  }).pipe(
    Effect.scoped,
    Effect.annotateLogs({ connection: connection.id })
  )

/** A connection that ends for another reason than a kick takes its `onConnect` with it. */
const greet = (self: ActorInstance, connection: ServerConnection): Effect.Effect<void> =>
  self.hooks.onConnect(connection).pipe(
    Effect.catch(() => Effect.sync(() => connection.end(DisconnectReason.InternalError.make({})))),
    Effect.raceFirst(Effect.flatMap(
      Deferred.await(connection.ended),
      (reason) => reason._tag === "Kicked" ? Effect.never : Effect.void
    )),
    Effect.asVoid
  )

const release = Effect.fnUntraced(function*(
  self: ActorInstance,
  connection: ServerConnection
): Effect.fn.Return<void> {
  // Interrupted from outside before an end was decided: the actor stops.
  connection.end(DisconnectReason.ActorStopped.make({}))
  const reason = yield* Deferred.await(connection.ended)
  self.table.remove(connection, reason)
  self.telemetry.metrics.disconnected(reason._tag)
  yield* self.cancelExpiry(connection)
  yield* ServerCalls.finish(self, connection, mayFinish(reason))
  const goodbye = connection.sayGoodbye(reason)
  yield* Scope.close(connection.scope, Exit.void)
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
