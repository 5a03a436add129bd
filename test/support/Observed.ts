/**
 * The rooms over a network in memory, with metrics of their own, a tracer that keeps its spans, and a logger that keeps
 * its lines.
 *
 * @since 0.1.0
 */
import { Cause, Context, Effect, Layer, Logger, Metric, References, Tracer } from "effect"
import { Socket } from "effect/socket"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as Hosts from "./Hosts.ts"
import * as Rooms from "./Rooms.ts"
import { settle } from "./settle.ts"
import { untilSimulated } from "./World.ts"

/**
 * A line of the log.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly level: string
  readonly text: string
  readonly cause: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/**
 * What was seen of an app.
 *
 * @category services
 * @since 0.1.0
 */
export class Observed extends Context.Service<Observed, {
  /** The spans, in the order in which they began. */
  readonly spans: Array<Tracer.NativeSpan>
  /** The lines of the log, oldest first. */
  readonly lines: Array<Line>
  /** The messages that clients have sent. */
  readonly received: Array<string>
}>()("effect-tether/test/Observed") {}

/**
 * What a test has at its hands.
 *
 * @category models
 * @since 0.1.0
 */
export type App = Observed | TestNetwork | Rooms.Backstage | ActorHost.ActorHost | ActorClient.ActorClient

/**
 * The app, seen from outside; without a tracer if told so.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: { readonly tracer: boolean; readonly host?: ActorHost.HostOptions }) =>
  Layer.unwrap(Effect.sync((): Layer.Layer<App> => {
    const observed: Observed["Service"] = { spans: [], lines: [], received: [] }
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        observed.spans.push(span)
        return span
      }
    })
    return Rooms.layer.pipe(
      Layer.provideMerge(TestNetwork.layer),
      Layer.provideMerge(
        Layer.effect(ActorHost.ActorHost, Effect.map(ActorHost.ActorHost, overhear(observed.received)))
      ),
      Layer.provide(Hosts.layerHost(options.host)),
      Layer.provideMerge([
        ActorClient.layerMetrics,
        Layer.succeed(Metric.MetricRegistry)(new Map()),
        Layer.succeed(Observed)(observed),
        Layer.succeed(References.MinimumLogLevel)("All"),
        Logger.layer([keepLines(observed.lines)]),
        options.tracer ? Layer.succeed(Tracer.Tracer)(tracer) : Layer.empty
      ])
    )
  }))

/** A host that notes what it reads from its sockets. */
const overhear =
  (received: Array<string>) => (host: ActorHost.ActorHost["Service"]): ActorHost.ActorHost["Service"] => ({
    ...host,
    accept: (socket, request) =>
      host.accept(
        Socket.make({
          writer: socket.writer,
          reader: Effect.map(socket.reader, (reader) => ({
            ...reader,
            pull: Effect.tap(reader.pull, (chunks) => Effect.sync(() => received.push(...chunks.map(String))))
          }))
        }),
        request
      )
  })

const keepLines = (lines: Array<Line>) =>
  Logger.make(({ cause, fiber, logLevel, message }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    // What the engine of a cluster says is its own.
    if (String(annotations.module).startsWith("effect/cluster")) return
    lines.push({
      level: logLevel,
      text: (Array.isArray(message) ? message : [message]).map(String).join(" "),
      cause: cause.reasons.length === 0 ? "" : Cause.pretty(cause),
      annotations
    })
  })

/**
 * The value of a metric with these attributes; `undefined` if it has no such series.
 *
 * @category getters
 * @since 0.1.0
 */
export const valueOf = <State>(
  metric: Metric.Metric<any, State>,
  attributes: Readonly<Record<string, string>>
): Effect.Effect<State | undefined> =>
  Effect.map(Metric.snapshot, (all) => {
    const wanted = { ...metric.attributes, ...attributes }
    const found = all.find((one) =>
      one.id === metric.id &&
      Object.keys(one.attributes ?? {}).length === Object.keys(wanted).length &&
      Object.entries(wanted).every(([name, value]) => one.attributes?.[name] === value)
    )
    return found?.state as State | undefined
  })

/** Waits until an effect is done, while the test clock goes on. */
export { settle, untilSimulated as until }
