/**
 * The proof of a simulation: with a fault in the code, seeds fail.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterEach, vi } from "vitest"
import * as Seeded from "./Seeded.ts"

/** Seeds within which a fault has to show. */
const seeds = 200

/** What the code under test does wrong, and how often it was asked to. */
export interface Fault {
  active: string
  times: number
}

/** Registers one test a fault; `patches` are those that are made when their test begins. */
export const notices = <Step, S extends { readonly seed: number; readonly steps: ReadonlyArray<Step> }>(
  title: string,
  simulation: Seeded.Simulation<Step, S>,
  fault: Fault,
  faults: ReadonlyArray<string>,
  patches: Readonly<Record<string, () => void>>
): void => {
  describe(title, () => {
    afterEach(() => {
      fault.active = ""
      vi.restoreAllMocks()
    })

    for (const name of [...faults, ...Object.keys(patches)]) {
      it.live(name, () =>
        Effect.gen(function*() {
          fault.active = name
          fault.times = 0
          patches[name]?.()
          const failed = yield* Seeded.findFailure(simulation, 1, seeds)
          assert.isDefined(failed, `${seeds} seeds hold in spite of it`)
        }), 60_000)
    }
  })
}
