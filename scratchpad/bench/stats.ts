/**
 * Medians and spreads over the runs of one measurement.
 */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

export const spread = (values: ReadonlyArray<number>): Spread | undefined => {
  const sorted = Float64Array.from(values.filter(Number.isFinite))
  sorted.sort()
  if (sorted.length === 0) return undefined
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, runs: sorted.length }
}

/** Three figures, and separators where there are more. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return "-"
  const size = Math.abs(value)
  if (size >= 1000) return Number(value.toPrecision(3)).toLocaleString("en-US")
  if (size === 0) return "0"
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export const show = (spread: Spread | undefined): string => {
  if (spread === undefined) return "-"
  if (spread.runs === 1 || spread.min === spread.max) return figure(spread.median)
  return `${figure(spread.median)} (${figure(spread.min)} to ${figure(spread.max)})`
}
