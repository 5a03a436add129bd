/**
 * How one actor instance is seen from outside: its calls as counts, times and spans.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { AnyActor } from "../internal/definition.ts"
import type * as Frame from "../session/Frame.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { ConnectionTable } from "./ConnectionTable.ts"
import type { ServerCall } from "./ServerCall.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * Notes what happens in an actor instance.
 *
 * @category models
 * @since 0.1.0
 */
export class ActorTelemetry {
  readonly metrics: ServerMetrics.ActorMetrics
  protected readonly actor: string
  protected readonly key: string
  private readonly clock: Clock.Clock
  private readonly context: Context.Context<never>
  protected readonly isTracing: boolean

  constructor(actor: AnyActor, key: string, context: Context.Context<never>) {
    this.actor = actor.type
    this.key = key
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.isTracing = Tracing.isOn(context)
    this.metrics = ServerMetrics.ofActor(actor.type, context)
  }

  /** Monotonic nanoseconds. */
  now(): bigint {
    return this.clock.monotonicTimeNanosUnsafe()
  }

  /** Milliseconds since 1970. */
  wallClock(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  /** Counts the connections of the instance, and the instance itself, while the scope is open. */
  observe(table: ConnectionTable): Effect.Effect<void, never, Scope.Scope> {
    const { actors, connectedNow, journal, replaySize, suspendedNow } = this.metrics
    const sum =
      (value: (connection: ServerConnection) => number, of: () => Iterable<ServerConnection> = table.listed) => () => {
        let sum = 0
        for (const connection of of()) sum += value(connection)
        return sum
      }
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => [
        actors.add(() => 1),
        connectedNow.add(sum(({ status }) => status === "Connected" ? 1 : 0)),
        suspendedNow.add(sum(({ status }) => status === "Suspended" ? 1 : 0)),
        replaySize.add(sum(({ session }) => session.state.keptLength, table.all)),
        journal.add(sum(({ record }) => record?.journalSize ?? 0, table.all))
      ]),
      (removals) => Effect.sync(() => removals.forEach((remove) => remove()))
    ))
  }

  /** A connection was opened. */
  opened(): void {
    this.metrics.connected()
  }

  /** A connection has ended. */
  closed(reason: string): void {
    this.metrics.disconnected(reason)
  }

  /** A client did not get in; `rejection` is the encoded error of the actor. */
  rejected(reason: string, rejection?: unknown): void {
    this.metrics.rejected(reason, rejection)
  }

  /** A client that came to resume got a fresh connection. */
  replaced(): void {
    this.metrics.resumed("lost")
  }

  /** Runs the work of a call in a span of its own, below the one that the client names. */
  traceCall(
    connection: ServerConnection,
    call: ServerCall,
    trace: string | undefined,
    effect: Effect.Effect<void>
  ): Effect.Effect<void> {
    if (!this.isTracing) return effect
    return this.traceAs("server", call, trace, { "tether.connection": connection.id }, effect)
  }

  /** Runs an admission in a span of its own, below that of the client's dial. */
  traceAdmission(hello: Frame.Hello, effect: Effect.Effect<void>): Effect.Effect<void> {
    if (!this.isTracing) return effect
    const attributes = { "tether.actor": this.actor, "tether.key": this.key, "tether.attach": hello.attach }
    return Effect.flatMap(this.start("connect", hello.trace, attributes), (span) =>
      effect.pipe(
        Effect.provideService(Tracer.ParentSpan, span),
        Effect.onExit((exit) => Effect.sync(() => this.end(span, exit)))
      ))
  }

  /** The turn of a call has come. */
  started(call: ServerCall): void {
    call.startedAt = this.now()
    if (call.span === undefined) return
    call.span.attribute("tether.queue.duration", toSeconds(call.startedAt - call.takenAt))
    call.span.event("tether.started", this.clock.currentTimeNanosUnsafe())
  }

  /** A call has an outcome; the first one counts. */
  settled(call: ServerCall, exit: Exit.Exit<unknown, unknown>, outcome = toOutcome(exit)): void {
    if (call.isCounted) return
    call.isCounted = true
    this.count(outcome, call)
    if (call.span === undefined) return
    call.span.attribute("tether.outcome", outcome)
    this.end(call.span, exit)
  }

  /** A call was answered without its handler. */
  refused(call: ServerCall | undefined, cause: Frame.Refusal): void {
    const outcome = cause === "ReplyTooLarge" ? "failure" : cause === "Interrupted" ? "interrupted" : "refused"
    if (call === undefined) this.count(outcome, undefined)
    else this.settled(call, Exit.fail(cause), outcome)
  }

  /** A session goes on, in a new epoch perhaps: the spans of the calls that run are linked to the new attach. */
  resumed(connection: ServerConnection, isContinued: boolean): Effect.Effect<void> {
    this.metrics.resumed(isContinued ? "exact" : "recovered")
    if (!this.isTracing) return Effect.void
    return Effect.map(Effect.serviceOption(Tracer.ParentSpan), (span) => {
      if (span._tag === "None") return
      for (const call of connection.calls.values()) call.span?.addLinks([{ span: span.value, attributes: {} }])
    })
  }

  /** Counts the outcome of a call, and of one that was taken in the time that it took. */
  protected count(outcome: ServerMetrics.Outcome, call: ServerCall | undefined): void {
    this.metrics.call(outcome)
    if (call?.startedAt === undefined) return
    const now = this.now()
    this.metrics.callDuration.record(toSeconds(now - call.takenAt))
    this.metrics.handlerDuration.record(toSeconds(now - call.startedAt))
  }

  protected traceAs(
    kind: "server" | "internal",
    call: ServerCall,
    trace: string | undefined,
    more: Record<string, unknown>,
    effect: Effect.Effect<void>
  ): Effect.Effect<void> {
    const attributes = { ...Tracing.rpcAttributes(this.actor, this.key, call.rpc._tag), ...more }
    return Effect.flatMap(this.start(call.rpc._tag, trace, attributes, kind), (span) => {
      call.span = span
      return Effect.provideService(effect, Tracer.ParentSpan, span)
    })
  }

  private start(
    name: string,
    trace: string | undefined,
    attributes: Record<string, unknown>,
    kind: "server" | "internal" = "server"
  ) {
    const parent = Tracing.decode(trace)
    return Tracing.start(this.context, `${this.actor}/${name}`, {
      kind,
      attributes,
      ...(parent === undefined ? { root: true } : { parent })
    })
  }

  private end(span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void {
    span.end(this.clock.currentTimeNanosUnsafe(), exit)
  }
}

/**
 * What an exit counts as.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toOutcome = (exit: Exit.Exit<unknown, unknown>): ServerMetrics.Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  if (Cause.hasDies(exit.cause)) return "defect"
  return Cause.hasFails(exit.cause) ? "failure" : "interrupted"
}

const toSeconds = (nanos: bigint): number => Number(nanos) / 1e9
