/**
 * The entity that an actor is in the cluster: a shell around the instance of
 * this node, with the tunnels that lead to it.
 *
 * **Details**
 *
 * The engine decides on which node the entity of a key is, and that there is one
 * only. Whether the instance in it is started or asleep is decided here as in
 * any host. While it lives, or a tunnel is open, a request to the entity itself
 * is kept running: the engine counts nothing else as use, and interrupts that
 * request first when the entity has to go, while tunnels can still carry what
 * clients are to be told.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Entity from "effect/cluster/Entity"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type { ActorUnavailable } from "../CallError.ts"
import type { HeartbeatTiming } from "../session/Frame.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import * as Residence from "./Residence.ts"
import * as TunnelEnd from "./TunnelEnd.ts"
import { type DownlinkFrame, type EntityClient, TunnelBroken } from "./TunnelRpcs.ts"

/**
 * What an entity needs of its node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly heartbeat: HeartbeatTiming
  /** The entities of the actor that are on this node, by key. */
  readonly residents: Map<string, Residence.Residence>
  /** The way of an entity to itself. */
  readonly client: (key: string) => EntityClient
  /** Starts the instance under a key, if it is asleep. */
  readonly wake: (key: string) => Effect.Effect<void, ActorUnavailable>
  /** Stops the instance under a key; completes when it is gone. */
  readonly stop: (key: string) => Effect.Effect<void>
  /** Serves the socket of a client until it ends. */
  readonly serveSocket: (key: string, socket: Socket.Socket, request: SocketRequest) => Effect.Effect<void>
  /** Serves the calls of a node until they end. */
  readonly serveCalls: (key: string, socket: Socket.Socket) => Effect.Effect<void>
}

/**
 * What became a client's socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketRequest {
  readonly headers: Headers.Headers
  readonly remoteAddress: string | undefined
}

interface Envelope<Payload> {
  readonly payload: Payload
}

interface OpenPayload {
  readonly tunnel: string
  readonly use: "Socket" | "Calls"
  readonly headers: Readonly<Record<string, string>>
  readonly remoteAddress?: string
}

interface PushPayload {
  readonly tunnel: string
  readonly incarnation: string
  readonly index: number
  readonly messages: ReadonlyArray<string>
}

/**
 * Makes the handlers of an entity, in its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(node: Node) {
  const key: string = (yield* Entity.CurrentAddress).entityId
  const scope = yield* Effect.scope
  const incarnation = yield* ResumeToken.make
  const tunnels = new Map<string, TunnelEnd.TunnelEnd>()
  const each = (act: (end: TunnelEnd.TunnelEnd) => void) => Array.from(tunnels.values()).forEach(act)
  const residence = yield* Residence.make({
    hold: (hold) => Effect.ignore(node.client(key).Hold({ incarnation, hold })),
    leave: Effect.sync(() => each((end) => end.leave())).pipe(
      Effect.andThen(node.stop(key)),
      Effect.andThen(Effect.sync(() => each((end) => end.end())))
    )
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => node.residents.set(key, residence)),
    () => Effect.sync(() => node.residents.get(key) === residence && node.residents.delete(key))
  )

  const serve = ({ headers, remoteAddress, use }: OpenPayload, socket: Socket.Socket) =>
    use === "Socket"
      ? node.serveSocket(key, socket, { headers: Headers.fromInput(headers), remoteAddress })
      : node.serveCalls(key, socket)

  const open = Effect.fnUntraced(function*(
    payload: OpenPayload
  ): Effect.fn.Return<Queue.Dequeue<DownlinkFrame, Cause.Done>, never, Scope.Scope> {
    yield* residence.occupy
    const request = yield* Effect.withFiber(Effect.succeed)
    const end = yield* TunnelEnd.make({
      incarnation,
      heartbeat: node.heartbeat,
      abort: () => request.interruptUnsafe()
    })
    yield* Effect.acquireRelease(
      Effect.sync(() => tunnels.set(payload.tunnel, end)),
      () => Effect.sync(() => tunnels.delete(payload.tunnel))
    )
    if (residence.isLeft()) end.end()
    else {
      // Not in the scope of the request: what a client said last is still acted on when its node is gone.
      yield* serve(payload, end.socket).pipe(
        Effect.ensuring(Effect.sync(end.end)),
        Effect.forkIn(scope)
      )
    }
    return end.downlink
  })

  const push = ({ incarnation: meant, index, messages, tunnel }: PushPayload): Effect.Effect<boolean, TunnelBroken> => {
    const end = tunnels.get(tunnel)
    if (meant !== incarnation) return Effect.fail(new TunnelBroken({ cause: "OtherIncarnation" }))
    return end === undefined ? Effect.fail(new TunnelBroken({ cause: "UnknownTunnel" })) : end.take(index, messages)
  }

  return {
    Open: ({ payload }: Envelope<OpenPayload>) => open(payload),
    Push: ({ payload }: Envelope<PushPayload>) => push(payload),
    Hold: ({ payload }: Envelope<{ readonly incarnation: string; readonly hold: number }>) =>
      payload.incarnation === incarnation ? residence.held(payload.hold) : Effect.void,
    Wake: () => node.wake(key)
  }
})
