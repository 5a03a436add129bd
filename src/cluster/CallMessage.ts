/**
 * What travels through a tunnel of calls, between the node of the caller and
 * that of the actor.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CallError } from "../CallError.ts"

const Id = Schema.Int

const CallMeta = Schema.Struct({
  /** The turns that wait for the answer, outermost first. */
  chain: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
  headers: Schema.Record(Schema.String, Schema.String),
  discard: Schema.Boolean,
  /** The span of the caller, where it is traced. */
  trace: Schema.optionalKey(Schema.String)
})

/**
 * What the caller's node says.
 *
 * @category models
 * @since 0.1.0
 */
export const Asked = Schema.Union([
  Schema.Tuple([Schema.Literal("call"), Id, Schema.String, Schema.Unknown, CallMeta]),
  Schema.Tuple([Schema.Literal("interrupt"), Id]),
  Schema.Tuple([Schema.Literal("chunk-ack"), Id]),
  /** A turn of the chain of a call was given back. */
  Schema.Tuple([Schema.Literal("released"), Id, Schema.String])
])

/**
 * @category models
 * @since 0.1.0
 */
export type Asked = typeof Asked.Type

/**
 * What the actor's node says.
 *
 * @category models
 * @since 0.1.0
 */
export const Answered = Schema.Union([
  Schema.Tuple([Schema.Literal("exit"), Id, Schema.Unknown]),
  Schema.Tuple([Schema.Literal("failed"), Id, Schema.toCodecJson(CallError)]),
  /** The call could not be answered as it should: an error of the app, in words. */
  Schema.Tuple([Schema.Literal("died"), Id, Schema.String]),
  Schema.Tuple([Schema.Literal("chunk"), Id, Schema.Array(Schema.Unknown)])
])

/**
 * @category models
 * @since 0.1.0
 */
export type Answered = typeof Answered.Type

const asked = Asked.pipe(Schema.Array, Schema.fromJsonString)
const answered = Answered.pipe(Schema.Array, Schema.fromJsonString)

/**
 * @category encoding
 * @since 0.1.0
 */
export const encodeAsked = Schema.encodeSync(Schema.fromJsonString(Asked))

/**
 * @category decoding
 * @since 0.1.0
 */
export const decodeAsked = Schema.decodeUnknownEffect(asked)

/**
 * @category encoding
 * @since 0.1.0
 */
export const encodeAnswered = Schema.encodeSync(Schema.fromJsonString(Answered))

/**
 * @category decoding
 * @since 0.1.0
 */
export const decodeAnswered = Schema.decodeUnknownEffect(answered)

/**
 * Puts encoded parts into as few messages as their size allows.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toMessages = (parts: ReadonlyArray<string>, maxLength: number): ReadonlyArray<string> => {
  const messages: Array<string> = []
  let batch: Array<string> = []
  let length = 0
  for (const part of parts) {
    if (batch.length > 0 && length + part.length > maxLength) {
      messages.push(`[${batch.join(",")}]`)
      batch = []
      length = 0
    }
    batch.push(part)
    length += part.length
  }
  if (batch.length > 0) messages.push(`[${batch.join(",")}]`)
  return messages
}
