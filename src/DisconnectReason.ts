/**
 * Why a connection ended: one closed set of reasons for the `onDisconnect` hook, the status of a client and the wire.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const TypeId = "~effect-tether/DisconnectReason"

const longestRetryAfter = Duration.millis(2 ** 31 - 1)

const isRetryAfter = Schema.makeFilter((duration: Duration.Duration) =>
  Duration.between(duration, { minimum: Duration.zero, maximum: longestRetryAfter }) ||
  "a duration that is not negative and at most 2147483647 milliseconds"
)

/**
 * How long a client stays away before it dials again: a `Duration` in memory, whole milliseconds on the wire.
 *
 * **Details**
 *
 * At least 0 and at most 2,147,483,647 milliseconds (24.8 days, the longest timer of JavaScript). Fractions of a
 * millisecond are rounded up, so that nobody comes back too early.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RetryAfter = Schema.Int.pipe(Schema.decodeTo(Schema.Duration.check(isRetryAfter), {
  decode: SchemaGetter.transform((millis: number) => Duration.millis(millis)),
  encode: SchemaGetter.transform((duration: Duration.Duration) => Math.ceil(Duration.toMillis(duration)))
}))

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * The client left on its own account: its app called `disconnect` or closed the scope of its handle.
 *
 * **Details**
 *
 * Terminal: the client does not dial again.
 *
 * @category models
 * @since 0.1.0
 */
export class ClientLeft extends Schema.TaggedClass<ClientLeft>(`${TypeId}/ClientLeft`)("ClientLeft", {
  /** What the app gave to `disconnect`, if anything. */
  reason: Schema.optionalKey(Schema.String)
}) {}

/**
 * The actor ended the connection by `connection.disconnect`, with the reason that it gave, if any.
 *
 * **Details**
 *
 * With `retryAfter` the client dials again after that time and not earlier; without it the reason is terminal.
 *
 * @category models
 * @since 0.1.0
 */
export class Kicked extends Schema.TaggedClass<Kicked>(`${TypeId}/Kicked`)("Kicked", {
  /** What the actor gave to `disconnect`, if anything. */
  reason: Schema.optionalKey(Schema.String),
  /** How long the client stays away at least; absent where it is to stay away for good. */
  retryAfter: Schema.optionalKey(RetryAfter)
}) {}

/**
 * The socket was lost and the client did not come back within the time in which its session could be resumed.
 *
 * @category models
 * @since 0.1.0
 */
export class Lost extends Schema.TaggedClass<Lost>(`${TypeId}/Lost`)("Lost", {}) {}

/**
 * The client came back and a hook of the actor refused it.
 *
 * **Details**
 *
 * The actor sees this reason in `onDisconnect`; the client gets the typed rejection of the hook instead.
 *
 * @category models
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedClass<Refused>(`${TypeId}/Refused`)("Refused", {}) {}

/**
 * The client read too slowly: the given numbers of frames and bytes (as UTF-16 code units) waited for it, which is more
 * than the host allows.
 *
 * **Details**
 *
 * Not terminal: the client returns with a fresh session, and its `gaps` emits.
 *
 * @category models
 * @since 0.1.0
 */
export class SlowConsumer extends Schema.TaggedClass<SlowConsumer>(`${TypeId}/SlowConsumer`)("SlowConsumer", {
  /** How many frames waited for the client. */
  frames: Count,
  /** Their length in UTF-16 code units, which is the same as bytes for ASCII. */
  bytes: Count
}) {}

/**
 * One end broke the rules of the protocol, for example by a frame that does not decode.
 *
 * **Details**
 *
 * Terminal: dialling again would only repeat the mistake.
 *
 * @category models
 * @since 0.1.0
 */
export class ProtocolError extends Schema.TaggedClass<ProtocolError>(`${TypeId}/ProtocolError`)("ProtocolError", {
  /** Which rule was broken. */
  message: Schema.String
}) {}

/**
 * The connection parameters do not decode by the actor's `params` schema.
 *
 * **Details**
 *
 * Terminal: dialling again would send the same parameters.
 *
 * @category models
 * @since 0.1.0
 */
export class InvalidParams extends Schema.TaggedClass<InvalidParams>(`${TypeId}/InvalidParams`)("InvalidParams", {
  /** What does not decode. */
  message: Schema.String
}) {}

/**
 * The host has no actor of the name that the client asked for.
 *
 * **Details**
 *
 * Terminal: the client and the server disagree about the contract. A host that had the actor and gave it up, as when its
 * app closes, says `Draining` instead.
 *
 * @category models
 * @since 0.1.0
 */
export class UnknownActor extends Schema.TaggedClass<UnknownActor>(`${TypeId}/UnknownActor`)("UnknownActor", {
  /** The name that the client asked for. */
  actor: Schema.String
}) {}

/**
 * A hook of the actor failed with a defect or ran past its time limit.
 *
 * **Details**
 *
 * What went wrong is logged where the actor lives and never sent to a client. Not terminal: the client dials again. If
 * the hook was one of admission, its session is kept; after `onConnect` it gets a fresh connection.
 *
 * @category models
 * @since 0.1.0
 */
export class InternalError extends Schema.TaggedClass<InternalError>(`${TypeId}/InternalError`)("InternalError", {}) {}

