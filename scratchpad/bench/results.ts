/**
 * What was measured of a row: its values, run by run, and its ratios to another row.
 */
import { type Spread, spread } from "./stats.ts"
import type { Measured } from "./Work.ts"

export const values = (measured: Measured, row: string, key: string): ReadonlyArray<number> =>
  (measured.results.get(row) ?? []).map((result) => result[key] ?? NaN)

/** The ratio to the baseline in each run, which is what a slow moment of the machine changes least. */
export const ratios = (measured: Measured, row: string, baseline: string, key: string): Spread | undefined => {
  const base = values(measured, baseline, key)
  return spread(values(measured, row, key).map((value, run) => value / (base[run] ?? NaN)))
}
