/**
 * The inspector as an actor: what its pages see and may do.
 *
 * @since 0.1.0
 */
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Actor from "../Actor.ts"
import { HostView } from "../internal/inspection.ts"

/**
 * The token is not the one that the inspector was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongToken extends Schema.TaggedError<WrongToken>("effect-tether/inspector/InspectorActor/WrongToken")(
  "WrongToken",
  {}
) {
  override get message() {
    return "The token is wrong."
  }
}

/**
 * What happened in the second before `at`, and what there was at its end.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Sample = Schema.Struct({
  /** Milliseconds since 1970. */
  at: Schema.Int,
  /** Per second. */
  calls: Schema.Finite,
  opened: Schema.Finite,
  resumed: Schema.Finite,
  connections: Schema.Int
})

/**
 * What happened in a second.
 *
 * @category models
 * @since 0.1.0
 */
export type Sample = typeof Sample.Type

/**
 * The contract of the inspector. There is one instance, for the process in which it runs.
 *
 * @category contracts
 * @since 0.1.0
 */
export class InspectorActor extends Actor.make("Inspector", {
  params: { token: Schema.RedactedFromValue(Schema.String) },
  connectionState: { search: Schema.String },
  state: Schema.Array(Sample),
  rejection: WrongToken,
  events: {
    /** The samples so far, for one who has just come. */
    history: Schema.Array(Sample),
    sampled: Sample,
    seen: HostView
  },
  rpcs: [
    Rpc.make("search", { payload: { text: Schema.String.check(Schema.isMaxLength(200)) } }),
    Rpc.make("kick", {
      payload: { connection: Schema.String, reason: Schema.String.check(Schema.isMaxLength(500)) },
      success: Schema.Boolean
    })
  ]
}) {}

/**
 * The key of the one instance.
 *
 * @category constants
 * @since 0.1.0
 */
export const key = "process"
