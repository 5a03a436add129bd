/**
 * Accepted sockets before anybody has taken them up: the handshake, its
 * limits, and how a socket is turned away.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Address } from "../ActorStorage.ts"
import { ActorUnavailable } from "../CallError.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ActorHost } from "../internal/actorHost.ts"
import * as Handshake from "../server/Handshake.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import * as Link from "../session/Link.ts"
import type { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as Attach from "./Attach.ts"
import { Handshakes } from "./Handshakes.ts"
import type { Instances } from "./Instances.ts"
import * as InTime from "./InTime.ts"
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
  /** Bytes that were written to the socket and have not left it, where its transport tells. */
  readonly backlog?: (() => number) | undefined
  readonly remoteAddress?: string | undefined
  /** Called when the handshake is over: the socket has taken up a connection. */
  readonly onAttached: () => void
}

type Serve = (socket: Greeted) => Effect.Effect<void, Socket.SocketError, Scope.Scope>

/**
 * Makes the `accept` of a host, which has places for so many handshakes;
 * `serve` is given the sockets whose `hello` has been read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly settings: Settings
  readonly isDraining: () => boolean
  readonly serve: Serve
}): Effect.Effect<ActorHost["Service"]["accept"], never, Scope.Scope> => {
  const handshakes = new Handshakes(options.settings.maxHandshakes)
  const accept: ActorHost["Service"]["accept"] = (socket, { backlog, headers, remoteAddress }) =>
    Effect.suspend(() => {
      // A little more than a hello may have, so that who sends too much of one is told so.
      const limit = { maxBytes: options.settings.maxHelloBytes * 2 }
      return Link.fromSocket(socket, { maxBytes: () => limit.maxBytes }).pipe(
        Effect.flatMap((link) => greet(options, handshakes, link, limit)),
        // Nothing of the handshake is left on the stack while the socket is served.
        Effect.flatMap((greeted) =>
          greeted === undefined ? Effect.void : options.serve({ ...greeted, backlog, headers, remoteAddress })
        )
      )
    }).pipe(Effect.scoped, logEnd)
  return Effect.as(ServerMetrics.observeHandshakes(() => handshakes.size), accept)
}

/** Gives the socket a place until it is admitted, and hears who is asked for. */
const greet = Effect.fnUntraced(function*(
  { isDraining, settings }: Parameters<typeof make>[0],
  handshakes: Handshakes,
  link: Link.Link,
  limit: { maxBytes: number }
): Effect.fn.Return<Omit<Greeted, "headers"> | undefined, Socket.SocketError, Scope.Scope> {
  if (isDraining()) return yield* turnAway(link, DisconnectReason.Draining.make({}))
  const { evict, place } = yield* enter(handshakes, link)
  if (evict !== undefined) {
    yield* ServerMetrics.rejected("TooManyHandshakes")
    yield* Effect.forkScoped(evict)
  }
  const hello = yield* readHello(link, settings)
  if (hello === undefined) return undefined
  limit.maxBytes = settings.limits.batchBytes
  place.waitFor(hello.actor, hello.key)
  return { hello, link, onAttached: () => void place.leave() }
})

/** The place is left with the scope of the link, which has finalizers already: another scope with two would cost a map. */
const enter = (handshakes: Handshakes, link: Link.Link) =>
  Effect.suspend(() => {
    const entered = handshakes.enter(() => makeRoom(link))
    return Effect.as(Scope.addFinalizer(link.scope, Effect.sync(() => entered.place.leave())), entered)
  }).pipe(Effect.uninterruptible)

const makeRoom = (link: Link.Link): Effect.Effect<void> =>
  link.close(EndCode.codes.Draining, "too many handshakes at once; come back later").pipe(
    Effect.timeoutOption("1 second"),
    Effect.andThen(link.abort)
  )

