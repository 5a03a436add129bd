/**
 * The JSON codecs of an RPC, compiled once and used by both ends.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as Schema from "effect/Schema"

type Transcode<A, B> = (value: A) => Effect.Effect<B, Schema.SchemaError>

/**
 * How the parts of a call travel. The services that schemas need are the
 * caller's to provide.
 *
 * @category models
 * @since 0.1.0
 */
export interface RpcCodec {
  readonly isStream: boolean
  readonly encodePayload: Transcode<unknown, unknown>
  readonly decodePayload: Transcode<unknown, unknown>
  readonly encodeExit: Transcode<Exit.Exit<unknown, unknown>, unknown>
  /** The value of a successful exit alone, which most are. */
  readonly encodeSuccess: Transcode<unknown, unknown>
  readonly decodeExit: Transcode<unknown, Exit.Exit<unknown, unknown>>
  /** The exit of a call whose caller does not want its result. */
  readonly encodeDiscardedExit: Transcode<Exit.Exit<unknown, unknown>, unknown>
  readonly decodeDiscardedExit: Transcode<unknown, Exit.Exit<unknown, unknown>>
  readonly encodeChunkValue: Transcode<unknown, unknown>
  readonly decodeChunk: Transcode<unknown, ReadonlyArray<unknown>>
}

/**
 * Provides the services that a schema may need. Most need none and are done
 * already: for them it costs nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withServices = <A, E>(
  transcoded: Effect.Effect<A, E>,
  context: Context.Context<never>
): Effect.Effect<A, E> => Exit.isExit(transcoded) ? transcoded : Effect.provideContext(transcoded, context)

const cache = new WeakMap<Rpc.AnyWithProps, RpcCodec>()

/**
 * The codecs of an RPC.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (rpc: Rpc.AnyWithProps): RpcCodec => {
  let codec = cache.get(rpc)
  if (codec === undefined) {
    codec = compile(rpc)
    cache.set(rpc, codec)
  }
  return codec
}

const compile = (rpc: Rpc.AnyWithProps): RpcCodec => {
  const exit = Rpc.exitSchema(rpc as never) as unknown as Schema.Exit<Schema.Top, Schema.Top, Schema.Top>
  const isStream = RpcSchema.isStreamSchema(rpc.successSchema)
  const item = isStream ? (rpc.successSchema as RpcSchema.Stream<Schema.Top, Schema.Top>).success : Schema.Never
  const payload = transcoders(rpc.payloadSchema)
  const result = transcoders(exit)
  const success = transcoders(exit.value)
  const discarded = transcoders(Schema.Exit(Schema.Void, exit.error, exit.defect))
  return {
    isStream,
    encodePayload: payload.encode,
    decodePayload: payload.decode,
    encodeExit: result.encode,
    encodeSuccess: success.encode,
    decodeExit: (encoded) => decodeSuccess(encoded, success.decode) ?? result.decode(encoded),
    encodeDiscardedExit: discarded.encode,
    decodeDiscardedExit: discarded.decode,
    encodeChunkValue: transcoders(item).encode,
    decodeChunk: item.pipe(Schema.Array, transcoders).decode
  }
}

/** Most exits are successes, whose schema alone costs a quarter of that of an exit. What is wrong is said by the latter. */
const decodeSuccess = (
  encoded: unknown,
  decode: Transcode<unknown, unknown>
): Exit.Exit<Exit.Exit<unknown>> | undefined => {
  if (!Predicate.isTagged(encoded, "Success") || !Predicate.hasProperty(encoded, "value")) return undefined
  const value = decode(encoded.value)
  return Exit.isExit(value) && Exit.isSuccess(value) ? Exit.succeed(Exit.succeed(value.value)) : undefined
}

const transcoders = (schema: Schema.Top): {
  readonly encode: Transcode<any, any>
  readonly decode: Transcode<any, any>
} => {
  const codec = Schema.toCodecJson(schema as Schema.Codec<unknown>)
  return { encode: Schema.encodeUnknownEffect(codec), decode: Schema.decodeUnknownEffect(codec) }
}
