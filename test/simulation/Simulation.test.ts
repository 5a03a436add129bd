import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Scheduler } from "effect"
import * as Hosts from "../support/Hosts.ts"
import * as Schedule from "./Schedule.ts"
import * as Seeded from "./Seeded.ts"
import { simulation } from "./Simulation.ts"

/** Seeds that a test runs; the time limit is far above what they take. */
const chunk = 50
const limit = 120_000

/**
 * Few operations until a fiber yields: other fibers, and interruption, then get in between where they otherwise hardly
 * ever do.
 */
const budgets = [31, 101]

const holds = (from: number, seeds: number) => Seeded.holds(simulation, from, seeds)

describe("whole systems under faults", () => {
  for (let from = 1; from <= 300; from += chunk) {
    it.live(`keep what is promised, seeds ${from} to ${from + chunk - 1}`, () => holds(from, chunk), limit)
  }

  it.live(
    "keep what is promised, with seeds that no run has had before",
    () => Effect.flatMap(Clock.currentTimeMillis, (now) => holds(now, chunk)),
    limit
  )

  for (const budget of budgets) {
    it.live(
      `keep what is promised when fibers yield every ${budget} operations`,
      () => Effect.provideService(holds(1_001, 2 * chunk), Scheduler.MaxOpsBeforeYield, budget),
      limit
    )
  }

  it.live(
    "keep what is promised on a host in a cluster",
    () => Effect.provideService(holds(2_001, chunk), Hosts.Kind, "cluster"),
    limit
  )

  it.live("do the same in every run of a seed", () =>
    Effect.gen(function*() {
      for (const seed of [3, 14, 159, 265]) {
        const first = yield* simulation.run(simulation.generate(seed))
        const second = yield* simulation.run(simulation.generate(seed))
        assert.deepStrictEqual(second.trace, first.trace)
      }
    }), limit)

  it("are put under every kind of step", () => {
    const kinds = new Set(
      Array.from({ length: 50 }, (_, seed) => Schedule.generate(seed)).flatMap(({ steps }) =>
        steps.map(({ action }) => action._tag === "Call" ? action.kind : action._tag)
      )
    )
    assert.strictEqual(kinds.size, 28, Array.from(kinds).join())
  })
})
