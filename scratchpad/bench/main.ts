/**
 * `npm run bench`: measures Tether and its peers on the same work and writes the report.
 */
import { parseArgs } from "node:util"
import * as Machine from "./machine.ts"
import * as Report from "./report.ts"
import { values } from "./results.ts"
import { measure, profileInto, type Result } from "./run.ts"
import { show, spread } from "./stats.ts"
import type { Group, Measured, Plan } from "./Work.ts"
import * as Bundle from "./works/bundle.ts"
import { works } from "./works/works.ts"

const flags = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    runs: { type: "string" },
    out: { type: "string" },
    profile: { type: "string" },
    help: { type: "boolean", default: false }
  }
}).values

const names = [...works.map(({ name }) => name), "bundle"]

if (flags.help) {
  console.log(`npm run bench -- [--quick] [--only ${names.join(",")}] [--runs 5] [--out FILE]

  --quick    one short run of each, within 5 minutes
  --only     some works, or groups by the beginning of their id: calls.server
  --runs     how often each row is measured; the heavy works at most 3 times
  --profile  a folder for CPU profiles of all servers and loads; slows everything down
  --out      where the report goes; a full run writes docs/PERFORMANCE.md, any other one prints it`)
  process.exit(0)
}

if (flags.profile !== undefined) profileInto(flags.profile)

const plan: Plan = { quick: flags.quick, runs: Number(flags.runs ?? (flags.quick ? 1 : 5)) }
const only = flags.only?.split(",")
const wanted = (id: string) => only === undefined || only.some((name) => id === name || id.startsWith(`${name}.`))

const chosen = works
  .map(({ groups, title }) => ({ title, groups: groups(plan).filter(({ id }) => wanted(id)) }))
  .filter(({ groups }) => groups.length > 0)
const withBundle = wanted("bundle")
if (chosen.length === 0 && !withBundle) {
  console.error(`nothing is named ${flags.only}; there are ${names.join(", ")}`)
  process.exit(1)
}

const duration = (seconds: number) => seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`

const total = chosen.flatMap(({ groups }) => groups)
  .reduce((sum, { rows, runs, seconds }) => sum + rows.length * runs * seconds, withBundle ? 3 : 0)
let spent = 0
console.log(`about ${duration(total)}`)

/** Rows take turns, and each run begins with another one, so that no row always comes after the same. */
const measureGroup = async (group: Group): Promise<Measured> => {
  const results = new Map<string, Array<Result>>(group.rows.map(({ name }) => [name, []]))
  const failures = new Map<string, Array<string>>()
  console.log(`\n${group.title}`)
  for (let run = 0; run < group.runs; run++) {
    for (let i = 0; i < group.rows.length; i++) {
      const row = group.rows[(i + run) % group.rows.length]!
      try {
        results.get(row.name)!.push(await measure(row.subject, group.load, group.params, group.seconds * 5000 + 60_000))
      } catch (error) {
        // Its place is kept: ratios are taken run by run.
        results.get(row.name)!.push({})
        const reason = error instanceof Error ? error.message : String(error)
        failures.set(row.name, [...(failures.get(row.name) ?? []), reason])
        console.error(`  ${row.name} failed: ${reason.slice(0, 500)}`)
      }
      spent += group.seconds
    }
  }
  const measured = { group, results, failures }
  for (const { name } of group.rows) {
    const parts = group.columns.map(({ key, title }) => `${title} ${show(spread(values(measured, name, key)))}`)
    console.log(`  ${name}: ${parts.join("; ")}`)
  }
  console.log(`  about ${duration(Math.max(0, total - spent))} to go`)
  return measured
}

const machine = Machine.describe()
const measured: Array<{ title: string; groups: Array<Measured> }> = []
for (const { groups, title } of chosen) {
  const done = { title, groups: [] as Array<Measured> }
  measured.push(done)
  for (const group of groups) done.groups.push(await measureGroup(group))
}
const report = Report.render({
  works: measured,
  bundle: withBundle ? await Bundle.measure() : undefined,
  machine,
  quick: plan.quick,
  runs: plan.runs,
  partial: only !== undefined
})

const full = !plan.quick && only === undefined
const out = flags.out ?? (full ? new URL("../../docs/PERFORMANCE.md", import.meta.url).pathname : undefined)
if (out === undefined) {
  console.log(`\n${report}`)
} else {
  Report.write(out, report)
  console.log(`\nwritten to ${out}`)
}
