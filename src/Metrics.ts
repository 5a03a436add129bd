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

/**
 * Connections that a host has now, by `actor` (the name of its contract) and `status`: `connected` or `suspended`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverConnections: Metric.Gauge<number> = Metric.gauge("tether.server.connections", {
  description: "Connections that a host has now"
})

/**
 * Actor instances that live now, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverActors: Metric.Gauge<number> = Metric.gauge("tether.server.actors", {
  description: "Actor instances that live now"
})

/**
 * Sockets that were accepted and have not taken up a connection yet.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverHandshakes: Metric.Gauge<number> = Metric.gauge("tether.server.handshakes", {
  description: "Sockets that have not taken up a connection yet"
})

/**
 * Sockets of this node that lead to actors of a cluster, on any node, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverTunnels: Metric.Gauge<number> = Metric.gauge("tether.server.tunnels", {
  description: "Sockets of this node that lead to actors of a cluster"
})

/**
 * Sockets of this node whose actor could not be reached any more, so that their clients dialled again, by `actor`: it
 * moved, or its node crashed or hung.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverTunnelsLost: Metric.Counter<number> = Metric.counter("tether.server.tunnels.lost", {
  description: "Sockets of this node whose actor could not be reached any more",
  incremental: true
})

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
export const serverRejections: Metric.Counter<number> = Metric.counter("tether.server.rejections", {
  description: "Clients that did not get in",
  incremental: true
})

/**
 * Connections that were opened, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverConnects: Metric.Counter<number> = Metric.counter("tether.server.connects", {
  description: "Connections that were opened",
  incremental: true
})

/**
 * Clients that came back to their session, by `actor` and `result`: `exact` (it goes on without a gap), `recovered`
 * (the connection of a durable actor goes on in a new epoch) or `lost` (it was gone, and they got a fresh connection).
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverResumes: Metric.Counter<number> = Metric.counter("tether.server.resumes", {
  description: "Clients that came back to their session",
  incremental: true
})

/**
 * Connections that ended, by `actor` and `reason`, the tag of the `DisconnectReason`. `SlowConsumer` are the clients that
 * did not keep up.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverDisconnects: Metric.Counter<number> = Metric.counter("tether.server.disconnects", {
  description: "Connections that ended",
  incremental: true
})

/**
 * Calls that were settled, by `actor`, `origin` (`client`, or `server` for internal RPCs) and `outcome`: `success`, `failure`
 * (a typed error), `defect`, `interrupted`, or `refused` (it never ran).
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCalls: Metric.Counter<number> = Metric.counter("tether.server.calls", {
  description: "Calls that were settled",
  incremental: true
})

/**
 * Seconds from the arrival of a client's call to its exit, the wait for its turn included, by `actor`. A stream lasts as
 * long as it runs.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverCallDuration: Metric.Histogram<number> = Metric.histogram("tether.server.call.duration", {
  description: "From the arrival of a call to its exit, the wait for its turn included",
  boundaries: durationBounds,
  attributes: { unit: "seconds" }
})

/**
 * Seconds from the start of a client's call to its exit, the wait for its turn left out, by `actor`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const serverHandlerDuration: Metric.Histogram<number> = Metric.histogram("tether.server.handler.duration", {
  description: "From the start of a call's handler to its exit",
  boundaries: durationBounds,
  attributes: { unit: "seconds" }
})

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
export const serverJournal: Metric.Gauge<number> = Metric.gauge("tether.server.journal", {
  description: "Replies of durable actors that are stored until their clients have them"
})

/**
 * Commits of durable actors, by `actor` and `outcome`: `success` or `failure`.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const commits: Metric.Counter<number> = Metric.counter("tether.server.commits", {
  description: "Commits of durable actors",
  incremental: true
})

/**
 * Bytes of a commit, by `actor`; counted as UTF-16 code units.
 *
 * @category server metrics
 * @since 0.1.0
 */
export const commitBytes: Metric.Histogram<number> = Metric.histogram("tether.server.commit.size", {
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
export const commitTime: Metric.Histogram<number> = Metric.histogram("tether.server.commit.duration", {
  description: "How long a commit took",
  boundaries: durationBounds,
  attributes: { unit: "seconds" }
})

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
export const clientConnections: Metric.Gauge<number> = Metric.gauge("tether.client.connections", {
  description: "Clients that a process holds now"
})

/**
 * Dials, by `actor` and `outcome`: `connected`, `rejected` (by a hook of the actor) or `failed`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientDials: Metric.Counter<number> = Metric.counter("tether.client.dials", {
  description: "Dials",
  incremental: true
})

/**
 * Returns after a drop, by `actor` and `result`: `exact` (the session goes on), `recovered` (the connection
 * goes on in a new epoch) or `lost` (a fresh connection).
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientResumes: Metric.Counter<number> = Metric.counter("tether.client.resumes", {
  description: "Returns after a drop",
  incremental: true
})

/**
 * Gaps that were announced, by `actor` and `cause`, as `ConnectionStatus.Gap` has it.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientGaps: Metric.Counter<number> = Metric.counter("tether.client.gaps", {
  description: "Gaps that were announced",
  incremental: true
})

/**
 * Calls that were settled, by `actor` and `outcome`: `success`, `failure` (a typed error), `defect`, `interrupted` (by the
 * caller), `refused` (it never ran), or `unknown` (it may have run).
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientCalls: Metric.Counter<number> = Metric.counter("tether.client.calls", {
  description: "Calls that were settled",
  incremental: true
})

/**
 * Seconds from a call to its exit as the caller sees it, the time in the queue included, by `actor`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientCallDuration: Metric.Histogram<number> = Metric.histogram("tether.client.call.duration", {
  description: "From a call to its exit, the time in the queue included",
  boundaries: durationBounds,
  attributes: { unit: "seconds" }
})

/**
 * Seconds from the sending of a call to its exit, by `actor`: the time in the queue is left out.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientRoundTripDuration: Metric.Histogram<number> = Metric.histogram("tether.client.roundtrip.duration", {
  description: "From the sending of a call to its exit",
  boundaries: durationBounds,
  attributes: { unit: "seconds" }
})

/**
 * Calls that wait in the queues of clients now, by `actor`.
 *
 * @category client metrics
 * @since 0.1.0
 */
export const clientQueued: Metric.Gauge<number> = Metric.gauge("tether.client.queued", {
  description: "Calls that wait in the queues of clients"
})

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
  serverRejections,
  serverConnects,
  serverResumes,
  serverDisconnects,
  serverCalls,
  serverCallDuration,
  serverHandlerDuration,
  serverReplaySize,
  serverJournal,
  commits,
  commitBytes,
  commitTime,
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
