/**
 * Accepted sockets before anybody has taken them up: the handshake, its
 * limits, and how a socket is turned away.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { ActorUnavailable } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ActorHost } from "../internal/actorHost.ts"
import * as Handshake from "../server/Handshake.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import * as Link from "../session/Link.ts"
import type { ProtocolViolation } from "../session/ProtocolViolation.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as Attach from "./Attach.ts"
import type { Instances } from "./Instances.ts"
import type { Settings } from "./Settings.ts"

/**
 * A socket whose `hello` has been read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Greeted {
  readonly hello: Frame.Hello
  readonly link: Link.Link
  readonly headers: Headers.Headers
  /** Called when the handshake is over: the socket has taken up a connection. */
  readonly onAttached: () => void
}

type Serve = (socket: Greeted) => Effect.Effect<void, Socket.SocketError, Scope.Scope>

/**
 * Makes the `accept` of a host, which counts the handshakes that are under
 * way; `serve` is given the sockets whose `hello` has been read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly settings: Settings
  readonly isDraining: () => boolean
  readonly serve: Serve
}): ActorHost["Service"]["accept"] => {
  const { settings } = options
  let handshakes = 0
  return (socket, { headers }) =>
    Effect.gen(function*() {
      const link = yield* Link.fromSocket(socket, { maxBytes: settings.limits.batchBytes })
      if (options.isDraining()) return yield* turnAway(link, DisconnectReason.Draining.make({}))
      if (handshakes >= settings.maxHandshakes) {
        return yield* link.close(EndCode.codes.Draining, "too many handshakes at once; come back later")
      }
      let isHandshake = true
      const onAttached = () => {
        if (isHandshake) handshakes--
        isHandshake = false
      }
      yield* Effect.acquireRelease(Effect.sync(() => handshakes++), () => Effect.sync(onAttached))
      yield* greet(link, headers, settings, onAttached, options.serve)
    }).pipe(Effect.scoped, logEnd)
}

/**
 * Serves a socket that another host has accepted and counted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serveSocket = (socket: Socket.Socket, options: {
  readonly headers: Headers.Headers
  readonly settings: Settings
  readonly serve: Serve
}): Effect.Effect<void> =>
  Link.fromSocket(socket, { maxBytes: options.settings.limits.batchBytes }).pipe(
    Effect.flatMap((link) => greet(link, options.headers, options.settings, () => {}, options.serve)),
    Effect.scoped,
    logEnd
  )

const logEnd = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>): Effect.Effect<A | void, never, R> =>
  Effect.catchTag(effect, "SocketError", (error) => Effect.logDebug(`the socket ended: ${error.message}`))

const greet = Effect.fnUntraced(function*(
  link: Link.Link,
  headers: Headers.Headers,
  settings: Settings,
  onAttached: () => void,
  serve: Serve
) {
  const hello = yield* readHello(link, settings)
  if (hello !== undefined) yield* serve({ hello, link, headers, onAttached })
})

const readHello = (
  link: Link.Link,
  settings: Settings
): Effect.Effect<Frame.Hello | undefined, Socket.SocketError> =>
  Handshake.readHello(link, { maxBytes: settings.maxHelloBytes }).pipe(
    Effect.catchTag("ProtocolViolation", (violation: ProtocolViolation) =>
      Effect.andThen(
        Effect.logInfo(`a client broke the protocol: ${violation.message}`),
        turnAway(link, DisconnectReason.ProtocolError.make({ message: violation.message }))
      )),
    Effect.timeoutOrElse({
      duration: settings.handshakeTimeout,
      orElse: () => Effect.as(link.close(EndCode.handshakeTimeout, "no hello came in time"), undefined)
    })
  )

/**
 * Serves a socket by the actor that its `hello` names, which is found among
 * those that live here or started.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serveActor = (
  live: Instances,
  settings: Settings,
  socket: Greeted
): Effect.Effect<void, Socket.SocketError, Scope.Scope> => {
  const { actor, key } = socket.hello
  return start(live, key, socket.link, settings).pipe(
    Effect.flatMap((instance) => Attach.serve(instance, socket)),
    Effect.catchTag("ActorUnavailable", (error) => unavailable(socket.link, error)),
    Effect.catchDefect((defect) => unavailable(socket.link, defect)),
    Effect.annotateLogs({ actor, key })
  )
}

const unavailable = (link: Link.Link, error: unknown): Effect.Effect<void, Socket.SocketError> =>
  Effect.andThen(
    Effect.logError("the actor could not be started", error),
    turnAway(link, DisconnectReason.InternalError.make({}))
  )

/** Finds or starts the actor, in time and for as long as the client waits for it. */
const start = (
  live: Instances,
  key: string,
  link: Link.Link,
  { hookTimeout }: Settings
): Effect.Effect<ActorInstance, ActorUnavailable | Socket.SocketError, Scope.Scope> =>
  live.get(key).pipe(
    Effect.timeoutOrElse({
      duration: hookTimeout,
      orElse: () => Effect.die(new Error("the actor did not start in time"))
    }),
    Effect.raceFirst(awaitLeft(link))
  )

/**
 * Fails when the client leaves: it says nothing else before it is welcomed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const awaitLeft = (link: Link.Link): Effect.Effect<never, Socket.SocketError> =>
  Effect.andThen(Effect.catchTag(link.pull, "ProtocolViolation", () => Effect.void), Effect.fail(left))

const left = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })

/**
 * Ends a socket before anybody has taken it up.
 *
 * @category combinators
 * @since 0.1.0
 */
export const turnAway = (
  link: Link.Link,
  reason: DisconnectReason.DisconnectReason
): Effect.Effect<undefined, Socket.SocketError> =>
  link.write(`[${Frame.encodeBye(reason, 0)}]`).pipe(
    Effect.andThen(link.close(EndCode.codes[reason._tag], DisconnectReason.describe(reason))),
    Effect.as(undefined)
  )
