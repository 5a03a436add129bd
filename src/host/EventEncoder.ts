/**
 * Encodes the events of an actor, each once for all its receivers.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AnyActor } from "../internal/definition.ts"
import * as Frame from "../session/Frame.ts"
import * as RpcCodec from "../session/RpcCodec.ts"

/**
 * Turns an event into its frame. Dies on an event that the contract does not
 * have, on a payload that does not encode and on one that is too large: the
 * fault is the caller's.
 *
 * @category models
 * @since 0.1.0
 */
export type EventEncoder = (event: string, payload: unknown) => Effect.Effect<string>

/**
 * Compiles the codecs of an actor's events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (actor: AnyActor, options: {
  readonly context: Context.Context<never>
  readonly frameBytes: number
}): EventEncoder => {
  const encoders = new Map(
    Array.from(actor.eventSchemas, ([event, schema]) => [
      event,
      Schema.encodeUnknownEffect(Schema.toCodecJson(schema))
    ])
  )
  return (event, payload) => {
    const encode = encoders.get(event)
    if (encode === undefined) {
      return Effect.die(new Error(`${actor.type} has no event ${JSON.stringify(event)}; add it to the contract`))
    }
    return RpcCodec.withServices(encode(payload), options.context).pipe(
      Effect.orDie,
      Effect.flatMap((encoded) => {
        const frame = Frame.encode(["event", event, encoded])
        return Frame.exceeds(frame, options.frameBytes)
          ? Effect.die(
            new Error(
              `an event ${
                JSON.stringify(event)
              } of ${actor.type} is larger than the ${options.frameBytes} bytes allowed`
            )
          )
          : Effect.succeed(frame)
      })
    )
  }
}
