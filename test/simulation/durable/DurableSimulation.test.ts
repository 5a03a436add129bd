import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Scheduler } from "effect"
import * as Hosts from "../../support/Hosts.ts"
import * as Seeded from "../Seeded.ts"
import { simulation } from "./DurableSimulation.ts"

/** Seeds that a test runs; the time limit is far above what they take. */
const chunk = 40
const limit = 120_000

const holds = (from: number, seeds: number) => Seeded.holds(simulation, from, seeds)

describe("durable actors under crashes and failing storage", () => {
  for (let from = 1; from <= 160; from += chunk) {
    it.live(
      `run each call once and keep their connections, seeds ${from} to ${from + chunk - 1}`,
      () => holds(from, chunk),
      limit
    )
  }

  it.live(
    "run each call once and keep their connections, with seeds that no run has had before",
    () => Effect.flatMap(Clock.currentTimeMillis, (now) => holds(now, chunk)),
    limit
  )

  it.live(
    "run each call once and keep their connections when fibers yield every 31 operations",
    () => Effect.provideService(holds(1_001, chunk), Scheduler.MaxOpsBeforeYield, 31),
    limit
  )

  it.live(
    "run each call once and keep their connections on a host in a cluster",
    () => Effect.provideService(holds(2_001, chunk), Hosts.Kind, "cluster"),
    limit
  )

  it.live("do the same in every run of a seed", () =>
    Effect.gen(function*() {
      for (const seed of [3, 14, 159]) {
        const first = yield* simulation.run(simulation.generate(seed))
        const second = yield* simulation.run(simulation.generate(seed))
        assert.deepStrictEqual(second.trace, first.trace)
      }
    }), limit)
})
