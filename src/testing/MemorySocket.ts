/**
 * The `Socket`s of an in-memory link.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Message } from "./Lane.ts"
import type { End } from "./MemoryLink.ts"

const makeWriter = (write: Socket.Writer["write"]): Socket.Writer => ({
  write,
  writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true })
})

const makeReader = (end: End): Socket.Reader => ({ pull: end.pull, upgrade: Socket.SocketUpgradeError.unsupported })

/**
 * The close code that a server's side of a socket ends with: 1000, 1001 when it was interrupted, 1011 when it failed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const closeCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 1000
  return Cause.hasInterruptsOnly(exit.cause) ? 1001 : 1011
}

/**
 * The socket of a client: each acquisition of its reader dials anew.
 *
 * **Details**
 *
 * `dial` owns the end in the scope of the reader. Writes suspend until the first dial has succeeded and from the close of
 * the reader's scope to the next dial.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDial = (dial: Effect.Effect<End, Socket.SocketError, Scope.Scope>): Effect.Effect<Socket.Socket> =>
  Effect.sync(() => {
    const connected = Latch.makeUnsafe(false)
    let current: End | undefined

    const disconnect = (end: End) =>
      Effect.sync(() => {
        if (current !== end) return
        current = undefined
        connected.closeUnsafe()
      })
    const reader = Effect.gen(function*() {
      const end = yield* dial
      yield* Effect.addFinalizer(() => disconnect(end))
      current = end
      connected.openUnsafe()
      return makeReader(end)
    })
    const write = (chunk: Message | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
      Effect.suspend(() => current === undefined ? connected.whenOpen(write(chunk)) : current.write(chunk))

    return Socket.make({ reader, writer: Effect.succeed(makeWriter(write)) })
  })

/**
 * The socket of a server for one link, connected from the start.
 *
 * **Details**
 *
 * Closing the scope of its reader ends the link with the `closeCode` of the scope's exit; it cannot be dialled again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEnd = (end: End): Socket.Socket =>
  Socket.make({
    reader: Effect.as(Effect.addFinalizer((exit) => Effect.sync(() => end.leave(closeCode(exit)))), makeReader(end)),
    writer: Effect.succeed(makeWriter(end.write))
  })
