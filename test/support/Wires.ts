/**
 * The networks in memory between the nodes of a cluster: one for each node and each that it dials.
 *
 * @since 0.1.0
 */
import { Effect, Scope } from "effect"
import type { Socket } from "effect/socket"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"

type Accept = (network: MemoryNetwork.MemoryNetwork) => Effect.Effect<void>

/**
 * The networks of all nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wires {
  /** A socket from a node to another one, which is dialled as often as its reader is acquired. */
  readonly dial: (from: number, to: number) => Effect.Effect<Socket.Socket>
  /** Serves what other nodes dial, until the scope closes. */
  readonly accept: <E, R>(
    node: number,
    handler: (socket: Socket.Socket) => Effect.Effect<unknown, E, R>
  ) => Effect.Effect<void, never, R | Scope.Scope>
  /** Cuts a node off from all others, for good. */
  readonly isolate: (node: number) => Effect.Effect<void>
  /** The networks that begin or end at a node. */
  readonly of: (node: number) => ReadonlyArray<MemoryNetwork.MemoryNetwork>
}

interface Wire {
  readonly from: number
  readonly to: number
  readonly network: MemoryNetwork.MemoryNetwork
}

/**
 * Makes the networks, which end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Wires, never, Scope.Scope> = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const wires: Array<Wire> = []
  const doors = new Map<number, Accept>()
  const isolated = new Set<number>()
  const of: Wires["of"] = (node) =>
    wires.filter(({ from, to }) => from === node || to === node).map(({ network }) => network)

  const between = (from: number, to: number) =>
    Effect.suspend(() => {
      const known = wires.find((wire) => wire.from === from && wire.to === to)
      if (known !== undefined) return Effect.succeed(known.network)
      return MemoryNetwork.make().pipe(
        Effect.tap((network) => {
          wires.push({ from, to, network })
          if (isolated.has(from) || isolated.has(to)) return network.refuse
          return doors.get(to)?.(network) ?? Effect.void
        }),
        Scope.provide(scope)
      )
    })
  return {
    dial: (from, to) => Effect.flatMap(between(from, to), (network) => network.dial),
    accept: Effect.fnUntraced(function*<E, R>(
      node: number,
      handler: (socket: Socket.Socket) => Effect.Effect<unknown, E, R>
    ) {
      const context = yield* Effect.context<R | Scope.Scope>()
      const accept: Accept = (network) =>
        network.accept((socket) => Effect.ignore(handler(socket))).pipe(Effect.provideContext(context as never))
      doors.set(node, accept)
      for (const { network, to } of wires) if (to === node) yield* accept(network)
    }),
    of,
    isolate: (node) =>
      Effect.suspend(() => {
        isolated.add(node)
        return Effect.forEach(of(node), (network) => Effect.andThen(network.refuse, network.cut), { discard: true })
      })
  }
})
