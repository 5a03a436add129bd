/**
 * What the code of an actor sees of one connection.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ConnectionId } from "../Connection.ts"
import type { ConnectionChange } from "../Connections.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyConnection } from "../internal/definition.ts"
import type { EventEncoder } from "./EventEncoder.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * Turns the state of a connection into what is stored of it. Dies on one that does not encode.
 *
 * @category models
 * @since 0.1.0
 */
export type StateEncoder = (state: unknown) => Effect.Effect<unknown>

/**
 * What the views of an instance share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tools {
  readonly encodeEvent: EventEncoder
  /** Encodes what is stored of a connection, if its actor is durable. */
  readonly encodeState: StateEncoder | undefined
  readonly announce: (change: ConnectionChange<any, any>) => void
}

/**
 * A connection as its actor sees it.
 *
 * **Details**
 *
 * Its functions are made where they are asked for: they can be taken off it,
 * and an idle connection does not hold them.
 *
 * @category models
 * @since 0.1.0
 */
export class ConnectionView implements AnyConnection {
  readonly id: ConnectionId
  private readonly connection: ServerConnection
  private readonly tools: Tools

  constructor(connection: ServerConnection, tools: Tools) {
    this.id = connection.id
    this.connection = connection
    this.tools = tools
  }

  get state(): unknown {
    return this.connection.state
  }

  get status(): AnyConnection["status"] {
    return this.connection.status
  }

  get subscriptions(): ReadonlySet<string> {
    return this.connection.subscriptions
  }

  get updateState(): AnyConnection["updateState"] {
    const { encodeState } = this.tools
    return (f) =>
      encodeState === undefined
        ? Effect.sync(() => this.setState(f(this.connection.state)))
        : this.store(encodeState, f)
  }

  get send(): AnyConnection["send"] {
    const { connection, tools } = this
    return (event: string, payload?: unknown) =>
      Effect.map(tools.encodeEvent(event, payload), (frame) => connection.sendEvent(frame))
  }

  get disconnect(): AnyConnection["disconnect"] {
    const { connection } = this
    return (options) => Effect.sync(() => void connection.end(DisconnectReason.kicked(options)))
  }

  private setState(state: unknown): unknown {
    this.connection.state = state
    if (!this.connection.isEnded) this.tools.announce({ _tag: "Updated", connection: this })
    return state
  }

  /** Encoded first: what cannot be stored is the fault of the caller. Another one may have been quicker meanwhile. */
  private store(encode: StateEncoder, f: (state: unknown) => unknown): Effect.Effect<unknown> {
    return Effect.suspend(() => {
      const before = this.connection.state
      const after = f(before)
      return Effect.flatMap(encode(after), (encoded) => {
        if (this.connection.state !== before) return this.store(encode, f)
        this.connection.change({ state: encoded })
        return Effect.succeed(this.setState(after))
      })
    })
  }
}
