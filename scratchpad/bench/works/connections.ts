import { lean } from "../subjects.ts"
import type { Column, Work } from "../Work.ts"

const steps = (quick: boolean) => quick ? [1, 100, 1000] : [1, 100, 1000, 5000]

export const work: Work = {
  name: "connections",
  title: "Many connections of one actor",
  groups: (plan) => [{
    id: "connections.tether",
    title: "What a call costs as the connections of its actor grow in number",
    about: "One connection calls (10 in flight, the server's CPU), the others are idle, all of one actor.",
    load: "growth",
    params: { of: "connections", steps: steps(plan.quick), millis: plan.quick ? 500 : 1500 },
    rows: [lean.ws, lean.tether],
    columns: steps(plan.quick).map((count): Column => ({
      key: `wire${count}`,
      title: `µs CPU a call, ${count.toLocaleString("en-US")} connections`,
      better: "less"
    })),
    baseline: "ws + JSON",
    runs: Math.min(plan.runs, 3),
    seconds: plan.quick ? 6 : 20
  }]
}
