/**
 * Spans where a tracer is installed, and their way over the wire. Where none is, nothing is made and nothing is sent.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

/**
 * Whether somebody looks at spans: a tracer other than Effect's own, which only keeps them in memory.
 *
 * @category guards
 * @since 0.1.0
 */
export const isOn = (context: Context.Context<never>): boolean =>
  Context.get(context, Tracer.Tracer) !== Tracer.nativeTracer && Context.get(context, References.TracerEnabled)

/**
 * Starts a span in a context; whoever starts it ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  context: Context.Context<never>,
  name: string,
  options: Tracer.SpanOptionsNoTrace
): Effect.Effect<Tracer.Span> => Effect.provideContext(Effect.makeSpan(name, options), context)

/**
 * Starts a span below that of the current fiber, if somebody looks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startCurrent = (
  name: string,
  options: Tracer.SpanOptionsNoTrace
): Effect.Effect<Tracer.Span | undefined> =>
  Effect.withFiber((fiber): Effect.Effect<Tracer.Span | undefined> =>
    isOn(fiber.context) ? Effect.makeSpan(name, options) : Effect.undefined
  )

/**
 * Ends a span, if there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (span: Tracer.Span | undefined, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  span === undefined ? Effect.void : Effect.map(Clock.currentTimeNanos, (now) => span.end(now, exit))

/**
 * A context in which what is done belongs to a span, if there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const under = (span: Tracer.Span | undefined, context: Context.Context<never>): Context.Context<never> =>
  span === undefined ? context : Context.add(context, Tracer.ParentSpan, span)

/**
 * The attributes of a span about an RPC, named as OpenTelemetry does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rpcAttributes = (actor: string, key: string, rpc: string): Record<string, unknown> => ({
  "rpc.system.name": "tether",
  "rpc.method": `${actor}/${rpc}`,
  "tether.actor": actor,
  "tether.key": key
})

/**
 * A span as it travels: the `traceparent` of the W3C, version 00.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (span: Tracer.AnySpan): string =>
  `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/**
 * The span that a peer names; `undefined` if it names none or not by the rules, which harms nobody.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (trace: string | undefined): Tracer.ExternalSpan | undefined => {
  const match = trace === undefined || trace.length > maxLength ? null : pattern.exec(trace)
  if (match === null) return undefined
  const [, traceId = "", spanId = "", flags = ""] = match
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return Tracer.externalSpan({ traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 })
}

const maxLength = 55

/**
 * The span of the current fiber as it travels, if somebody looks.
 *
 * @category encoding
 * @since 0.1.0
 */
export const current: Effect.Effect<string | undefined> = Effect.withFiber((fiber) => {
  if (!isOn(fiber.context)) return Effect.undefined
  const span = Context.getOption(fiber.context, Tracer.ParentSpan)
  return Effect.succeed(span._tag === "None" ? undefined : encode(span.value))
})
