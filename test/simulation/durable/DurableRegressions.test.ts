import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Seeded from "../Seeded.ts"
import type * as DurableSchedule from "./DurableSchedule.ts"
import { simulation } from "./DurableSimulation.ts"

const config: Omit<DurableSchedule.Schedule, "steps"> = {
  seed: 1,
  clients: 1,
  keys: 1,
  callsInFlight: 100,
  maxIdleTime: 1_000,
  hookMillis: 0,
  kickGrace: 10_000
}

const step = (after: number, action: DurableSchedule.Action, client = 0): DurableSchedule.Step => ({
  after,
  client,
  action
})

/** Runs the steps and expects that nothing is wrong. */
const holds = (
  steps: ReadonlyArray<DurableSchedule.Step>,
  changes: Partial<Omit<DurableSchedule.Schedule, "steps">> = {}
) =>
  Effect.map(
    simulation.run({ ...config, ...changes, steps }),
    (result) => assert.deepStrictEqual(result.violations, [], Seeded.report(simulation, result))
  )

describe("found by the simulation of durable actors:", () => {
  it.live("a connection that is taken up while its actor stops already is not waited for until its window is over", () =>
    holds([
      step(706, { _tag: "Call", kind: "remind", op: 5, millis: 1_500 }),
      step(46, { _tag: "LoseCommit" }),
      step(811, { _tag: "Freeze", link: 2 }),
      step(8, { _tag: "HoldStorage" }),
      step(388, { _tag: "Call", kind: "read", op: 10, millis: 100 }, 1),
      step(0, { _tag: "Crash", millis: 0 }),
      step(272, { _tag: "Call", kind: "append", op: 11, millis: 0 }, 1),
      step(0, { _tag: "Deposit", op: 13, key: 1 }),
      step(49, { _tag: "Restart", millis: 50 }, 1)
    ], { seed: 319, clients: 2, callsInFlight: 8, maxIdleTime: 0, hookMillis: 300, kickGrace: 100 }))
})
