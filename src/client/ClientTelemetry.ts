/**
 * How a client is seen from outside: its dials and calls as counts, times and spans.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import { isConnectionError } from "../ConnectionError.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { Observe } from "./Observing.ts"

/**
 * How a call ended for its caller.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "success" | "failure" | "defect" | "interrupted" | "refused" | "unknown"

/**
 * What a client counts.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientMetrics {
  readonly dialled: (outcome: "connected" | "rejected" | "failed") => void
  readonly resumed: (result: "exact" | "recovered" | "lost") => void
  readonly gap: (cause: string) => void
  /** A call ended; `roundTrip` is `undefined` where it was never sent. Both in seconds. */
  readonly called: (outcome: Outcome, duration: number, roundTrip: number | undefined) => void
  /** Counts what the client is and holds, while the scope is open. */
  readonly observe: (levels: {
    readonly status: () => string
    readonly queued: () => number
    readonly replaySize: () => number
  }) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * Makes what the clients of an actor count, where somebody counts. The code of metrics comes with the one who provides it.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentMetrics = Context.Reference<
  ((actor: string, context: Context.Context<never>) => ClientMetrics) | undefined
>("effect-tether/client/ClientTelemetry/CurrentMetrics", { defaultValue: () => undefined })

interface ObservedCall {
  readonly calledAt: bigint
  sentAt: bigint | undefined
  readonly span: Tracer.Span | undefined
}

/**
 * Notes what happens to one client.
 *
 * @category models
 * @since 0.1.0
 */
export class ClientTelemetry {
  readonly metrics: ClientMetrics | undefined
  private readonly actor: string
  private readonly key: string
  private readonly context: Context.Context<never>
  private readonly clock: Clock.Clock
  /** The calls that somebody watches; none where nobody does. */
  private readonly calls = new Map<number, ObservedCall>()
  private isDialling = false
  /** The span of the last dial. */
  private dial: Tracer.Span | undefined

  constructor(actor: string, key: string, context: Context.Context<never>) {
    this.actor = actor
    this.key = key
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.metrics = Context.get(context, CurrentMetrics)?.(actor, context)
  }

  /** Watches a call, if anybody does, in the context of its caller; `send` is given the trace that goes with it. */
  begin<A, E>(
    call: { readonly id: unknown; readonly tag: string },
    caller: Context.Context<never>,
    send: (trace: string | undefined) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> {
    const isTracing = Tracing.isOn(caller)
    if (!isTracing && this.metrics === undefined) return send(undefined)
    const id = call.id as number
    const calledAt = this.clock.monotonicTimeNanosUnsafe()
    const watch = (span: Tracer.Span | undefined) => {
      this.calls.set(id, { calledAt, sentAt: undefined, span })
      // Once it is sent or in the queue, its end is told by others.
      return Effect.onExit(
        Effect.suspend(() => send(span === undefined ? undefined : Tracing.encode(span))),
        (exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => this.ended(id, exit))
      )
    }
    if (!isTracing) return watch(undefined)
    const attributes = Tracing.rpcAttributes(this.actor, this.key, call.tag)
    return Effect.flatMap(
      Effect.makeSpan(`${this.actor}/${call.tag}`, { kind: "client", attributes }),
      watch
    )
  }

  /** A call has left the queue. */
  sent(id: number): void {
    const call = this.calls.get(id)
    if (call === undefined) return
    call.sentAt = this.clock.monotonicTimeNanosUnsafe()
    if (call.span === undefined) return
    call.span.attribute("tether.queue.duration", toSeconds(call.sentAt - call.calledAt))
    call.span.event("tether.sent", this.clock.currentTimeNanosUnsafe())
    this.linkToDial(call.span)
  }

  /** A call has ended for its caller; the first end counts. */
  ended(id: number, exit: Exit.Exit<unknown, unknown>): void {
    const call = this.calls.get(id)
    if (call === undefined) return
    this.calls.delete(id)
    const outcome = toOutcome(exit)
    const now = this.clock.monotonicTimeNanosUnsafe()
    this.metrics?.called(
      outcome,
      toSeconds(now - call.calledAt),
      call.sentAt === undefined ? undefined : toSeconds(now - call.sentAt)
    )
    if (call.span === undefined) return
    call.span.attribute("tether.outcome", outcome)
    call.span.end(this.clock.currentTimeNanosUnsafe(), exit)
  }

  /** A dial begins. */
  dialling(attempt: number): Effect.Effect<void> {
    this.isDialling = true
    if (!Tracing.isOn(this.context)) return Effect.void
    const previous = this.dial
    return Effect.map(
      Tracing.start(this.context, `${this.actor}/connect`, {
        kind: "client",
        root: true,
        attributes: { "tether.actor": this.actor, "tether.key": this.key, "tether.attempt": attempt },
        links: previous === undefined ? [] : [{ span: previous, attributes: {} }]
      }),
      (span) => {
        this.dial = span
      }
    )
  }

  /** What the `hello` says of the dial. */
  get trace(): { readonly trace?: string } {
    return this.dial === undefined ? {} : { trace: Tracing.encode(this.dial) }
  }

  /** The dial has led to a connection: the earlier one, in a new epoch perhaps, or another. */
  welcomed(connection: string, result: "fresh" | "exact" | "recovered" | "lost"): void {
    this.isDialling = false
    this.metrics?.dialled("connected")
    if (result !== "fresh") this.metrics?.resumed(result)
    this.dial?.attribute("tether.connection", connection)
    this.dial?.attribute("tether.result", result)
    this.dial?.end(this.clock.currentTimeNanosUnsafe(), Exit.void)
    if (result !== "exact") return
    for (const call of this.calls.values()) {
      if (call.sentAt !== undefined && call.span !== undefined) this.linkToDial(call.span)
    }
  }

  /** The dial has led to nothing; does nothing after `welcomed`. */
  failed(outcome: "rejected" | "failed", exit: Exit.Exit<unknown, unknown>): void {
    if (!this.isDialling) return
    this.isDialling = false
    this.metrics?.dialled(outcome)
    this.dial?.end(this.clock.currentTimeNanosUnsafe(), exit)
  }

  private linkToDial(span: Tracer.Span): void {
    if (this.dial !== undefined) span.addLinks([{ span: this.dial, attributes: {} }])
  }
}

/**
 * Watches a client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Observe = (actor, key, context) => new ClientTelemetry(actor, key, context)

const toOutcome = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  if (Cause.hasDies(exit.cause)) return "defect"
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return "interrupted"
  if (!isConnectionError(failure.error)) return "failure"
  return byExecuted[failure.error.executed]
}

const byExecuted = { no: "refused", maybe: "unknown", yes: "failure" } as const

const toSeconds = (nanos: bigint): number => Number(nanos) / 1e9