/**
 * Serves a socket that another host has accepted and counted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serveSocket = (socket: Socket.Socket, options: {
  readonly headers: Headers.Headers
  readonly remoteAddress: string | undefined
  readonly settings: Settings
  readonly serve: Serve
  /** Largest message, in bytes. Default: what the settings allow. */
  readonly maxBytes?: number | undefined
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { maxBytes = options.settings.limits.batchBytes } = options
    const link = yield* Link.fromSocket(socket, { maxBytes })
    const hello = yield* readHello(link, options.settings)
    const { headers, remoteAddress } = options
    if (hello !== undefined) yield* options.serve({ hello, link, headers, remoteAddress, onAttached: () => {} })
  }).pipe(Effect.scoped, logEnd)

const logEnd = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>): Effect.Effect<A | void, never, R> =>
  effect.pipe(Effect.catch(() => Effect.logDebug("a client left before it got in")))

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
      orElse: () =>
        ServerMetrics.rejected("HandshakeTimeout").pipe(
          Effect.andThen(link.close(EndCode.handshakeTimeout, "no hello came in time")),
          Effect.as(undefined)
        )
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
    Effect.map((instance) => Attach.serve(instance, socket)),
    Effect.catchTag("ActorUnavailable", (error) => Effect.succeed(unavailable(socket.link, Cause.fail(error)))),
    Effect.catchDefect((defect) => Effect.succeed(unavailable(socket.link, Cause.die(defect)))),
    Effect.annotateLogs({ actor, key }),
    Effect.flatten
  )
}

/**
 * Serves the socket of a node by the actor under a key. A node that comes for the first time is told why the actor cannot
 * be started; one that has a session already comes again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serveNode = (
  live: Instances,
  address: Address,
  socket: Greeted
): Effect.Effect<void, Socket.SocketError, Scope.Scope> => {
  const refuse = (error: ActorUnavailable) =>
    socket.hello.resume !== undefined
      ? turnAway(socket.link, DisconnectReason.InternalError.make({}))
      : Effect.andThen(
        socket.link.write(`[${Frame.encode(["rejected", encodeUnavailable(error)])}]`),
        socket.link.close(EndCode.rejected, "unavailable")
      )
  const name = `${address.type}/${address.key}`
  return live.hold(address.key).pipe(
    Effect.map((instance) => Attach.serve(instance.forNodes(), socket)),
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("the actor could not be started", Cause.die(defect)),
        Effect.fail(new ActorUnavailable({ actor: name, explanation: "it died; the log of its node has the cause" }))
      )
    ),
    Effect.catchTag("ActorUnavailable", (error) => Effect.sync(() => refuse(error))),
    Effect.annotateLogs({ actor: address.type, key: address.key }),
    Effect.flatten
  )
}

const encodeUnavailable = Schema.encodeSync(Schema.toCodecJson(ActorUnavailable))

const unavailable = (link: Link.Link, cause: Cause.Cause<unknown>): Effect.Effect<void, Socket.SocketError> =>
  Effect.andThen(
    Effect.logError("the actor could not be started", cause),
    turnAway(link, DisconnectReason.InternalError.make({}))
  )

/** Finds or starts the actor, in time and for as long as the client waits for it. */
const start = (
  live: Instances,
  key: string,
  link: Link.Link,
  { hookTimeout }: Settings
): Effect.Effect<ActorInstance, ActorUnavailable | Socket.SocketError, Scope.Scope> =>
  live.visit(key).pipe(
    Scope.provide(link.scope),
    InTime.whenSlow((starting) =>
      starting.pipe(
        Effect.timeoutOrElse({
          duration: hookTimeout,
          orElse: () => Effect.die(new Error("the actor did not start in time"))
        }),
        Effect.raceFirst(awaitLeft(link))
      )
    )
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
  ServerMetrics.rejected(reason._tag).pipe(
    Effect.andThen(link.write(`[${Frame.encodeBye(reason, 0)}]`)),
    Effect.andThen(link.close(EndCode.codes[reason._tag], DisconnectReason.describe(reason))),
    Effect.as(undefined)
  )
