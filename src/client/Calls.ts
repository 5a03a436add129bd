/**
 * The calls of a client: typed methods above, frames below, and in between
 * what was sent and is not answered.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ConnectionError, InvalidReply, NotExecuted, OutcomeUnknown } from "../ConnectionError.ts"
import type { DisconnectReason } from "../DisconnectReason.ts"
import type { AnyActor } from "../internal/definition.ts"
import { attempt, exitOf } from "../session/Attempt.ts"
import * as Frame from "../session/Frame.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import { type Call, isKept, isRepeatable, isUntouched } from "./Call.ts"
import type { Caller, Follow } from "./Caller.ts"
import * as CallFrame from "./CallFrame.ts"
import { CallQueue } from "./CallQueue.ts"
import type { ClientTelemetry } from "./ClientTelemetry.ts"
import * as Methods from "./Methods.ts"
import { Outbox } from "./Outbox.ts"

type Failure = ConnectionError<unknown>

/**
 * The way out of a client: where frames go while it is attached.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uplink {
  /** The limits of the server; `undefined` before the first welcome. */
  readonly limits: () => Frame.Limits | undefined
  /** Whether a call may be sent now. */
  readonly hasRoom: () => boolean
  /** Counts a frame as sent and returns its number in the session. */
  readonly send: (frame: string) => number
}

interface Options {
  readonly context: Context.Context<never>
  readonly capacity: number
  readonly onFull: "suspend" | "fail"
  readonly uplink: Uplink
  readonly telemetry: ClientTelemetry | undefined
  readonly escort?: Caller["escort"]
}

/**
 * Makes the calls of a client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  actor: AnyActor,
  options: Options
): Effect.fn.Return<Calls, never, Scope.Scope> {
  const calls = new Calls(options, yield* Effect.scope)
  calls.rpc = yield* Methods.make(actor, calls)
  return calls
})

/**
 * The calls of a client.
 *
 * **Details**
 *
 * A call goes from the queue to those that were sent in one step: wherever its fiber or that of the socket is
 * interrupted, it is in one or the other.
 *
 * @category models
 * @since 0.1.0
 */
export class Calls implements Caller {
  /** The typed methods. */
  rpc: unknown
  readonly context: Context.Context<never>
  readonly telemetry: ClientTelemetry | undefined
  readonly escort: Caller["escort"]
  private readonly uplink: Uplink
  private readonly scope: Scope.Scope
  private readonly outbox: Outbox<Call>
  private readonly sent = new Map<number, Call>()
  /** Calls of a session that is gone that may be sent again: the first to leave on the next one. */
  private readonly again = new CallQueue<Call>()
  private readonly observers = new Set<() => void>()

  constructor(options: Options, scope: Scope.Scope) {
    this.context = options.context
    this.telemetry = options.telemetry
    this.escort = options.escort
    this.uplink = options.uplink
    this.scope = scope
    this.outbox = new Outbox(options)
  }

  readonly queued = (): number => this.outbox.size + this.again.size

  /** Calls the listener when `queued` may have changed; returns what ends that. */
  onQueued(listener: () => void): () => void {
    this.observers.add(listener)
    return () => this.observers.delete(listener)
  }

  /** Whether every call is settled. */
  get isIdle(): boolean {
    return this.queued() + this.sent.size === 0
  }

  begin(call: Call, follow: Follow | undefined): void {
    follow?.(call)
    const tooLarge = CallFrame.checkSize(call.frame, this.uplink.limits())
    if (tooLarge !== undefined) return this.fail(call, tooLarge)
    const refused = this.outbox.offer(call)
    if (refused !== undefined) return this.settle(call, Exit.fail(refused))
    this.drain()
  }

  tell(call: Call, news: string): void {
    if (this.sent.has(call.id)) this.uplink.send(news)
  }

  interrupt(id: number): void {
    this.telemetry?.ended(id, Exit.interrupt())
    const call = this.sent.get(id)
    if (this.outbox.remove(id) || this.again.remove(id)) this.queuedChanged()
    else if (call !== undefined) this.abandon(call)
  }

  giveUp(call: Call, exit: Exit.Exit<unknown, unknown>): void {
    this.telemetry?.ended(call.id, exit)
    this.abandon(call)
  }

  taken(id: number): void {
    if (this.sent.has(id)) this.uplink.send(Frame.encode(["chunk-ack", id]))
  }

  /** Sends what waits, as far as there is room. */
  drain(): void {
    const { uplink } = this
    const limits = uplink.limits()
    while (this.queued() > 0 && uplink.hasRoom() && this.sent.size < (limits?.callsInFlight ?? 0)) {
      const call = this.again.take() ?? this.outbox.take()
      // The limits of this session may be others than those of the one in which the call was made.
      const tooLarge = CallFrame.checkSize(call!.frame, limits)
      if (tooLarge === undefined) this.send(call!)
      else this.fail(call!, tooLarge)
    }
    this.queuedChanged()
  }

