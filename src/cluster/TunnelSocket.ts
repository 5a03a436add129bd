/**
 * The near end of a tunnel as a socket that a client dials.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Tunnel from "./Tunnel.ts"
import type { EntityClient } from "./TunnelRpcs.ts"

/** Messages from the actor that wait to be read; with more the tunnel is not read either. */
const capacity = 16

/**
 * Makes a socket to an actor for the calls of this node; acquiring its reader opens the tunnel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (entity: EntityClient, timing: Tunnel.TunnelTiming): Socket.Socket => {
  let tunnel: Tunnel.Tunnel | undefined
  const write: Socket.Writer["write"] = (chunk) => {
    // The tunnel closes with the scope of the reader; a `bye` has told the actor.
    if (Socket.isCloseEvent(chunk)) return Effect.void
    if (tunnel === undefined) return Effect.fail(lost)
    const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)
    return Effect.mapError(tunnel.push([text.endsWith("\n") ? text.slice(0, -1) : text]), toSocketError)
  }
  return Socket.make({
    reader: open(entity, timing).pipe(
      Effect.tap((opened) => Effect.sync(() => tunnel = opened)),
      Effect.flatMap(receive),
      Effect.map((inbound) => ({ pull: Queue.takeAll(inbound), upgrade: Socket.SocketUpgradeError.unsupported }))
    ),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
}

const open = (
  entity: EntityClient,
  timing: Tunnel.TunnelTiming
): Effect.Effect<Tunnel.Tunnel, Socket.SocketError, Scope.Scope> =>
  Effect.mapError(Tunnel.open(entity, { use: "Calls", headers: {}, timing }), toSocketError)

/** Takes in what the actor says until the tunnel is lost, also while nothing travels through it. */
const receive = Effect.fnUntraced(function*(
  tunnel: Tunnel.Tunnel
): Effect.fn.Return<Queue.Dequeue<string, Socket.SocketError>, never, Scope.Scope> {
  const inbound = yield* Effect.acquireRelease(
    Queue.bounded<string, Socket.SocketError>(capacity),
    Queue.shutdown
  )
  yield* Effect.forever(Effect.flatMap(tunnel.pull, (message) => Queue.offer(inbound, message)), {
    disableYield: true
  }).pipe(
    Effect.raceFirst(tunnel.lost),
    Effect.catch((error) => Queue.fail(inbound, toSocketError(error))),
    Effect.forkScoped
  )
  return inbound
})

const lost = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

const toSocketError = (error: Tunnel.TunnelLost | Tunnel.TunnelClosed): Socket.SocketError =>
  error._tag === "TunnelLost" ? lost : new Socket.SocketError({
    reason: new Socket.SocketCloseError({ code: error.code, closeReason: error.reason })
  })
