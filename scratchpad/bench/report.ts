/**
 * The report: Markdown, between two marks of a document whose other text stays.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { bars } from "./plot.ts"
import { ratios, values } from "./results.ts"
import type { Result } from "./run.ts"
import { figure, show, spread } from "./stats.ts"
import { setups } from "./subjects.ts"
import * as Targets from "./targets.ts"
import type { Column, Measured } from "./Work.ts"

const marks = {
  begin: "<!-- measured: what stands between these marks is written by `npm run bench` -->",
  end: "<!-- /measured -->"
}

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map((_, index) => index === 0 ? "---" : "---:"), ...rows].map((row) => `| ${row.join(" | ")} |`).join(
    "\n"
  )

const groupTable = (measured: Measured): string => {
  const { baseline, columns, rows } = measured.group
  const [first] = columns as [Column]
  const withRatio = baseline !== undefined && rows.some(({ name }) => name === baseline)
  // Few rows and many columns are better read the other way round.
  if (columns.length > 6) {
    return table(
      ["", ...rows.map(({ name }) => name)],
      columns.map(({ key, title }) => [title, ...rows.map(({ name }) => show(spread(values(measured, name, key))))])
    )
  }
  return table(
    ["", ...columns.map(({ title }) => title), ...(withRatio ? [`${first.title}: ratio to ${baseline}`] : [])],
    rows.map(({ name }) => {
      const cells = [name].concat(columns.map(({ key }) => show(spread(values(measured, name, key)))))
      return withRatio ? cells.concat(show(ratios(measured, name, baseline, first.key))) : cells
    })
  )
}

const groupText = (measured: Measured): string => {
  const { about, columns, rows, title } = measured.group
  const [first] = columns as [Column]
  const parts = [`#### ${title}`, about, groupTable(measured)]
  if (rows.length > 1) {
    const lines = rows.map(({ name }) => [name, spread(values(measured, name, first.key))] as const)
    parts.push(["```text", `${first.title} (${first.better} is better)`, bars(lines), "```"].join("\n"))
  }
  for (const [row, reasons] of measured.failures) {
    parts.push(`**${row} failed** in ${reasons.length} of ${measured.group.runs} runs: ${oneLine(reasons[0]!)}`)
  }
  return parts.join("\n\n")
}

/** Without the stack, whose paths are those of one machine. */
const oneLine = (text: string): string => text.split(/\n? +at /)[0]!.replaceAll(/\s+/g, " ").slice(0, 300)

const bundleText = (bundle: Result): string =>
  [
    "### Client bundle",
    "A browser client with one contract, an RPC and an event, by esbuild: minified, gzipped. Tether's own part is taken"
    + " twice: the same app with all of Effect left out, which counts its import statements too and gets no help from"
    + " neighbours in gzip, and its share of the whole by minified bytes.",
    table(["", "minified, bytes", "gzipped, bytes"], [
      ["Tether, all of it", figure(bundle["code"]!), figure(bundle["gzip"]!)],
      ["Tether's own part, alone", figure(bundle["aloneCode"]!), figure(bundle["ownGzip"]!)],
      [
        "Tether's own part, its share",
        figure(bundle["ownCode"]!),
        figure(bundle["ownCode"]! / bundle["code"]! * bundle["gzip"]!)
      ],
      ["Effect RPC over a WebSocket", figure(bundle["effectRpcCode"]!), figure(bundle["effectRpcGzip"]!)]
    ])
  ].join("\n\n")

export interface Report {
  readonly works: ReadonlyArray<{ readonly title: string; readonly groups: ReadonlyArray<Measured> }>
  readonly bundle: Result | undefined
  readonly machine: ReadonlyArray<readonly [name: string, value: string]>
  readonly quick: boolean
  readonly runs: number
  readonly partial: boolean
}

export const render = (report: Report): string => {
  const groups = report.works.flatMap(({ groups }) => groups)
  const caveats = [
    ...(report.quick ? ["This was a quick run: few runs, short ones, fewer clients. Don't cite it."] : []),
    ...(!report.quick && report.runs === 1
      ? ["This was one run of each, at full size and length. Its ratios waver."]
      : []),
    ...(report.partial ? ["Only a part of the works was run."] : [])
  ]
  return [
    marks.begin,
    "## Measured",
    ...caveats.map((caveat) => `**${caveat}**`),
    table(["", ""], report.machine.map(([name, value]) => [name, value])).replaceAll("---:", "---"),
    "Each number is the median of several runs, with the smallest and the largest behind it; the rows of a table take"
    + " turns, each run with fresh processes, the server in one and the load in another. Ratios are taken within a run. The"
    + " load takes as much of the machine as the server, so that rates of server and client together say how both share"
    + " the cores; the µs of CPU say what each side costs.",
    "### Targets",
    Targets.table(Targets.evaluate(groups, report.bundle)),
    ...report.works.flatMap(({ groups, title }) => [`### ${title}`, ...groups.map(groupText)]),
    ...(report.bundle === undefined ? [] : [bundleText(report.bundle)]),
    "### How each was set up",
    "Message compression (`permessage-deflate`) is off everywhere, at both ends. All clients dial `127.0.0.1` by the `ws`"
    + " package, so that no client has a better WebSocket than another.",
    ...setups.map(([name, setup]) => `- **${name}**: ${setup}`),
    marks.end
  ].join("\n\n") + "\n"
}

const title = "# Performance\n"

/** Puts the report where the last one stood. */
export const write = (file: string, text: string, { begin, end } = marks): void => {
  const document = existsSync(file) ? readFileSync(file, "utf8") : title
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  const around = from === -1 || to === -1
    ? [document.trimEnd() + "\n\n", ""]
    : [document.slice(0, from), document.slice(to + end.length + 1)]
  writeFileSync(file, around[0] + text + around[1])
}
