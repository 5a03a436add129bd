/**
 * How a call fails that server code or another actor makes to an actor's internal RPCs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const TypeId = "~effect-tether/CallError"

/**
 * The call came back to an actor that waits for it: every actor of the chain would wait for the next one for ever.
 *
 * **Details**
 *
 * The call never ran. Let one of the actors answer before it calls the next one, for example by forking the call.
 *
 * @category errors
 * @since 0.1.0
 */
export class CallCycle extends Schema.TaggedError<CallCycle>(`${TypeId}/CallCycle`)("CallCycle", {
  /** The actors that the call came through, each as `type/key`, the called one last. */
  chain: Schema.Array(Schema.String)
}) {
  override get message() {
    const circle = this.chain.join(" -> ")
    return `The call never ran, since it closes a circle of actors that wait for each other: ${circle}. `
      + "Let one of them answer before it calls the next one, for example by forking the call."
  }
}

/**
 * The host is closing or closed and takes no more calls.
 *
 * **Details**
 *
 * The call never ran.
 *
 * @category errors
 * @since 0.1.0
 */
export class HostClosed extends Schema.TaggedError<HostClosed>(`${TypeId}/HostClosed`)("HostClosed", {}) {
  override get message() {
    return "The call never ran, since the host of the actors is closed: the app is ending."
  }
}

/**
 * The actor stopped before it replied: the call may have run or not.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>(`${TypeId}/OutcomeUnknown`)(
  "OutcomeUnknown",
  {}
) {
  override get message() {
    return "The actor stopped before it replied: the call may have run or not. Look before you call again."
  }
}

/**
 * The actor could not be started from what is stored of it.
 *
 * **Details**
 *
 * The call never ran.
 *
 * @category errors
 * @since 0.1.0
 */
export class ActorUnavailable extends Schema.TaggedError<ActorUnavailable>(`${TypeId}/ActorUnavailable`)(
  "ActorUnavailable",
  {
    /** The actor, as `type/key`. */
    actor: Schema.String,
    /** What happened, and what can be done about it. */
    explanation: Schema.String
  }
) {
  override get message() {
    return `The call never ran, since ${this.actor} could not be started: ${this.explanation}`
  }
}

/**
 * Failure of a call to an internal RPC, beside the errors of the RPC itself; match on `reason` to tell the cases apart.
 *
 * @category errors
 * @since 0.1.0
 */
export class CallError extends Schema.TaggedError<CallError>(TypeId)("CallError", {
  reason: Schema.Union([CallCycle, HostClosed, OutcomeUnknown, ActorUnavailable])
}) {
  override get message() {
    return this.reason.message
  }
}
