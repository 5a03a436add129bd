import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as Schedule from "./Schedule.ts"
import * as Seeded from "./Seeded.ts"
import { simulation } from "./Simulation.ts"

const config: Schedule.Config = {
  clients: 1,
  keys: 1,
  resumeWindow: 60_000,
  bufferFrames: 1_024,
  callsInFlight: 100,
  streamWindow: 16,
  queueCapacity: 1_024,
  onQueueFull: "suspend",
  concurrency: 1,
  maxIdleTime: 1_000,
  hookMillis: 0,
  kickGrace: 10_000,
  asksOnResume: true,
  readMillis: 0
}

const call = (op: number, kind: Schedule.Kind, options: { readonly millis?: number; readonly values?: number } = {}) =>
  ({ _tag: "Call", kind, op, millis: 0, values: 0, discard: false, ...options }) as const

const step = (after: number, action: Schedule.Action, client = 0): Schedule.Step => ({ after, client, action })

/** Runs the steps and expects that nothing is wrong; gives the trace. */
const holds = (steps: ReadonlyArray<Schedule.Step>, changes: Partial<Schedule.Config> = {}) =>
  Effect.map(
    simulation.run({ seed: 1, survivable: false, config: { ...config, ...changes }, steps }),
    (result) => {
      assert.deepStrictEqual(result.violations, [], Seeded.report(simulation, result))
      return result.trace.map((line) => line.replace(/^ *[\d.]+ {2}/, ""))
    }
  )

describe("found by the simulation:", () => {
  it.live("a stream that is longer than its consumer's buffer gives its last chunks too", () =>
    holds([step(10, call(1, "count", { values: 21 }))]))

  it.live("a stream whose client is closed while it is read does not end as if it were whole", () =>
    Effect.gen(function*() {
      const trace = yield* holds([
        step(10, call(1, "count", { values: 39 })),
        step(500, { _tag: "CloseScope" })
      ], { readMillis: 200 })
      assert.include(trace, "call 1 settles: {\"_tag\":\"Error\",\"executed\":\"maybe\",\"reason\":\"OutcomeUnknown\"}")
    }))

  it.live("a connection that is cut before onConnect had its turn is not asked to resume before it either", () =>
    Effect.gen(function*() {
      const trace = yield* holds([
        step(10, call(1, "work", { millis: 3_000 })),
        step(10, { _tag: "Fresh" }, 1),
        step(50, { _tag: "CutAll" })
      ], { clients: 2, hookMillis: 20 })
      assert.isAtLeast(trace.filter((line) => line.startsWith("onResume")).length, 2, trace.join("\n"))
    }))

  it.live("a call that ran and is refused when it is sent again is not said to have never run", () =>
    Effect.gen(function*() {
      const trace = yield* holds([
        step(500, call(1, "again", { millis: 50 })),
        step(20, { _tag: "CutAll" }),
        step(100, { _tag: "Kick", retryAfter: 500 }),
        // The client is back on a fresh connection, whose onConnect is running.
        step(680, { _tag: "Kick", retryAfter: 500 })
      ], { hookMillis: 400 })
      assert.include(trace, "call 1 settles: {\"_tag\":\"Error\",\"executed\":\"maybe\",\"reason\":\"OutcomeUnknown\"}")
    }))

  it.live("chunks that wait for room are not lost when a resume makes it", () =>
    Effect.gen(function*() {
      const trace = yield* holds([
        step(10, call(1, "count", { millis: 300, values: 39 })),
        step(0, call(2, "count", { millis: 300, values: 39 })),
        // Its reply is taken in and not acknowledged when the network goes.
        step(0, call(3, "work")),
        step(100, { _tag: "RefuseAll" }),
        step(0, { _tag: "CutAll" }),
        step(8_000, { _tag: "HealAll" })
      ], { bufferFrames: 16 })
      assert.strictEqual(trace.filter((line) => line.includes("(resumed)")).length, 1)
    }))

  it.live("a client that is being admitted when a drain begins is sent away too, and the drain completes", () =>
    Effect.gen(function*() {
      const trace = yield* holds([
        step(10, { _tag: "Fresh" }),
        step(0, { _tag: "Restart", millis: 100, drain: true }, 1)
      ], { clients: 2, keys: 2 })
      assert.include(trace, "the server is down")
    }))

  it.effect("a message is not waited for again and again when times have fractions", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.clockWith(Effect.succeed)
      let sleeps = 0
      const counting: Clock.Clock = {
        ...clock,
        sleep: (duration) => ++sleeps > 1_000 ? Effect.die("the clock is asked for ever") : clock.sleep(duration)
      }
      const received: Array<string | Uint8Array> = []
      yield* Effect.gen(function*() {
        const network = yield* MemoryNetwork.make()
        yield* network.accept((socket) =>
          Effect.gen(function*() {
            const { pull } = yield* socket.reader
            yield* Effect.forever(Effect.map(pull, (messages) => received.push(...messages)))
          })
        )
        const socket = yield* network.dial
        yield* socket.reader
        const { write } = yield* socket.writer
        yield* network.latency(80)
        const dice = Schedule.makeDice(1)
        for (let i = 0; i < 100; i++) {
          yield* write("x")
          yield* TestClock.adjust(dice.int(1, 60_000_000) / 1e6)
        }
        yield* TestClock.adjust(80)
      }).pipe(Effect.provideService(Clock.Clock, counting))
      assert.lengthOf(received, 100)
      assert.isAtMost(sleeps, 200)
    }))
})
