/**
 * What the project has set itself, held against what was measured.
 */
import { ratios, values } from "./results.ts"
import type { Result } from "./run.ts"
import { figure, type Spread, spread } from "./stats.ts"
import type { Measured } from "./Work.ts"

interface Verdict {
  readonly target: string
  readonly measured: string
  readonly met: boolean
}

type Groups = ReadonlyArray<Measured>

/** The group of an id, or the largest of those whose id begins so. */
const find = (groups: Groups, id: string): Measured | undefined => {
  let found: Measured | undefined
  for (const measured of groups) {
    if (measured.group.id === id || measured.group.id.startsWith(`${id}.`)) found = measured
  }
  return found
}

const compare = (
  groups: Groups,
  options: {
    readonly group: string
    readonly row?: string
    readonly key: string
    readonly to: string
    readonly atLeast?: number
    readonly atMost?: number
    readonly target: string
  }
): Verdict | undefined => {
  const measured = find(groups, options.group)
  const ratio = measured && ratios(measured, options.row ?? "Tether", options.to, options.key)
  if (ratio === undefined) return undefined
  const met = ratio.median >= (options.atLeast ?? -Infinity) && ratio.median <= (options.atMost ?? Infinity)
  return { target: options.target, measured: `${showRatio(ratio)}`, met }
}

const showRatio = ({ max, median, min, runs }: Spread): string =>
  runs === 1 ? `${median.toFixed(2)} x` : `${median.toFixed(2)} x (${min.toFixed(2)} to ${max.toFixed(2)})`

const calls = (groups: Groups): ReadonlyArray<Verdict | undefined> =>
  ["100", "50x10"].flatMap((shape) => {
    const name = shape === "100" ? "100 calls in flight" : "50 x 10 calls in flight"
    const server = `calls.server.${shape}`
    const whole = `calls.whole.${shape}`
    const rate = (group: string, to: string, atLeast: number, target: string) =>
      compare(groups, { group, key: "rate", to, atLeast, target: `${name}, ${target}` })
    return [
      rate(server, "ws + JSON + schema", 0.8, "server alone: at least 0.8 of ws + JSON + schema"),
      rate(server, "Effect RPC", 1.5, "server alone: at least 1.5 of Effect RPC"),
      rate(whole, "Effect RPC", 1.5, "with client: at least 1.5 of Effect RPC"),
      rate(whole, "Socket.IO", 1, "with client: above Socket.IO"),
      rate(whole, "rivetkit", 1, "with client: above rivetkit")
    ]
  })

const sequential = (groups: Groups): ReadonlyArray<Verdict | undefined> => {
  const p50 = (group: string, to: string, atMost: number, target: string) =>
    compare(groups, { group, key: "p50", to, atMost, target: `one call at a time, p50, ${target}` })
  return [
    p50("calls.server.sequential", "ws + JSON", 1.5, "server alone: at most 1.5 of raw ws"),
    p50("calls.whole.sequential", "ws + JSON", 1.5, "with client: at most 1.5 of raw ws"),
    ...["Socket.IO", "rivetkit", "Effect RPC", "Colyseus"].map((peer) =>
      p50("calls.whole.sequential", peer, 1, `with client: below ${peer}`)
    )
  ]
}

const broadcast = (groups: Groups): ReadonlyArray<Verdict | undefined> =>
  [100, 1000, 5000].flatMap((members) => {
    const name = `broadcast to ${members.toLocaleString("en-US")}`
    const rate = (side: string, key: string, to: string, atLeast: number, target: string) =>
      compare(groups, { group: `broadcast.${side}.${members}`, key, to, atLeast, target: `${name}, ${target}` })
    return [
      rate("server", "rate", "ws + JSON", 0.9, "eight on their way, server alone: at least 0.9 of a raw ws loop"),
      rate("server", "singleRate", "ws + JSON", 0.9, "one alone, server alone: at least 0.9 of a raw ws loop"),
      rate("server", "rate", "Socket.IO", 1, "server alone: above Socket.IO"),
      rate("whole", "rate", "Socket.IO", 1, "with client: above Socket.IO"),
      rate("whole", "rate", "Colyseus", 1, "with client: above Colyseus")
    ]
  })

const rest = (groups: Groups): ReadonlyArray<Verdict | undefined> => [
  ...["heap", "rss"].flatMap((key) =>
    ["Socket.IO", "Effect RPC"].map((to) =>
      compare(groups, { group: "idle.server", key, to, atMost: 1, target: `idle connection, ${key}: below ${to}` })
    )
  ),
  compare(groups, {
    group: "resume.whole",
    key: "millis",
    to: "Socket.IO",
    atMost: 1,
    target: "resume storm: faster than Socket.IO's recovery"
  }),
  nothingLost(groups),
  ...["Socket.IO", "Colyseus", "rivetkit"].map((to) =>
    compare(groups, {
      group: "connect.whole",
      key: "rate",
      to,
      atLeast: 1,
      target: `connect and first call, with client: at least as fast as ${to}`
    })
  ),
  flat(groups, "actors.tether", "wire", "a call as actors grow in number: flat (at most 1.25)"),
  flat(groups, "actors.tether", "internal", "an internal call as actors grow in number: flat (at most 1.25)"),
  flat(groups, "connections.tether", "wire", "a call as connections of its actor grow in number: flat (at most 1.25)")
]

const nothingLost = (groups: Groups): Verdict | undefined => {
  const measured = find(groups, "resume.whole")
  if (measured === undefined) return undefined
  const keys = ["eventsLost", "eventsDoubled", "callsUnanswered", "callsTwice"]
  const worst = keys.map((key) => [key, Math.max(...values(measured, "Tether", key))] as const)
  if (worst.some(([, count]) => !Number.isFinite(count))) return undefined
  return {
    target: "resume storm: all back, nothing lost, nothing twice",
    measured: worst.map(([key, count]) => `${key} ${count}`).join(", "),
    met: worst.every(([, count]) => count === 0)
  }
}

/** The last step against the second: the first one is too short of work to be a measure. */
const flat = (groups: Groups, id: string, kind: string, target: string): Verdict | undefined => {
  const measured = find(groups, id)
  const keys = measured?.group.columns.map(({ key }) => key).filter((key) => key.startsWith(kind)) ?? []
  if (measured === undefined || keys.length < 3) return undefined
  const base = values(measured, "Tether", keys[1]!)
  const ratio = spread(values(measured, "Tether", keys.at(-1)!).map((value, run) => value / base[run]!))
  return ratio && { target, measured: showRatio(ratio), met: ratio.median <= 1.25 }
}

const size = (bundle: Result | undefined, key: string, kilobytes: number, target: string): Verdict | undefined =>
  bundle && { target, measured: `${figure(bundle[key]! / 1000)} KB`, met: bundle[key]! <= kilobytes * 1000 }

export const evaluate = (groups: Groups, bundle: Result | undefined): ReadonlyArray<Verdict> =>
  [
    ...calls(groups),
    ...sequential(groups),
    ...broadcast(groups),
    ...rest(groups),
    size(bundle, "gzip", 135, "client bundle: at most 135 KB gzipped"),
    size(bundle, "ownGzip", 12, "client bundle, Tether's own part: at most 12 KB gzipped")
  ].filter((verdict) => verdict !== undefined)

export const table = (verdicts: ReadonlyArray<Verdict>): string =>
  [
    "| target | measured | met |",
    "| --- | ---: | --- |",
    ...verdicts.map(({ measured, met, target }) => `| ${target} | ${measured} | ${met ? "yes" : "**no**"} |`)
  ].join("\n")
