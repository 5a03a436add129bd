/**
 * The node that accepted a client's socket: it passes messages between the
 * socket and the actor, both ways in order, and knows nothing of what they say.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SocketError } from "effect/socket/Socket"
import * as DisconnectReason from "../DisconnectReason.ts"
import * as Accept from "../host/Accept.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import type { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import * as Tunnel from "./Tunnel.ts"
import type { EntityClient } from "./TunnelRpcs.ts"

/**
 * Serves a socket whose `hello` has been read through a tunnel to its actor,
 * until either of them ends. A tunnel that is lost ends the socket and nothing
 * else: the client dials again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serve: (entity: EntityClient, socket: Accept.Greeted, options: {
  readonly timing: Tunnel.TunnelTiming
  /** How many milliseconds the actor may be without a node until the client is asked to dial again. */
  readonly openTimeout: number
}) => Effect.Effect<void, SocketError, Scope.Scope> = (entity, socket, { openTimeout, timing }) =>
  Tunnel.open(entity, { use: "Socket", headers: socket.headers, remoteAddress: socket.remoteAddress, timing }).pipe(
    Effect.timeoutOrElse({
      duration: openTimeout,
      orElse: () => Effect.fail(new Tunnel.TunnelLost({ why: "the actor has no node yet" }))
    }),
    Effect.raceFirst(Accept.awaitLeft(socket.link)),
    Effect.tap(ServerMetrics.tunnel(socket.hello.actor)),
    Effect.flatMap((tunnel) =>
      Effect.raceAllFirst([up(tunnel, socket), down(tunnel, socket), tunnel.lost]).pipe(
        // The actor hears of it by the tunnel's end, and says what it means.
        Effect.catchTag("SocketError", () => Effect.void)
      )
    ),
    Effect.catchTags({
      TunnelClosed: ({ code, reason }) => close(socket.link, code, reason),
      TunnelLost: ({ why }) =>
        Effect.andThen(
          Effect.andThen(
            ServerMetrics.tunnelLost(socket.hello.actor),
            Effect.logDebug(`a client has to dial again: ${why}`)
          ),
          close(socket.link, EndCode.rerouted, "the way to the actor is gone; dial again")
        )
    }),
    Effect.annotateLogs({ actor: socket.hello.actor, key: socket.hello.key })
  )

/** How long a client that does not read may take to hear the end. */
const farewell = "5 seconds"

const close = (link: Accept.Greeted["link"], code: number, reason: string): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(link.close(code, reason), farewell))

const up = (tunnel: Tunnel.Tunnel, { hello, link }: Accept.Greeted) =>
  tunnel.push([`[${Frame.encode(["hello", hello])}]`]).pipe(
    Effect.andThen(Effect.forever(Effect.flatMap(link.pull, tunnel.push), { disableYield: true })),
    Effect.catchTag("ProtocolViolation", (violation) => denounce(tunnel, violation))
  )

/** The actor ends a connection whose client breaks the protocol: it is told as the client would tell it. */
const denounce = (tunnel: Tunnel.Tunnel, { message }: ProtocolViolation): Effect.Effect<never, Tunnel.TunnelLost> =>
  Effect.logInfo(`a client broke the protocol: ${message}`).pipe(
    Effect.andThen(tunnel.push([`[${Frame.encodeBye(DisconnectReason.ProtocolError.make({ message }), 0)}]`])),
    Effect.andThen(Effect.never)
  )

const down = (tunnel: Tunnel.Tunnel, { backlog, link, onAttached }: Accept.Greeted) => {
  const next = Effect.flatMap(tunnel.pull, (message) => {
    onAttached()
    return link.write(message)
  })
  return Effect.forever(backlog === undefined ? next : Effect.andThen(next, awaitRoom(backlog)), { disableYield: true })
}

/** Bytes that a socket may hold back until the actor is no longer asked for more, and how often that is looked at. */
const maxBacklog = 1_048_576
const backlogInterval = "100 millis"

const awaitRoom = (backlog: () => number): Effect.Effect<void> =>
  Effect.suspend(() =>
    backlog() <= maxBacklog ? Effect.void : Effect.andThen(Effect.sleep(backlogInterval), awaitRoom(backlog))
  )