/**
 * The server is shutting down, or has no room for another connection of this actor, and asks its clients to come back
 * elsewhere or later.
 *
 * **Details**
 *
 * With `retryAfter` the client dials again after that time and not earlier; without it its own reconnect policy decides.
 *
 * @category models
 * @since 0.1.0
 */
export class Draining extends Schema.TaggedClass<Draining>(`${TypeId}/Draining`)("Draining", {
  /** How long the client stays away at least. */
  retryAfter: Schema.optionalKey(RetryAfter)
}) {}

/**
 * The actor instance stopped while the connection was open.
 *
 * **Details**
 *
 * Not terminal: the client dials again and gets a fresh connection, and its `gaps` emits.
 *
 * @category models
 * @since 0.1.0
 */
export class ActorStopped extends Schema.TaggedClass<ActorStopped>(`${TypeId}/ActorStopped`)("ActorStopped", {}) {}

/**
 * A later socket of the same session took this one's place.
 *
 * **Details**
 *
 * Ends the socket alone and never a connection: no hook sees it.
 *
 * @category models
 * @since 0.1.0
 */
export class Displaced extends Schema.TaggedClass<Displaced>(`${TypeId}/Displaced`)("Displaced", {}) {}

/**
 * The socket was dialled before another one of the same session that is attached already.
 *
 * **Details**
 *
 * Ends the socket alone and never a connection: no hook sees it.
 *
 * @category models
 * @since 0.1.0
 */
export class Stale extends Schema.TaggedClass<Stale>(`${TypeId}/Stale`)("Stale", {}) {}

/**
 * Schema of every reason for which a connection ends.
 *
 * **Details**
 *
 * `Schema.toCodecJson(DisconnectReason)` gives small plain objects, for example
 * `{"_tag":"Kicked","reason":"Too many requests","retryAfter":1000}`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DisconnectReason = Schema.Union([
  ClientLeft,
  Kicked,
  Lost,
  Refused,
  SlowConsumer,
  ProtocolError,
  InvalidParams,
  UnknownActor,
  InternalError,
  Draining,
  ActorStopped,
  Displaced,
  Stale
])

/**
 * Every reason for which a connection ends; match on `_tag` to tell them apart.
 *
 * @category models
 * @since 0.1.0
 */
export type DisconnectReason = typeof DisconnectReason.Type

/**
 * Makes the reason of a `connection.disconnect` call from its argument.
 *
 * **Details**
 *
 * A `retryAfter` outside the bounds of `RetryAfter` is moved to the nearer bound.
 *
 * @category constructors
 * @since 0.1.0
 */
export const kicked = (
  options?: string | { readonly reason?: string | undefined; readonly retryAfter?: Duration.Input | undefined }
): Kicked => {
  const { reason, retryAfter } = typeof options === "string" ? { reason: options } : options ?? {}
  return Kicked.make({
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfter === undefined ? {} : { retryAfter: clampRetryAfter(Duration.fromInputUnsafe(retryAfter)) })
  })
}

const clampRetryAfter = Duration.clamp({ minimum: Duration.zero, maximum: longestRetryAfter })

/**
 * Tells whether a client that ended for this reason stays away for good.
 *
 * **Details**
 *
 * Terminal are `ClientLeft`, `Kicked` without `retryAfter`, `ProtocolError`, `InvalidParams` and `UnknownActor`. For all
 * others the client dials again.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isTerminal = (reason: DisconnectReason): boolean => {
  switch (reason._tag) {
    case "Kicked":
      return reason.retryAfter === undefined
    case "ClientLeft":
    case "ProtocolError":
    case "InvalidParams":
    case "UnknownActor":
      return true
    default:
      return false
  }
}

/**
 * The time before which the client must not dial again, where the reason names one.
 *
 * @category getters
 * @since 0.1.0
 */
export const retryAfter = (reason: DisconnectReason): Option.Option<Duration.Duration> =>
  reason._tag === "Kicked" || reason._tag === "Draining" ? Option.fromUndefinedOr(reason.retryAfter) : Option.none()

/**
 * Says in one plain sentence why the connection ended, for people and logs.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (reason: DisconnectReason): string => {
  switch (reason._tag) {
    case "ClientLeft":
      return `The client left${because(reason.reason)}.`
    case "Kicked":
      return `The actor ended the connection${because(reason.reason)}${comeBack(reason.retryAfter)}.`
    case "Lost":
      return "The network connection was lost and the client did not come back in time."
    case "Refused":
      return "The client came back and the actor refused it."
    case "SlowConsumer":
      return `The client read too slowly: ${reason.frames} frames (${reason.bytes} bytes) waited for it.`
    case "ProtocolError":
      return `The protocol was broken: ${reason.message}.`
    case "InvalidParams":
      return `The connection parameters are not valid: ${reason.message}.`
    case "UnknownActor":
      return `The server has no actor named "${reason.actor}": add its layer.`
    case "InternalError":
      return "The actor failed with an internal error."
    case "Draining":
      return `The server is shutting down, or full${comeBack(reason.retryAfter)}.`
    case "ActorStopped":
      return "The actor stopped."
    case "Displaced":
      return "A later socket of the same client took over."
    case "Stale":
      return "A later socket of the same client was attached already."
  }
}

const because = (reason: string | undefined) => reason === undefined ? "" : `: ${reason}`

const comeBack = (retryAfter: Duration.Duration | undefined) =>
  retryAfter === undefined ? "" : `, to be dialled again after ${Duration.format(retryAfter)}`
