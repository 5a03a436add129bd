/**
 * What a host tells of itself to those who look after it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * Counts since the process began, of all actors of the host.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Totals = Schema.Struct({
  /** Connections that were opened. */
  opened: Count,
  /** Sessions that were taken up again without a gap. */
  resumed: Count,
  /** Calls that were settled, those of server code too. */
  calls: Count,
  /** Calls that were settled with a defect. */
  defects: Count
})

/**
 * Counts since the process began.
 *
 * @category models
 * @since 0.1.0
 */
export type Totals = typeof Totals.Type

/**
 * A live actor instance.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ActorView = Schema.Struct({
  type: Schema.String,
  key: Schema.String,
  connections: Count,
  suspended: Count,
  /** Calls of its clients that are not answered. */
  calls: Count
})

/**
 * A live actor instance.
 *
 * @category models
 * @since 0.1.0
 */
export type ActorView = typeof ActorView.Type

/**
 * A connection.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConnectionView = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  key: Schema.String,
  status: Schema.Literals(["Connected", "Suspended"]),
  /** The state as text, redacted and cut. */
  state: Schema.String,
  /** When it was opened, in milliseconds since 1970. */
  since: Schema.Int,
  /** Where the last socket came from, if the server tells. */
  address: Schema.NullOr(Schema.String),
  subscriptions: Schema.Array(Schema.String),
  /** Calls that are not answered. */
  calls: Count,
  /** Frames that wait to be acted on. */
  waiting: Count,
  /** Frames that the client has not acknowledged. */
  keptFrames: Count,
  /** Their length, in UTF-16 code units. */
  keptBytes: Count,
  /** The last call that went wrong: its RPC and the kind of its error, without what it holds. */
  lastError: Schema.NullOr(Schema.String)
})

/**
 * A connection.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionView = typeof ConnectionView.Type

/**
 * A host at one moment.
 *
 * @category schemas
 * @since 0.1.0
 */
export const HostView = Schema.Struct({
  isDraining: Schema.Boolean,
  totals: Totals,
  /** How many actors and connections there are, whatever was searched for. */
  actorCount: Count,
  connectionCount: Count,
  suspendedCount: Count,
  /** Those that were found, up to the limit. */
  actors: Schema.Array(ActorView),
  connections: Schema.Array(ConnectionView)
})

/**
 * A host at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export type HostView = typeof HostView.Type

/**
 * What to look for.
 *
 * @category models
 * @since 0.1.0
 */
export interface InspectOptions {
  /** A part of a name, key, id, address or state, in any case; all, where it is empty. */
  readonly search: string
  /** How many actors and how many connections to show. */
  readonly limit: number
}
