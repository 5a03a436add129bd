/**
 * The metrics of hosts and clients, by their OpenTelemetry names.
 *
 * A host always counts; clients do where `ActorClient.layerMetrics` is provided. What is counted is found in the
 * `MetricRegistry` of the context, as all metrics of Effect are: show it with `PrometheusMetrics` or `OtlpMetrics` of
 * `effect/observability`, or read a single value by `Metric.value`. Writing to these metrics does nothing.
 *
 * No attribute ever holds a key, an id or anything else that a client has sent.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as StorageMetrics from "./storage/StorageMetrics.ts"

/**
 * Upper bounds of the buckets of all durations, in seconds: from a handler that reads memory to a call that waits for a
 * network to come back.
 *
 * @category constants
 * @since 0.1.0
 */
export const durationBounds: ReadonlyArray<number> =
  // dprint-ignore
  [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * Upper bounds of the buckets of all sizes, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const sizeBounds: ReadonlyArray<number> =
  // dprint-ignore
  [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304]

const counter = (id: string, description: string) => Metric.counter(id, { description, incremental: true })

const gauge = (id: string, description: string) => Metric.gauge(id, { description })

const seconds = (id: string, description: string) =>
  Metric.histogram(id, { description, boundaries: durationBounds, attributes: { unit: "seconds" } })

/**
 * Connections that a host has now, by `actor` (the name of its contract) and `status`: `connected` or `suspended`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverConnections: Metric.Gauge<number> = gauge(
  "tether.server.connections",
  "Connections that a host has now"
)

/**
 * Actor instances that live now, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverActors: Metric.Gauge<number> = gauge("tether.server.actors", "Actor instances that live now")

/**
 * Sockets that were accepted and have not taken up a connection yet.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverHandshakes: Metric.Gauge<number> = gauge(
  "tether.server.handshakes",
  "Sockets that have not taken up a connection yet"
)

/**
 * Sockets of this node that lead to actors of a cluster, on any node, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverTunnels: Metric.Gauge<number> = gauge(
  "tether.server.tunnels",
  "Sockets of this node that lead to actors of a cluster"
)

/**
 * Sockets of this node whose actor could not be reached any more, so that their clients dialled again, by `actor`: it
 * moved, or its node crashed or hung.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverTunnelsLost: Metric.Counter<number> = counter(
  "tether.server.tunnels.lost",
  "Sockets of this node whose actor could not be reached any more"
)

/**
 * Clients that did not get in, by `reason` and, where it is known, `actor`.
 *
 * **Details**
 *
 * `reason` is the tag of a `DisconnectReason`, or `Rejected`, `HandshakeTimeout`, `TooManyHandshakes`. For `Rejected`,
 * `rejection` is the tag of the actor's own error: the first 16 different ones, then `other`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverRejections: Metric.Counter<number> = counter(
  "tether.server.rejections",
  "Clients that did not get in"
)

/**
 * Connections that were opened, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverConnects: Metric.Counter<number> = counter("tether.server.connects", "Connections that were opened")

/**
 * Clients that came back to their session, by `actor` and `result`: `exact` (it goes on without a gap), `recovered`
 * (the connection of a durable actor goes on in a new epoch) or `lost` (it was gone, and they got a fresh connection).
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverResumes: Metric.Counter<number> = counter(
  "tether.server.resumes",
  "Clients that came back to their session"
)

/**
 * Connections that ended, by `actor` and `reason`, the tag of the `DisconnectReason`. `SlowConsumer` are the clients that
 * did not keep up.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverDisconnects: Metric.Counter<number> = counter("tether.server.disconnects", "Connections that ended")

/**
 * Calls that were settled, by `actor`, `origin` (`client`, or `server` for internal RPCs) and `outcome`: `success`, `failure`
 * (a typed error), `defect`, `interrupted`, or `refused` (it never ran).
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCalls: Metric.Counter<number> = counter("tether.server.calls", "Calls that were settled")

/**
 * Seconds from the arrival of a client's call to its exit, the wait for its turn included, by `actor`. A stream lasts as
 * long as it runs.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCallDuration: Metric.Histogram<number> = seconds(
  "tether.server.call.duration",
  "From the arrival of a call to its exit, the wait for its turn included"
)

/**
 * Seconds from the start of a client's call to its exit, the wait for its turn left out, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverHandlerDuration: Metric.Histogram<number> = seconds(
  "tether.server.handler.duration",
  "From the start of a call's handler to its exit"
)

/**
 * Bytes that are kept for clients which have not acknowledged them, by `actor`; counted as UTF-16 code units.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverReplaySize: Metric.Gauge<number> = Metric.gauge("tether.server.replay.size", {
  description: "What is kept for clients that have not acknowledged it",
  attributes: { unit: "bytes" }
})

/**
 * Replies of durable actors that are stored until their clients have them, by `actor`. Their number is bounded by the calls
 * in flight of each connection and by those that its client has not acknowledged.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverJournal: Metric.Gauge<number> = gauge(
  "tether.server.journal",
  "Replies of durable actors that are stored until their clients have them"
)

/**
 * Commits of durable actors, by `actor` and `outcome`: `success` or `failure`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCommits: Metric.Counter<number> = counter("tether.server.commits", "Commits of durable actors")

/**
 * Bytes of a commit, by `actor`; counted as UTF-16 code units.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCommitSize: Metric.Histogram<number> = Metric.histogram("tether.server.commit.size", {
  description: "Size of a commit",
  boundaries: sizeBounds,
  attributes: { unit: "bytes" }
})

/**
 * Seconds that a commit took, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCommitDuration: Metric.Histogram<number> = seconds(
  "tether.server.commit.duration",
  "How long a commit took"
)

/**
 * Commits that were asked of a storage, by all actors that it serves.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const storageCommits: Metric.Counter<number> = StorageMetrics.commits

/**
 * Transactions that a storage made for them; the fewer, the better they were grouped.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const storageTransactions: Metric.Counter<number> = StorageMetrics.transactions

/**
 * Clients that a process holds now, by `actor` and `status`: `connecting`, `connected` or `waiting`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientConnections: Metric.Gauge<number> = gauge(
  "tether.client.connections",
  "Clients that a process holds now"
)

/**
 * Dials, by `actor` and `outcome`: `connected`, `rejected` (by a hook of the actor) or `failed`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientDials: Metric.Counter<number> = counter("tether.client.dials", "Dials")

/**
 * Returns after a drop, by `actor` and `result`: `exact` (the session goes on), `recovered` (the connection
 * goes on in a new epoch) or `lost` (a fresh connection).
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientResumes: Metric.Counter<number> = counter("tether.client.resumes", "Returns after a drop")

/**
 * Gaps that were announced, by `actor` and `cause`, as `ConnectionStatus.Gap` has it.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientGaps: Metric.Counter<number> = counter("tether.client.gaps", "Gaps that were announced")

/**
 * Calls that were settled, by `actor` and `outcome`: `success`, `failure` (a typed error), `defect`, `interrupted` (by the
 * caller), `refused` (it never ran), or `unknown` (it may have run).
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientCalls: Metric.Counter<number> = counter("tether.client.calls", "Calls that were settled")

/**
 * Seconds from a call to its exit as the caller sees it, the time in the queue included, by `actor`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientCallDuration: Metric.Histogram<number> = seconds(
  "tether.client.call.duration",
  "From a call to its exit, the time in the queue included"
)

/**
 * Seconds from the sending of a call to its exit, by `actor`: the time in the queue is left out.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientRoundTripDuration: Metric.Histogram<number> = seconds(
  "tether.client.roundtrip.duration",
  "From the sending of a call to its exit"
)

/**
 * Calls that wait in the queues of clients now, by `actor`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientQueued: Metric.Gauge<number> = gauge(
  "tether.client.queued",
  "Calls that wait in the queues of clients"
)

/**
 * Bytes that are kept until the server has acknowledged them, by `actor`; counted as UTF-16 code units.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientReplaySize: Metric.Gauge<number> = Metric.gauge("tether.client.replay.size", {
  description: "What is kept until the server has acknowledged it",
  attributes: { unit: "bytes" }
})

const all: ReadonlyArray<Metric.Metric<never, unknown>> = [
  serverConnections,
  serverActors,
  serverHandshakes,
  serverTunnels,
  serverTunnelsLost,
  serverRejections,
  serverConnects,
  serverResumes,
  serverDisconnects,
  serverCalls,
  serverCallDuration,
  serverHandlerDuration,
  serverReplaySize,
  serverJournal,
  serverCommits,
  serverCommitSize,
  serverCommitDuration,
  storageCommits,
  storageTransactions,
  clientConnections,
  clientDials,
  clientResumes,
  clientGaps,
  clientCalls,
  clientCallDuration,
  clientRoundTripDuration,
  clientQueued,
  clientReplaySize
]

/**
 * A mapper for `PrometheusMetrics`: gives the metrics of Tether the endings that Prometheus expects, `_seconds`, `_bytes`
 * and `_total`, and leaves all others as they are.
 *
 * **Example**
 *
 * ```ts
 * import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
 * import * as Metrics from "effect-tether/Metrics"
 *
 * export const MetricsRoute = PrometheusMetrics.layerHttp({ metricNameMapper: Metrics.toPrometheusName })
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const toPrometheusName = (name: string): string => {
  const metric = all.find(({ id }) => id === name)
  if (metric === undefined) return name
  const unit = metric.attributes?.unit
  return `${name}${unit === undefined ? "" : `_${unit}`}${metric.type === "Counter" ? "_total" : ""}`
}
