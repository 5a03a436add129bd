import { lean } from "../subjects.ts"
import type { Column, Work } from "../Work.ts"

const steps = (quick: boolean) => quick ? [1, 100, 1000, 10_000] : [1, 100, 10_000, 100_000]

export const work: Work = {
  name: "actors",
  title: "Many actors",
  groups: (plan) => [{
    id: "actors.tether",
    title: `Up to ${steps(plan.quick).at(-1)!.toLocaleString("en-US")} actors, touched once, then idle`,
    about:
      "Tether alone. Each actor is started by one internal call. An internal call is then timed over all of them in"
      + " turn, and a call of one connection (10 in flight, the server's CPU) while they live.",
    load: "growth",
    params: { of: "actors", steps: steps(plan.quick), millis: plan.quick ? 500 : 1500 },
    rows: [lean.tether],
    columns: [
      { key: "heap", title: "heap, bytes an actor", better: "less" },
      { key: "rss", title: "RSS, bytes an actor", better: "less" },
      { key: "startMicros", title: "µs to start one and call it", better: "less" },
      ...steps(plan.quick).map((count): Column => ({
        key: `internal${count}`,
        title: `µs an internal call, ${count.toLocaleString("en-US")} actors`,
        better: "less"
      })),
      ...steps(plan.quick).map((count): Column => ({
        key: `wire${count}`,
        title: `µs CPU a wire call, ${count.toLocaleString("en-US")} actors`,
        better: "less"
      }))
    ],
    runs: Math.min(plan.runs, 3),
    seconds: plan.quick ? 14 : 60
  }]
}
