/**
 * The values of an actor as they are stored: encoded by its schemas, versioned,
 * migrated when they are read.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { StorageError, type StoredState } from "../ActorStorage.ts"
import { ActorUnavailable } from "../CallError.ts"
import type { Durability, Registration } from "../internal/actorHost.ts"
import * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"

/**
 * Encodes and decodes the values of one actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredValues {
  readonly encodeState: (state: unknown) => Effect.Effect<StoredState, StorageError>
  readonly decodeState: (stored: StoredState, address: string) => Effect.Effect<unknown, ActorUnavailable>
  /** Dies on a state that does not encode: the fault is the caller's. */
  readonly encodeConnectionState: (state: unknown) => Effect.Effect<unknown>
  readonly decodeConnectionState: (encoded: unknown) => Effect.Effect<unknown, Schema.SchemaError>
}

const invalid = (type: string, why: string) =>
  new StorageError({
    failure: "Invalid",
    message: `the state of ${type} does not encode by its schema, and was not stored: ${why}`
  })

const fromJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/**
 * Compiles the codecs of an actor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ actor, context }: Registration, durability: Durability): StoredValues => {
  const state = Schema.toCodecJson(actor.schemas.state)
  const connectionState = Schema.toCodecJson(actor.schemas.connectionState)
  const encodeState = Schema.encodeUnknownEffect(state)
  const decodeState = Schema.decodeUnknownEffect(state)
  const encodeConnectionState = Schema.encodeUnknownEffect(connectionState)
  const decodeConnectionState = Schema.decodeUnknownEffect(connectionState)
  const { migrate, version } = durability

  const migrated = (value: unknown, from: number): Effect.Effect<unknown, unknown> =>
    from === version || migrate === undefined
      ? Effect.succeed(value)
      : Effect.provideContext(Effect.suspend(() => migrate(value, from)), context as Context.Context<any>)

  return {
    encodeState: (value) =>
      RpcCodec.withServices(encodeState(value), context).pipe(
        Effect.map((encoded) => ({ version, value: Frame.encodeValue(encoded) })),
        Effect.mapError((error) => invalid(actor.type, error.message)),
        Effect.catchDefect((defect) =>
          Effect.fail(invalid(actor.type, defect instanceof Error ? defect.message : String(defect)))
        )
      ),
    decodeState: (stored, address) =>
      fromJson(stored.value).pipe(
        Effect.flatMap((value) => migrated(value, stored.version)),
        Effect.flatMap((value) => RpcCodec.withServices(decodeState(value), context)),
        Effect.catchDefect((defect) => Effect.fail(defect)),
        Effect.mapError((error) =>
          new ActorUnavailable({
            actor: address,
            explanation:
              `its stored state of version ${stored.version} does not decode as version ${version}; nothing ` +
              `was overwritten. Give its layer a version and a migrate function. ${
                error instanceof Error ? error.message : String(error)
              }`
          })
        )
      ),
    encodeConnectionState: (value) => Effect.orDie(RpcCodec.withServices(encodeConnectionState(value), context)),
    decodeConnectionState: (encoded) => RpcCodec.withServices(decodeConnectionState(encoded), context)
  }
}
