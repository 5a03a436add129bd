/**
 * What storages count.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Commits that were asked for.
 *
 * @category metrics
 * @since 0.1.0
 */
export const commits = Metric.counter("tether.storage.commits", {
  description: "Commits of actors that were asked for",
  incremental: true
})

/**
 * Transactions that were made for them; the fewer, the better they were grouped.
 *
 * @category metrics
 * @since 0.1.0
 */
export const transactions = Metric.counter("tether.storage.transactions", {
  description: "Transactions that were made for the commits of actors",
  incremental: true
})
