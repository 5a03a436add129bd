/**
 * The calls of a client, written from docs/PROTOCOL.md alone: what waits, what was sent, and what becomes of it.
 *
 * @since 0.1.0
 */
import { byteLength, type Frame, type MinimalSession } from "./MinimalSession.ts"

/**
 * How a call fails that has no reply: whether it ran, and why.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unanswered extends Error {
  readonly ran: "no" | "maybe" | "yes"
  constructor(ran: "no" | "maybe" | "yes", why: string) {
    super(why)
    this.ran = ran
  }
}

interface Call {
  readonly id: number
  readonly frame: string
  /** The number of its data frame in the session; `undefined` while it was never sent. */
  number: number | undefined
  /** Only for streams. */
  readonly onValues: ((values: ReadonlyArray<unknown>) => void) | undefined
  readonly resolve: (exit: any) => void
  readonly reject: (error: Unanswered) => void
}

/**
 * Calls by id, in the order in which they were made.
 *
 * @category models
 * @since 0.1.0
 */
export class MinimalCalls {
  private readonly calls = new Map<number, Call>()
  private nextId = 0

  /** Adds a call that waits to be sent. */
  add(rpc: string, payload: unknown, onValues: Call["onValues"]) {
    const id = this.nextId++
    const answer = new Promise<any>((resolve, reject) => {
      const frame = JSON.stringify(["call", id, rpc, payload])
      this.calls.set(id, { id, frame, number: undefined, onValues, resolve, reject })
    })
    return { id, answer }
  }

  /** Sends what waits, as far as the server's limits allow. */
  drain(session: MinimalSession, send: (frame: string) => number): void {
    let inFlight = Array.from(this.calls.values()).filter(({ number }) => number !== undefined).length
    for (const call of this.calls.values()) {
      if (call.number !== undefined) continue
      if (inFlight >= session.limits.callsInFlight || !session.hasRoom) return
      if (byteLength(call.frame) > session.limits.frameBytes) {
        this.fail(call, "no", "FrameTooLarge")
      } else {
        inFlight++
        call.number = send(call.frame)
      }
    }
  }

  /** Whether the server must be told: a call that was never sent is only taken out. */
  interrupt(id: number): boolean {
    const call = this.calls.get(id)
    if (call?.number !== undefined) return true
    if (call !== undefined) this.fail(call, "no", "Interrupted")
    return false
  }

  /** Takes in a `reply`, a `refused` or a `chunk`. */
  onFrame([name, id, content, text]: Frame): void {
    const call = this.calls.get(id)
    if (call === undefined) return
    if (name === "chunk") return call.onValues?.(content)
    if (name === "refused") return this.fail(call, ranOf(content), `${content} ${text}`)
    this.calls.delete(id)
    call.resolve(content)
  }

  /** The calls that a durable actor is sent again. */
  get unanswered(): ReadonlyArray<number> {
    return Array.from(this.calls.values()).filter((call) => isRepeatable(call)).map(({ id }) => id)
  }

  /** The connection goes on in another epoch: what can be sent again is. */
  recovered(): void {
    for (const call of this.calls.values()) {
      if (call.number === undefined) continue
      if (isRepeatable(call)) call.number = undefined
      else this.fail(call, "maybe", "the actor has started again")
    }
  }

  /** Of those that were sent, the ones above `taken` never ran; whether the others ran, nobody knows. */
  sessionLost(taken: number | undefined): void {
    for (const call of this.calls.values()) {
      if (call.number === undefined) continue
      if (taken !== undefined && call.number > taken) call.number = undefined
      else this.fail(call, "maybe", "the session was lost")
    }
  }

  /** Nothing is sent any more. */
  close(why: string): void {
    for (const call of this.calls.values()) this.fail(call, "no", why)
  }

  private fail(call: Call, ran: Unanswered["ran"], why: string): void {
    this.calls.delete(call.id)
    call.reject(new Unanswered(ran, why))
  }
}

const isRepeatable = ({ number, onValues }: Call) => number !== undefined && onValues === undefined

const ranOf = (refusal: string): Unanswered["ran"] =>
  refusal === "ReplyTooLarge" ? "yes" : refusal === "OutcomeUnknown" ? "maybe" : "no"
