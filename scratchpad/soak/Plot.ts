/**
 * A line over time, in plain text.
 */

const width = 72
const height = 8

const eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

/** Draws values from zero to their largest, with the scale on the left. */
export const draw = (title: string, values: ReadonlyArray<number>, format: (value: number) => string): string => {
  if (values.length === 0) return `${title}: nothing was measured`
  const columns = Array.from({ length: Math.min(width, values.length) }, (_, i) => {
    const from = Math.floor(i * values.length / Math.min(width, values.length))
    const to = Math.max(from + 1, Math.floor((i + 1) * values.length / Math.min(width, values.length)))
    return Math.max(...values.slice(from, to))
  })
  const largest = Math.max(...columns, 1)
  const rows = Array.from({ length: height }, (_, row) => {
    const below = height - 1 - row
    const cells = columns.map((value) =>
      eighths[Math.round(8 * Math.min(1, Math.max(0, value / largest * height - below)))]
    )
    const label = row === 0 ? format(largest) : row === height - 1 ? format(0) : ""
    return `${label.padStart(9)} │${cells.join("")}`
  })
  return [title, ...rows, `${" ".repeat(9)} └${"─".repeat(columns.length)}`].join("\n")
}
