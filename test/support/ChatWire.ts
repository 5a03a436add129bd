/**
 * A client of the chat room that speaks the protocol by hand.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Frame from "../../src/session/Frame.ts"
import * as Link from "../../src/session/Link.ts"

/**
 * A socket on which a test writes and reads frames.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  readonly send: (frame: Frame.ClientFrame) => Effect.Effect<void, Socket.SocketError>
  /** The next frame of this kind; those before it are skipped. */
  readonly next: <Tag extends Frame.ServerFrame[0]>(
    tag: Tag
  ) => Effect.Effect<Extract<Frame.ServerFrame, readonly [Tag, ...ReadonlyArray<any>]>>
  /** Leaves without a word. */
  readonly drop: Effect.Effect<void>
}

/** Opens a socket. */
const open = Effect.fnUntraced(function*(dial: Effect.Effect<Socket.Socket>) {
  const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const link = yield* Scope.provide(Link.fromSocket(yield* dial, { maxBytes: 1_000_000 }), scope)
  const frames = yield* Queue.unbounded<Frame.ServerFrame>()
  yield* link.pull.pipe(
    Effect.map((messages) => {
      for (const message of messages) {
        const decoded = Frame.decodeServer(message)
        if (Exit.isSuccess(decoded)) Queue.offerAllUnsafe(frames, decoded.value)
      }
    }),
    Effect.forever,
    Effect.ignore,
    Effect.forkIn(scope)
  )
  const wire: Wire = {
    send: (frame) => link.write(JSON.stringify([frame])),
    next: (tag) => Effect.repeat(Queue.take(frames), { until: (frame) => frame[0] === tag }) as any,
    drop: Scope.close(scope, Exit.void)
  }
  return wire
})

/**
 * Opens a socket and says `hello` to the room "lobby".
 *
 * @category constructors
 * @since 0.1.0
 */
export const greet = Effect.fnUntraced(function*(
  dial: Effect.Effect<Socket.Socket>,
  name: string,
  options: Pick<Frame.Hello, "attach" | "resume">
) {
  const wire = yield* open(dial)
  yield* wire.send(["hello", {
    protocol: Frame.version,
    actor: "ChatRoom",
    key: "lobby",
    params: { name },
    subscriptions: [],
    ...options
  }])
  return wire
})

/**
 * Opens a socket, says `hello` and takes the `welcome`, without confirming it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const enter = Effect.fnUntraced(function*(...args: Parameters<typeof greet>) {
  const wire = yield* greet(...args)
  const [, welcome] = yield* wire.next("welcome")
  return { ...wire, welcome, confirm: wire.send(["ack", 0]) }
})

/**
 * What a client presents to take up the session of a `welcome`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const ticket = (welcome: Frame.Welcome): NonNullable<Frame.Hello["resume"]> => ({
  connection: welcome.connection,
  token: welcome.token,
  epoch: welcome.epoch,
  received: 0
})
