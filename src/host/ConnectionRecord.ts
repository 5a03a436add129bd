/**
 * What is stored of a connection, so that it outlives the process.
 *
 * @since 0.1.0
 */
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { Changes } from "../ActorStorage.ts"
import { DisconnectReason } from "../DisconnectReason.ts"
import * as Frame from "../session/Frame.ts"
import type { Answer } from "./Segment.ts"

const StoredRecord = Schema.Struct({
  /** The connection's state through its schema's JSON codec. */
  state: Schema.Unknown,
  /** Whether `onConnect` has run. */
  greeted: Schema.Boolean,
  /** Whether `onSuspend` has run since the client was last here. */
  suspended: Schema.Boolean,
  /** Why it has ended; `onDisconnect` is still to run. */
  ended: DisconnectReason.pipe(Schema.toCodecJson, Schema.optionalKey),
  /** It is the session of a node, for the calls of its server code. */
  node: Schema.optionalKey(Schema.Literal(true)),
  token: Schema.String,
  previousToken: Schema.optionalKey(Schema.String),
  attach: Schema.Int,
  subscriptions: Schema.Array(Schema.String)
}).pipe(Schema.fromJsonString)

/**
 * A record as it is stored.
 *
 * @category models
 * @since 0.1.0
 */
export type StoredRecord = typeof StoredRecord.Type

const encodeRecord = Schema.encodeSync(StoredRecord)

/**
 * Reads a record.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode: (text: string) => Exit.Exit<StoredRecord, Schema.SchemaError> = Schema.decodeUnknownExit(
  StoredRecord
)

/**
 * What turns of the actor change of a record; it is stored with them.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = Pick<StoredRecord, "state" | "greeted" | "suspended" | "ended">

/**
 * What sockets change of a record; it is stored when they attach.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly token: string
  readonly previousToken: string | undefined
  readonly attach: number
  readonly subscriptions: ReadonlySet<string>
  readonly acknowledged: () => number
}

/**
 * The record of one connection of a durable actor.
 *
 * @category models
 * @since 0.1.0
 */
export class ConnectionRecord {
  readonly id: string
  private readonly session: () => Session
  private readonly isOfNode: boolean
  part: Part
  /** The part as of the last commit that was made. */
  folded: Part
  isRemoved = false
  /** Loaded from storage, and no socket of this epoch has been confirmed yet. */
  isRecovered: boolean
  /** Calls that the client makes again, since it has no reply of the epoch before. */
  repeated: ReadonlySet<number> = new Set()
  /** Replies of the epoch before, by call. */
  readonly replies: Map<number, string>
  /** Calls of which a reply is stored. */
  private readonly journal: Set<number>
  /** Calls whose turn is over and stored, and whose answer is still to come. */
  readonly deferred = new Set<number>()
  /** Replies that were sent, with the number of their frame, oldest first. */
  private readonly sent: Array<{ readonly frame: number; readonly call: number }> = []

  constructor(options: {
    readonly id: string
    readonly part: Part
    readonly session: () => Session
    readonly replies?: Iterable<readonly [call: number, reply: string]>
    readonly isRecovered: boolean
    /** Whether it is the session of a node. Default: `false`. */
    readonly isOfNode?: boolean | undefined
  }) {
    this.id = options.id
    this.isOfNode = options.isOfNode === true
    this.session = options.session
    this.part = options.part
    this.folded = options.part
    this.replies = new Map(options.replies)
    this.journal = new Set(this.replies.keys())
    this.isRecovered = options.isRecovered
  }

  /** How many replies are stored until the client has them. */
  get journalSize(): number {
    return this.journal.size
  }

  /** Notes that the reply of a call is about to be stored. */
  noteStored(call: number): void {
    this.journal.add(call)
  }

  encode(part: Part): string {
    const { attach, previousToken, subscriptions, token } = this.session()
    return encodeRecord({
      ...part,
      token,
      attach,
      subscriptions: Array.from(subscriptions),
      ...(this.isOfNode ? { node: true as const } : {}),
      ...(previousToken === undefined ? {} : { previousToken })
    })
  }

  /** What is stored of a call that answers later: should the actor be gone by then, nobody knows what has come of it. */
  defer(call: number): Answer {
    this.deferred.add(call)
    return { record: this, call, reply: Frame.encode(["refused", call, "OutcomeUnknown", ""]) }
  }

  change(change: Partial<Part>): void {
    this.part = { ...this.part, ...change }
  }

  /** Notes that a stored reply has been sent as a frame. */
  noteReply(call: number, frame: number): void {
    this.sent.push({ call, frame })
  }

  /** The client, back in a new epoch, names the calls that it has no reply of: the other replies have served. */
  recall(unanswered: ReadonlyArray<number>): Changes["trimmed"] {
    this.repeated = new Set(unanswered)
    const served = Array.from(this.replies.keys()).filter((call) => !this.repeated.has(call))
    this.drop(served)
    return served.map((call) => ({ connection: this.id, call }))
  }

  /** The replies that their client has taken in since this was last asked. */
  takeTrimmed(): Changes["trimmed"] {
    const acknowledged = this.session().acknowledged()
    const end = this.sent.findIndex(({ frame }) => frame > acknowledged)
    const taken = this.sent.splice(0, end === -1 ? this.sent.length : end).map(({ call }) => call)
    this.drop(taken)
    return taken.map((call) => ({ connection: this.id, call }))
  }

  private drop(calls: ReadonlyArray<number>): void {
    for (const call of calls) {
      this.replies.delete(call)
      this.journal.delete(call)
    }
  }
}
