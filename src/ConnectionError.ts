/**
 * How a call or an event stream of a client fails, one class per reason under a single tagged error.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import { describe, type DisconnectReason } from "./DisconnectReason.ts"

const TypeId = "~effect-tether/ConnectionError"

/**
 * The queue of calls that wait for a connection is full, and the handle was made with `onQueueFull: "fail"`.
 *
 * **Details**
 *
 * The call never ran and never will.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueueFull extends Data.TaggedError("QueueFull")<{
  /** How many calls the queue holds. */
  readonly capacity: number
}> {
  override get message() {
    return `${this.capacity} calls wait for a connection already. The call never ran; try again when some have run.`
  }
}

/**
 * The call was refused before its handler started.
 *
 * **Details**
 *
 * The call never ran and never will. `cause` tells why:
 *
 * - `UnknownRpc`: the actor has no RPC of that name
 * - `InvalidPayload`: the payload does not decode by the RPC's schema
 * - `FrameTooLarge`: the encoded call is larger than a frame may be
 * - `TooManyCalls`: more calls were in flight than the server allows a connection
 * - `ConnectionEnded`: the connection ended before the call's turn came
 *
 * @category errors
 * @since 0.1.0
 */
export class NotExecuted extends Data.TaggedError("NotExecuted")<{
  /** What refused it; Details has the cases. */
  readonly cause: "UnknownRpc" | "InvalidPayload" | "FrameTooLarge" | "TooManyCalls" | "ConnectionEnded"
  /** What exactly was wrong, in a sentence. */
  readonly message: string
}> {}

/**
 * The call was sent and the connection ended before its reply came: it may have run or not.
 *
 * **When to use**
 *
 * Catch it where a call must not be repeated blindly. Look up whether the call took effect, or make the RPC idempotent.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutcomeUnknown extends Data.TaggedError("OutcomeUnknown")<{
  /** Why the connection ended; `undefined` if the network was lost without a word from the other end. */
  readonly cause: DisconnectReason | undefined
}> {
  override get message() {
    const why = this.cause === undefined ? "The network connection was lost." : describe(this.cause)
    return `The call was sent and its reply never came: it may have run or not. ${why}`
  }
}

/**
 * The call ran, and its reply is larger than a frame may be.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplyTooLarge extends Data.TaggedError("ReplyTooLarge")<{
  /** Size of the encoded reply in bytes. */
  readonly bytes: number
  /** Largest size allowed in bytes. */
  readonly limit: number
}> {
  override get message() {
    return `The call ran, but its reply has ${this.bytes} bytes and ${this.limit} are allowed. `
      + "Let it reply with less, or raise the limit of the server."
  }
}

/**
 * The call ran, and its reply does not decode by the RPC's schema.
 *
 * **Details**
 *
 * The client and the server were built from different versions of the contract.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidReply extends Data.TaggedError("InvalidReply")<{
  /** What exactly does not decode. */
  readonly message: string
}> {}

/**
 * A consumer of an event stream was too slow: more events waited for it than its buffer holds.
 *
 * **Details**
 *
 * Only this stream ends. Run it again to go on with the events of now; those that waited are lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventsOverflow extends Data.TaggedError("EventsOverflow")<{
  /** The name of the event. */
  readonly event: string
  /** How many events the buffer of the consumer holds. */
  readonly capacity: number
}> {
  override get message() {
    return `A consumer of the event "${this.event}" was too slow: more than ${this.capacity} events waited for it. `
      + "Consume faster, or raise eventCapacity."
  }
}

/**
 * The connection is subscribed to as many events as the server allows; the stream of another one cannot run.
 *
 * **Details**
 *
 * Nothing was subscribed. End the stream of another event, or raise `maxSubscriptions` of the host.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManySubscriptions extends Data.TaggedError("TooManySubscriptions")<{
  /** The name of the event. */
  readonly event: string
  /** How many events a connection may be subscribed to. */
  readonly limit: number
}> {
  override get message() {
    return `The event ${
      JSON.stringify(this.event)
    } was not subscribed to: the server allows ${this.limit} subscriptions. `
      + "End another stream, or raise maxSubscriptions of the host."
  }
}

