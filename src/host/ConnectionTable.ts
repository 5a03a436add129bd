/**
 * The connections of one actor instance: the list that its code sees, and the
 * means to find one by id.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionId } from "../Connection.ts"
import { type BroadcastOptions, type ConnectionChange, ConnectionNotFound, type Connections } from "../Connections.ts"
import type * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyConnection } from "../internal/definition.ts"
import { ConnectionView, type StateEncoder, type Tools } from "./ConnectionView.ts"
import type { EventEncoder } from "./EventEncoder.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/** Changes that a slow reader of `changes` may lag behind; then it misses the oldest. */
const changesCapacity = 4096

/**
 * The list of an instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionTable {
  readonly find: (id: string) => ServerConnection | undefined
  readonly findByNumber: (number: number) => ServerConnection | undefined
  readonly listed: () => Iterable<ServerConnection>
  /** Those that are listed, and the sessions of nodes. */
  readonly all: () => ReadonlyArray<ServerConnection>
  readonly size: () => number
  /** Lists a connection that was admitted; whoever does it announces it once it has a socket. */
  readonly add: (connection: ServerConnection) => void
  /** Takes a connection off the list, which can still be found by its number. */
  readonly remove: (connection: ServerConnection, reason: DisconnectReason.DisconnectReason) => void
  /** Forgets a connection after its `onDisconnect`. */
  readonly forget: (connection: ServerConnection) => void
  readonly announce: (change: ConnectionChange<any, any>) => void
  /** What the actor's code sees. */
  readonly service: Connections<any, any>
  /** The sessions of nodes, of which the actor's code sees nothing. */
  readonly nodes: ConnectionTable
}

/**
 * Makes the table of an instance; `encodeState` encodes what is stored of a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  encodeEvent: EventEncoder,
  encodeState?: StateEncoder
): Effect.fn.Return<ConnectionTable, never, Scope.Scope> {
  const byId = new Map<string, ServerConnection>()
  const byNumber = new Map<number, ServerConnection>()
  // Made for its first reader: a buffer is large, and most actors have none.
  let changes: PubSub.PubSub<ConnectionChange<any, any>> | undefined
  const getChanges = Effect.suspend(() =>
    changes === undefined
      ? Effect.tap(PubSub.sliding<ConnectionChange<any, any>>(changesCapacity), (made) => {
        changes = made
        return Effect.void
      })
      : Effect.succeed(changes)
  )
  yield* Effect.addFinalizer(() => Effect.suspend(() => changes === undefined ? Effect.void : PubSub.shutdown(changes)))
  const announce = (change: ConnectionChange<any, any>) => {
    if (changes !== undefined) PubSub.publishUnsafe(changes, change)
  }

  const tools: Tools = { encodeEvent, encodeState, announce }

  const broadcast = (event: string, payload?: unknown, options?: BroadcastOptions): Effect.Effect<void> =>
    Effect.map(encodeEvent(event, payload), (frame) => {
      const except = options?.except === undefined ? undefined : new Set<string>(options.except)
      for (const connection of byId.values()) {
        if (!connection.subscriptions.has(event) || except?.has(connection.id)) continue
        connection.sendEvent(frame)
      }
    })

  let nodes: ConnectionTable | undefined
  const service: ConnectionTable["service"] = {
    get: (id) =>
      Effect.suspend(() => {
        const connection = byId.get(id)
        return connection === undefined
          ? Effect.fail(new ConnectionNotFound({ id }))
          : Effect.succeed(connection.view)
      }),
    all: Effect.sync(() => {
      const all = new Map<ConnectionId, AnyConnection>()
      for (const connection of byId.values()) all.set(connection.id, connection.view)
      return all
    }),
    broadcast,
    changes: Stream.unwrap(Effect.map(getChanges, (made) => Stream.fromPubSub(made)))
  }
  return {
    get nodes() {
      return nodes ??= makeNodes(byNumber, service)
    },
    all: () => [...byId.values(), ...(nodes?.listed() ?? [])],
    find: (id) => byId.get(id),
    findByNumber: (number) => byNumber.get(number),
    listed: () => byId.values(),
    size: () => byId.size,
    add: (connection) => {
      connection.view = new ConnectionView(connection, tools)
      byId.set(connection.id, connection)
      byNumber.set(connection.number, connection)
    },
    remove: (connection, reason) => {
      if (!byId.delete(connection.id)) return
      announce({ _tag: "Disconnected", connection: connection.view, reason })
    },
    forget: (connection) => {
      byNumber.delete(connection.number)
    },
    announce,
    service
  }
})

/** Beside the list: found by their ids, and by their numbers among all others. */
const makeNodes = (
  byNumber: Map<number, ServerConnection>,
  service: ConnectionTable["service"]
): ConnectionTable => {
  const byId = new Map<string, ServerConnection>()
  const nodes: ConnectionTable = {
    find: (id) => byId.get(id),
    findByNumber: (number) => byNumber.get(number),
    listed: () => byId.values(),
    all: () => [...byId.values()],
    size: () => byId.size,
    add: (connection) => {
      byId.set(connection.id, connection)
      byNumber.set(connection.number, connection)
    },
    remove: (connection) => {
      byId.delete(connection.id)
    },
    forget: (connection) => {
      byNumber.delete(connection.number)
    },
    announce: () => {},
    service,
    get nodes() {
      return nodes
    }
  }
  return nodes
}
