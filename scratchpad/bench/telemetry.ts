/**
 * What the metrics cost per operation, as CPU time of the process: `node scratchpad/bench/telemetry.ts`.
 */
import { Context, Exit, Metric } from "effect"
import { Rpc } from "effect/rpc"
import { ActorTelemetry } from "../../src/host/ActorTelemetry.ts"
import * as ServerCall from "../../src/host/ServerCall.ts"
import { makeActor } from "../../src/internal/makeActor.ts"
import * as Metrics from "../../src/Metrics.ts"
import * as Instruments from "../../src/telemetry/Instruments.ts"
import * as Tracing from "../../src/telemetry/Tracing.ts"

const context = Context.empty()
const telemetry = new ActorTelemetry(makeActor({ type: "Bench" }), "key", context)
const count = Instruments.count(Metrics.serverCalls, { actor: "Bench", outcome: "success" }, context)
const spread = Instruments.spread(Metrics.serverCallDuration, Metrics.durationBounds, { actor: "Bench" }, context)
const rpc = Rpc.make("post")
const exit = Exit.void

const operations: Record<string, () => unknown> = {
  "a whole call: taken in, started, settled": () => {
    const call = ServerCall.make(0, rpc as never, false, telemetry.now())
    telemetry.started(call)
    telemetry.settled(call, exit)
  },
  "one reading of the clock": () => telemetry.now(),
  "one addition to a counter": () => count.add(),
  "one value in a histogram": () => spread.record(0.0004),
  "is there a tracer?": () => Tracing.isOn(context),
  "for comparison, Metric.update of a counter": () => Metrics.serverCommits.updateUnsafe(1, context),
  "for comparison, Metric.update of a histogram": () => Metrics.serverCommitDuration.updateUnsafe(0.0004, context)
}

const times = 1_000_000
const rounds = 7

const measure = (operation: () => unknown): number => {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) operation()
  const { system, user } = process.cpuUsage(before)
  return (system + user) * 1000 / times
}

for (const [name, operation] of Object.entries(operations)) {
  const best = Math.min(...Array.from({ length: rounds }, () => measure(operation)))
  console.log(`${name.padEnd(46)} ${best.toFixed(0).padStart(4)} ns`)
}
console.log(`series in the registry: ${Metric.snapshotUnsafe(context).length}`)
