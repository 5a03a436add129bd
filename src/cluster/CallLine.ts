/**
 * The line from this node to one actor for the calls of server code and of
 * other actors.
 *
 * **Details**
 *
 * It opens a tunnel when there is something to call and another one when that is
 * lost. A call waits in the line until it is sent, which is once: where the tunnel
 * is lost after that, its outcome is unknown.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { CallError, HostClosed, OutcomeUnknown } from "../CallError.ts"
import * as CallMessage from "./CallMessage.ts"
import * as Tunnel from "./Tunnel.ts"
import type { EntityClient } from "./TunnelRpcs.ts"

/** What waits to be sent; a caller waits for room. */
const capacity = 1_024

/** How long a lost tunnel is mourned before the next one is opened. */
const reopenDelay = "100 millis"

/**
 * What the line does with the answers to a call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Caller {
  readonly onAnswer: (answer: CallMessage.Answered) => Effect.Effect<void>
  /** The call fails, and no answer will come. */
  readonly onLost: (error: CallError) => Effect.Effect<void>
}

/**
 * A line to an actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallLine {
  /** Puts an encoded call into the line; waits while the line is full. */
  readonly call: (id: number, frame: string, caller: Caller) => Effect.Effect<void>
  /** Takes a call that was not sent out of the line; one that was is interrupted. */
  readonly interrupt: (id: number) => Effect.Effect<void>
  /** Says something about a call after it; without effect once it is settled. */
  readonly tell: (frame: CallMessage.Asked) => Effect.Effect<void>
}

interface Call extends Caller {
  isSent: boolean
}

interface Waiting {
  readonly tag: CallMessage.Asked[0]
  readonly id: number
  readonly text: string
}

const toWaiting = (frame: CallMessage.Asked): Waiting => ({
  tag: frame[0],
  id: frame[1],
  text: CallMessage.encodeAsked(frame)
})

/**
 * Makes a line that is there while the scope is open. What is in it when the
 * scope closes fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (entity: EntityClient, options: {
  readonly timing: Tunnel.TunnelTiming
  /** Largest message, in UTF-16 code units. */
  readonly maxLength: number
}) => Effect.Effect<CallLine, never, Scope.Scope> = Effect.fnUntraced(function*(entity, options) {
  const calls = new Map<number, Call>()
  const waiting = yield* Queue.bounded<Waiting>(capacity)

  const settle = (isLost: (call: Call) => boolean) =>
    Effect.suspend(() => {
      const lost = Array.from(calls).filter(([, call]) => isLost(call))
      for (const [id] of lost) calls.delete(id)
      return Effect.forEach(lost, ([, { isSent, onLost }]) =>
        onLost(new CallError({ reason: isSent ? new OutcomeUnknown() : new HostClosed() })), { discard: true })
    })
  const onAnswer = (answer: CallMessage.Answered) =>
    Effect.suspend(() => {
      const call = calls.get(answer[1])
      if (answer[0] !== "chunk") calls.delete(answer[1])
      return call?.onAnswer(answer) ?? Effect.void
    })
  /** What is about to be sent: a call is, from here on; of the rest only what concerns one that was. */
  const toSend = (frames: ReadonlyArray<Waiting>) =>
    frames.filter(({ id, tag }) => {
      const call = calls.get(id)
      if (tag !== "call") return tag === "interrupt" || call?.isSent === true
      if (call !== undefined) call.isSent = true
      return call !== undefined
    })

  const up = (tunnel: Tunnel.Tunnel) =>
    Effect.forever(Effect.flatMap(Queue.takeAll(waiting), (frames) => {
      const parts = toSend(frames).map(({ text }) => text)
      return Effect.forEach(
        CallMessage.toMessages(parts, options.maxLength),
        (message) => tunnel.push([message]),
        { discard: true }
      )
    }))
  const down = (tunnel: Tunnel.Tunnel) =>
    Effect.forever(
      tunnel.pull.pipe(
        Effect.flatMap(CallMessage.decodeAnswered),
        Effect.flatMap((answers) => Effect.forEach(answers, onAnswer, { discard: true }))
      )
    )
  const attend = Tunnel.open(entity, { use: "Calls", headers: {}, timing: options.timing }).pipe(
    Effect.flatMap((tunnel) => Effect.raceAllFirst([up(tunnel), down(tunnel), tunnel.lost])),
    Effect.scoped,
    Effect.catch((error) => Effect.logDebug(`a line to an actor is lost: ${error._tag}`))
  )

  yield* Effect.addFinalizer(() => settle(() => true))
  yield* Queue.peek(waiting).pipe(
    Effect.andThen(attend),
    Effect.andThen(settle(({ isSent }) => isSent)),
    Effect.andThen(Effect.sleep(reopenDelay)),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    call: (id, text, caller) =>
      Effect.suspend(() => {
        calls.set(id, { ...caller, isSent: false })
        return Effect.asVoid(Queue.offer(waiting, { tag: "call", id, text }))
      }),
    interrupt: (id) =>
      Effect.suspend(() => {
        const call = calls.get(id)
        calls.delete(id)
        return call?.isSent === true ? Effect.asVoid(Queue.offer(waiting, toWaiting(["interrupt", id]))) : Effect.void
      }),
    tell: (frame) =>
      Effect.suspend(() => calls.has(frame[1]) ? Effect.asVoid(Queue.offer(waiting, toWaiting(frame))) : Effect.void)
  }
})
