/**
 * The frames of the wire protocol and their JSON encoding.
 *
 * A frame is a JSON array whose first element names it; a message is a JSON
 * array of frames. `docs/PROTOCOL.md` describes each frame in prose.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { DisconnectReason } from "../DisconnectReason.ts"
import { maxNameLength } from "../internal/names.ts"

/**
 * The version that both ends speak; a `hello` with another one is refused.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = 1

/**
 * Most frames that a message may hold: to decode and act on one must not take so long that others notice.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxFrames = 16_384

/** Longest key of an actor, in UTF-16 code units. */
const maxKeyLength = 1_024

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Name = Schema.String.check(Schema.isMaxLength(maxNameLength))

/**
 * Bounds that the server announces and its client keeps. Bytes are counted in
 * UTF-8.
 *
 * @category models
 * @since 0.1.0
 */
export const Limits = Schema.Struct({
  /** Largest single frame, in bytes. */
  frameBytes: Count,
  /** Largest message, which may hold several frames, in bytes. */
  batchBytes: Count,
  /** Calls without a reply that a connection may have. */
  callsInFlight: Count,
  /** Events that a connection may be subscribed to. */
  subscriptions: Count,
  /** Chunks of one streaming call that may travel without a `chunk-ack`. */
  streamWindow: Count,
  /** Frames that an end keeps until they are acknowledged. */
  bufferFrames: Count,
  /** Bytes of such frames; counted as UTF-16 code units, which is the same for ASCII. */
  bufferBytes: Count
})

/**
 * @category models
 * @since 0.1.0
 */
export type Limits = typeof Limits.Type

/**
 * When an end pings and when it gives up on a silent socket, in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const HeartbeatTiming = Schema.Struct({ interval: Count, timeout: Count })

/**
 * @category models
 * @since 0.1.0
 */
export type HeartbeatTiming = typeof HeartbeatTiming.Type

const Hello = Schema.Struct({
  protocol: Schema.Int,
  actor: Name,
  key: Schema.String.check(Schema.isMaxLength(maxKeyLength)),
  params: Schema.Unknown,
  subscriptions: Schema.Array(Name),
  attach: Count,
  /** The `traceparent` of the dial. */
  trace: Schema.optionalKey(Schema.String),
  resume: Schema.optionalKey(Schema.Struct({
    connection: Name,
    token: Name,
    epoch: Name,
    received: Count,
    /** For a durable actor: the calls without a reply, which are made again if the epoch has changed. */
    calls: Count.pipe(Schema.Array, Schema.optionalKey)
  }))
})

/**
 * The first frame of a socket: who is asked for, by whom, and what to resume.
 *
 * @category models
 * @since 0.1.0
 */
export type Hello = typeof Hello.Type

const Welcome = Schema.Struct({
  connection: Schema.String,
  epoch: Schema.String,
  token: Schema.String,
  resumed: Schema.Boolean,
  received: Count,
  limits: Limits,
  heartbeat: HeartbeatTiming,
  /** How long a lost connection can be resumed, in milliseconds. */
  resumeWindow: Count,
  /** The actor is durable: its connections outlive its process, and calls without a reply may be made again. */
  durable: Schema.optionalKey(Schema.Literal(true))
})

/**
 * The server's answer to an admitted `hello`.
 *
 * @category models
 * @since 0.1.0
 */
export type Welcome = typeof Welcome.Type

const Bye = Schema.Struct({ reason: Schema.toCodecJson(DisconnectReason), received: Count })

/**
 * Why the sender ends, and how many data frames it has taken in.
 *
 * @category models
 * @since 0.1.0
 */
export type Bye = typeof Bye.Type

const WireTurn = Schema.Tuple([Schema.String, Schema.String])

/**
 * A turn as it travels with a call: the actor, and the name of the turn; no
 * name means that it has been given back.
 *
 * @category models
 * @since 0.1.0
 */
export type WireTurn = typeof WireTurn.Type

const CallMeta = Schema.Struct({
  headers: Schema.Tuple([Schema.String, Schema.String]).pipe(Schema.Array, Schema.optionalKey),
  discard: Schema.optionalKey(Schema.Literal(true)),
  /** The `traceparent` of the caller's span; a server that does not know or understand it goes on without. */
  trace: Schema.optionalKey(Schema.String),
  /** Between nodes of a cluster alone: the turns that wait for the reply, outermost first. */
  chain: WireTurn.pipe(Schema.Array, Schema.optionalKey)
})

/**
 * What travels beside the payload of a call.
 *
 * @category models
 * @since 0.1.0
 */
export type CallMeta = typeof CallMeta.Type

const Ack = Schema.Tuple([Schema.Literal("ack"), Count])
const Ping = Schema.Tuple([Schema.Literal("ping")])
const Pong = Schema.Tuple([Schema.Literal("pong")])
const ByeFrame = Schema.Tuple([Schema.Literal("bye"), Bye])

/**
 * A frame that a client sends.
 *
 * @category models
 * @since 0.1.0
 */