  /** Acts on a frame. */
  onFrame(
    frame: Extract<Frame.ServerFrame, readonly ["reply" | "refused" | "chunk", ...ReadonlyArray<any>]>
  ): Effect.Effect<never, ProtocolViolation> | undefined {
    const call = this.sent.get(frame[1])
    if (call === undefined) return undefined
    if (frame[0] === "chunk") return this.onChunk(call, frame[2])
    if (frame[0] === "reply") this.onReply(call, frame[2])
    else this.fail(call, CallFrame.toReason(frame[2], frame[3]))
    this.drain()
    return undefined
  }

  /**
   * The session is gone. Of the calls that were sent, those that may be are sent again on the next one: idempotent ones,
   * and those that the server says it never took in. The others settle.
   */
  sessionLost(cause: DisconnectReason | undefined, taken: number | undefined): void {
    this.repeat(cause, taken, false)
  }

  /**
   * The connection goes on in a new epoch of a durable actor: calls are sent again under their ids. Streams, and calls
   * whose result nobody wants, settle.
   */
  recovered(): void {
    this.repeat(undefined, undefined, true)
  }

  /** The ids of the calls that would be sent again to a durable actor. */
  readonly unanswered = (): ReadonlyArray<number> =>
    [...this.sent.values(), ...this.again.all].filter(isKept).map(({ id }) => id)

  /** Settles all calls, now and later: those never sent with `error`. */
  close(error: Failure, cause: DisconnectReason, taken: number | undefined): void {
    for (const call of this.outbox.close(error)) this.settle(call, Exit.fail(error))
    this.settleSent([...this.again.takeAll(), ...this.sent.values()], cause, taken)
  }

  private send(call: Call): void {
    this.sent.set(call.id, call)
    call.sequence = this.uplink.send(call.frame)
    this.telemetry?.sent(call.id)
  }

  private abandon(call: Call): void {
    call.abandoned = true
    call.chunks?.drop()
    this.uplink.send(Frame.encode(["interrupt", call.id]))
  }

  /** Who made the call goes on within this. */
  private settle(call: Call, exit: Exit.Exit<unknown, unknown>): void {
    this.sent.delete(call.id)
    this.telemetry?.ended(call.id, exit)
    if (!call.abandoned) call.onExit(exit)
  }

  private fail(call: Call, reason: Failure["reason"]): void {
    // That it does not run this time says nothing of the time before.
    const known = call.mayHaveRun && reason._tag === "NotExecuted" ? new OutcomeUnknown({ cause: undefined }) : reason
    this.settle(call, Exit.fail(new ConnectionError({ reason: known })))
  }

  /** A reply that does not decode at once does so beside the reader of the socket, which waits for nobody. */
  private onReply(call: Call, encoded: unknown): void {
    const { decodeDiscardedExit, decodeExit } = RpcCodec.of(call.rpc)
    const decoded = attempt(() => call.discard ? decodeDiscardedExit(encoded) : decodeExit(encoded))
    const exit = exitOf(decoded)
    if (exit !== undefined) return this.onDecoded(call, exit)
    const fiber = Fiber.runIn(Effect.runForkWith(this.context)(decoded), this.scope)
    fiber.addObserver((exit) => this.onDecoded(call, exit))
  }

  private onDecoded(call: Call, decoded: Exit.Exit<Exit.Exit<unknown, unknown>, Schema.SchemaError>): void {
    if (Exit.isSuccess(decoded)) return this.settle(call, decoded.value)
    const failure = decoded.cause.reasons.find(Cause.isFailReason)
    if (failure !== undefined) this.fail(call, new InvalidReply({ message: failure.error.message }))
    else if (Cause.hasDies(decoded.cause)) this.fail(call, CallFrame.died(decoded.cause))
  }

  private onChunk(call: Call, values: ReadonlyArray<unknown>): Effect.Effect<never, ProtocolViolation> | undefined {
    if (call.abandoned || call.chunks === undefined) return undefined
    if (call.chunks.size() > (this.uplink.limits()?.streamWindow ?? 0)) {
      return Effect.fail(new ProtocolViolation({ message: "the server sent more chunks than the window allows" }))
    }
    call.chunks.offer(values)
    return undefined
  }

  private settleSent(
    calls: ReadonlyArray<Call>,
    cause: DisconnectReason | undefined,
    taken: number | undefined
  ): void {
    for (const call of calls) {
      this.fail(call, isUntouched(call, taken) ? untouched : new OutcomeUnknown({ cause }))
    }
  }

  private repeat(cause: DisconnectReason | undefined, taken: number | undefined, recovered: boolean): void {
    const repeated = Array.from(this.sent.values()).filter((call) => isRepeatable(call, taken, recovered))
    const waiting = this.again.takeAll()
    for (const call of repeated) {
      if (!isUntouched(call, taken)) call.mayHaveRun = true
      call.sequence = 0
    }
    for (const call of [...repeated, ...waiting]) {
      this.sent.delete(call.id)
      this.again.add(call)
    }
    this.queuedChanged()
    this.settleSent(Array.from(this.sent.values()), cause, taken)
  }

  private queuedChanged(): void {
    for (const observer of this.observers) observer()
  }
}

const untouched = new NotExecuted({
  cause: "ConnectionEnded",
  message: "the connection ended before the server took the call in"
})
