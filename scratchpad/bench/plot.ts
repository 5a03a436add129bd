/**
 * Bars in plain text: a bar for the median, a thin line up to the largest value.
 */
import { figure, type Spread } from "./stats.ts"

const width = 46

export const bars = (rows: ReadonlyArray<readonly [name: string, spread: Spread | undefined]>): string => {
  const largest = Math.max(...rows.map(([, spread]) => spread?.max ?? 0))
  const longest = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, spread]) => {
    const label = name.padEnd(longest)
    if (spread === undefined || largest <= 0) return `${label} │ no result`
    const cells = (value: number) => Math.max(0, Math.round(value / largest * width))
    const bar = "█".repeat(cells(spread.median)).padEnd(cells(spread.max), "─").padEnd(width)
    return `${label} │${bar} ${figure(spread.median)}`
  }).join("\n")
}
