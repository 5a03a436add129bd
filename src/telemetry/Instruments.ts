/**
 * What counting costs: an addition. Metrics of Effect look their series up at every update; these are looked up once and
 * read by the registry when it is asked for a snapshot.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/**
 * Where the series of a metric belong: the registry and the attributes of a context.
 *
 * @category models
 * @since 0.1.0
 */
export type Registry = Context.Context<never>

/**
 * Attributes of one series.
 *
 * @category models
 * @since 0.1.0
 */
export type Attributes = Readonly<Record<string, string>>

/**
 * A number that only grows.
 *
 * @category models
 * @since 0.1.0
 */
export class Count {
  total = 0

  add(amount = 1): void {
    this.total += amount
  }

  read(): Metric.CounterState<number> {
    return { count: this.total, incremental: true }
  }
}

/**
 * A number that is asked for when somebody looks: the sum over all that were added.
 *
 * @category models
 * @since 0.1.0
 */
export class Level {
  private readonly sources = new Set<() => number>()

  /** Adds a source, until the result is called. */
  add(source: () => number): () => void {
    const own = () => source()
    this.sources.add(own)
    return () => {
      this.sources.delete(own)
    }
  }

  read(): Metric.GaugeState<number> {
    let value = 0
    for (const source of this.sources) value += source()
    return { value }
  }
}

/**
 * How values are spread, in buckets with fixed upper bounds.
 *
 * @category models
 * @since 0.1.0
 */
export class Spread {
  private readonly boundaries: ReadonlyArray<number>
  private readonly buckets: Array<number>
  private count = 0
  private sum = 0
  private min = Number.MAX_VALUE
  private max = -Number.MAX_VALUE

  constructor(boundaries: ReadonlyArray<number>) {
    this.boundaries = boundaries
    this.buckets = boundaries.map(() => 0)
  }

  record(value: number): void {
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    for (let i = 0; i < this.boundaries.length; i++) {
      if (value <= this.boundaries[i]!) {
        this.buckets[i]!++
        return
      }
    }
  }

  read(): Metric.HistogramState {
    let cumulated = 0
    const buckets = this.boundaries.map((boundary, i): [number, number] => {
      cumulated += this.buckets[i]!
      return [boundary, cumulated]
    })
    return { buckets, count: this.count, sum: this.sum, min: this.min, max: this.max }
  }
}

const known = new WeakMap<Metric.MetricRegistry, Map<string, unknown>>()

/**
 * What belongs to a registry and the attributes of its context under a key: made once, the same for all who ask.
 *
 * @category constructors
 * @since 0.1.0
 */
export const shared = <A>(registry: Registry, key: string, make: () => A): A => {
  const owner = Context.get(registry, Metric.MetricRegistry)
  const all = known.get(owner) ?? new Map<string, unknown>()
  known.set(owner, all)
  const id = `${key} ${JSON.stringify(Context.get(registry, Metric.CurrentMetricAttributes))}`
  if (!all.has(id)) all.set(id, make())
  return all.get(id) as A
}

/**
 * The counter of a series.
 *
 * @category constructors
 * @since 0.1.0
 */
export const count = (metric: Metric.Counter<number>, attributes: Attributes, registry: Registry): Count =>
  find(metric, attributes, registry, () => new Count())

/**
 * The polled gauge of a series.
 *
 * @category constructors
 * @since 0.1.0
 */
export const level = (metric: Metric.Gauge<number>, attributes: Attributes, registry: Registry): Level =>
  find(metric, attributes, registry, () => new Level())

/**
 * The histogram of a series.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spread = (
  metric: Metric.Histogram<number>,
  boundaries: ReadonlyArray<number>,
  attributes: Attributes,
  registry: Registry
): Spread => find(metric, attributes, registry, () => new Spread(boundaries))

const find = <State, A extends { readonly read: () => State }>(
  metric: Metric.Metric<never, State>,
  attributes: Attributes,
  registry: Registry,
  make: () => A
): A =>
  shared(registry, `${metric.id} ${JSON.stringify(attributes)}`, () => {
    const made = make()
    Metric.registerUnsafe(Metric.withAttributes(metric, attributes), registry, {
      get: () => made.read(),
      update: ignore,
      modify: ignore
    })
    return made
  })

const ignore = () => {}
