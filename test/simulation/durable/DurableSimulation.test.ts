import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Scheduler } from "effect"
import * as Hosts from "../../support/Hosts.ts"
import * as DurableSchedule from "./DurableSchedule.ts"
import * as DurableSimulation from "./DurableSimulation.ts"

/** Seeds that a test runs; the time limit is far above what they take. */
const chunk = 40
const limit = 120_000

const holds = Effect.fnUntraced(function*(from: number, seeds: number) {
  for (let seed = from; seed < from + seeds; seed++) {
    const result = yield* DurableSimulation.run(DurableSchedule.generate(seed))
    if (result.violations.length > 0) {
      return yield* Effect.die(new Error(DurableSimulation.report(yield* DurableSimulation.shrink(result))))
    }
  }
})

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
        const first = yield* DurableSimulation.run(DurableSchedule.generate(seed))
        const second = yield* DurableSimulation.run(DurableSchedule.generate(seed))
        assert.deepStrictEqual(second.trace, first.trace)
      }
    }), limit)
})