/**
 * An event arrived that does not decode by its schema.
 *
 * **Details**
 *
 * The client and the server were built from different versions of the contract.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidEvent extends Data.TaggedError("InvalidEvent")<{
  /** The name of the event. */
  readonly event: string
  /** What exactly does not decode. */
  readonly message: string
}> {}

/**
 * The actor refused the client with its typed rejection.
 *
 * **Details**
 *
 * The call never ran and never will. The handle is done: it does not dial again.
 *
 * @category errors
 * @since 0.1.0
 */
export class Rejected<out Rejection = unknown> extends Data.TaggedError("Rejected")<{ readonly rejection: Rejection }> {
  override get message() {
    return `The call never ran; connect anew to go on. The actor refused the client${detail(this.rejection)}`
  }
}

/**
 * The handle is done, so nothing more is sent on it; `reason` tells why.
 *
 * **Details**
 *
 * The call never ran and never will. Make a new handle with `connect` to go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class Disconnected extends Data.TaggedError("Disconnected")<{ readonly reason: DisconnectReason }> {
  override get message() {
    return `The client is disconnected for good. ${describe(this.reason)} The call never ran; connect anew to go on.`
  }
}

/**
 * Everything that can go wrong with a call or an event stream; match on `_tag` to tell the cases apart.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason<Rejection = never> =
  | QueueFull
  | NotExecuted
  | OutcomeUnknown
  | ReplyTooLarge
  | InvalidReply
  | EventsOverflow
  | TooManySubscriptions
  | InvalidEvent
  | Rejected<Rejection>
  | Disconnected

/**
 * Failure of a client's call or event stream.
 *
 * **When to use**
 *
 * Handle one reason with `Effect.catchReason("ConnectionError", "Rejected", (rejected) => ...)`, or all of them with
 * `Effect.catchTag("ConnectionError", (error) => ...)`.
 *
 * **Details**
 *
 * As a call's failure, `QueueFull`, `NotExecuted`, `Rejected` and `Disconnected` mean that the call never ran and never
 * will; see `executed`.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionError<out Rejection = never> extends Data.TaggedError("ConnectionError")<{
  readonly reason: Reason<Rejection>
}> {
  readonly [TypeId] = TypeId
  /**
   * Whether the call ran: `no` (it never did and never will), `yes`, or `maybe` (it was sent, and its reply never came).
   * `no` for the failures of event streams.
   */
  get executed(): "no" | "maybe" | "yes" {
    return executedByReason[this.reason._tag]
  }
  override get message() {
    return messageOf(this.reason)
  }
}

const executedByReason = {
  QueueFull: "no",
  NotExecuted: "no",
  OutcomeUnknown: "maybe",
  ReplyTooLarge: "yes",
  InvalidReply: "yes",
  EventsOverflow: "no",
  TooManySubscriptions: "no",
  InvalidEvent: "no",
  Rejected: "no",
  Disconnected: "no"
} as const

const differ = "Client and server differ in their contract."

const advise = (cause: NotExecuted["cause"]): string => {
  if (cause === "FrameTooLarge") return "Send less, or raise maxFrameBytes."
  return cause === "TooManyCalls" || cause === "ConnectionEnded" ? "Call again." : differ
}

const messageOf = (reason: Reason<unknown>): string => {
  switch (reason._tag) {
    case "NotExecuted":
      return `The call never ran (${reason.cause}): ${reason.message}. ${advise(reason.cause)}`
    case "InvalidReply":
      return `The call ran, but its reply does not decode: ${reason.message}. ${differ}`
    case "InvalidEvent":
      return `An event "${reason.event}" does not decode: ${reason.message}. ${differ}`
    default:
      return reason.message
  }
}

const detail = (rejection: unknown): string => {
  const tag = Predicate.hasProperty(rejection, "_tag") ? ` with ${rejection._tag}` : ""
  const message = Predicate.hasProperty(rejection, "message") ? rejection.message : ""
  return Predicate.isString(message) && message !== "" ? `${tag}: ${message}` : tag
}

/**
 * Tells whether a value is a `ConnectionError`, also one of another copy of this package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConnectionError = (u: unknown): u is ConnectionError<unknown> => Predicate.hasProperty(u, TypeId)