export const ClientFrame = Schema.Union([
  Schema.Tuple([Schema.Literal("call"), Count, Name, Schema.Unknown, Schema.optionalKey(CallMeta)]),
  Schema.Tuple([Schema.Literal("interrupt"), Count]),
  Schema.Tuple([Schema.Literal("chunk-ack"), Count]),
  Schema.Tuple([Schema.Literal("subscribe"), Name]),
  Schema.Tuple([Schema.Literal("unsubscribe"), Name]),
  /** Between nodes of a cluster alone: a turn that waits for calls was given back. */
  Schema.Tuple([Schema.Literal("released"), Schema.String]),
  Schema.Tuple([Schema.Literal("hello"), Hello]),
  Ack,
  Ping,
  Pong,
  ByeFrame
])

/**
 * @category models
 * @since 0.1.0
 */
export type ClientFrame = typeof ClientFrame.Type

/**
 * Why a call was refused before it ran, or why its reply could not be sent.
 *
 * @category models
 * @since 0.1.0
 */
export const Refusal = Schema.Literals([
  "UnknownRpc",
  "InvalidPayload",
  "FrameTooLarge",
  "TooManyCalls",
  "ConnectionEnded",
  "ReplyTooLarge",
  "Interrupted",
  "OutcomeUnknown"
])

/**
 * @category models
 * @since 0.1.0
 */
export type Refusal = typeof Refusal.Type

/**
 * A frame that a server sends.
 *
 * @category models
 * @since 0.1.0
 */
export const ServerFrame = Schema.Union([
  Schema.Tuple([Schema.Literal("reply"), Count, Schema.Unknown]),
  Schema.Tuple([Schema.Literal("refused"), Count, Refusal, Schema.String]),
  Schema.Tuple([Schema.Literal("chunk"), Count, Schema.Array(Schema.Unknown)]),
  Schema.Tuple([Schema.Literal("event"), Name, Schema.Unknown]),
  Schema.Tuple([Schema.Literal("welcome"), Welcome]),
  Schema.Tuple([Schema.Literal("rejected"), Schema.Unknown]),
  Ack,
  Ping,
  Pong,
  ByeFrame
])

/**
 * @category models
 * @since 0.1.0
 */
export type ServerFrame = typeof ServerFrame.Type

/**
 * The frames of a client that the session counts.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientData = Extract<
  ClientFrame,
  readonly ["call" | "interrupt" | "chunk-ack" | "subscribe" | "unsubscribe" | "released", ...ReadonlyArray<any>]
>

/**
 * The frames of a server that the session counts.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerData = Extract<ServerFrame, readonly ["reply" | "refused" | "chunk" | "event", ...ReadonlyArray<any>]>

const data: ReadonlySet<string> = new Set<(ClientData | ServerData)[0]>([
  "call",
  "interrupt",
  "chunk-ack",
  "subscribe",
  "unsubscribe",
  "released",
  "reply",
  "refused",
  "chunk",
  "event"
])

/**
 * Tells the frames that are counted, kept and replayed from control frames.
 *
 * @category guards
 * @since 0.1.0
 */
export const isData = <F extends ClientFrame | ServerFrame>(frame: F): frame is F & (ClientData | ServerData) =>
  data.has(frame[0])

/**
 * Decodes a message of a client.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeClient = Schema.decodeUnknownExit(Schema.fromJsonString(Schema.Array(ClientFrame)))

/**
 * Decodes a message of a server.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeServer = Schema.decodeUnknownExit(Schema.fromJsonString(Schema.Array(ServerFrame)))

const encodeReason = Schema.encodeSync(Schema.toCodecJson(DisconnectReason))

/**
 * Encodes one frame; its payload has gone through its schema's JSON codec
 * already.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (frame: Exclude<ClientFrame | ServerFrame, readonly ["bye", ...ReadonlyArray<any>]>): string =>
  JSON.stringify(frame)

/**
 * Encodes a `bye`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeBye = (reason: DisconnectReason, received: number): string =>
  JSON.stringify(["bye", { reason: encodeReason(reason), received }])

/**
 * Encodes one JSON value.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeValue = (value: unknown): string => JSON.stringify(value) ?? "null"

/**
 * Puts the encoded values of a stream into as few `chunk` frames as their size
 * allows.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeChunks = (id: number, values: ReadonlyArray<string>, maxBytes: number): ReadonlyArray<string> => {
  const frames: Array<string> = []
  const overhead = 32
  let from = 0
  let length = overhead
  for (let i = 0; i <= values.length; i++) {
    const next = i < values.length ? values[i]!.length * 3 + 1 : Infinity
    if (i > from && length + next > maxBytes) {
      frames.push(`["chunk",${id},[${values.slice(from, i).join(",")}]]`)
      from = i
      length = overhead
    }
    length += next
  }
  return frames
}

const encoder = new TextEncoder()

/**
 * The size of a text in UTF-8, in bytes.
 *
 * @category getters
 * @since 0.1.0
 */
export const byteLength = (text: string): number => encoder.encode(text).byteLength

/**
 * Whether a text takes more than `limit` bytes in UTF-8, without encoding it
 * where its length decides already.
 *
 * @category guards
 * @since 0.1.0
 */
export const exceeds = (text: string, limit: number): boolean =>
  text.length > limit || (text.length * 3 > limit && encoder.encode(text).byteLength > limit)
