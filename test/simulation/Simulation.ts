/**
 * Clients and servers in memory under a schedule of faults, checked against what was promised.
 */
import { Array as Arr, Cause, Effect, Exit, FiberMap, FiberSet, Metric, Order, Scope } from "effect"
import { ActorHost } from "../../src/index.ts"
import * as Actions from "./Actions.ts"
import * as Invariants from "./Invariants.ts"
import * as Schedule from "./Schedule.ts"
import * as Seeded from "./Seeded.ts"
import * as World from "./World.ts"

/** Nothing is under way any more. */
const isQuiet = Effect.fnUntraced(function*(self: World.World) {
  const { calls, handles } = self.journal
  return self.server.current !== undefined &&
    (yield* FiberSet.size(self.errands)) === 0 &&
    Array.from(calls.values()).every(({ outcome }) => outcome !== undefined) &&
    handles.every((handle) => {
      const tag = handle.statuses.at(-1)?._tag
      return handle.left || tag === "Connected" || tag === "Rejected" || tag === "Disconnected"
    })
})

const quietly = (minutes: number) =>
  Effect.fnUntraced(function*(self: World.World) {
    for (let i = 0; i < minutes; i++) {
      yield* World.pass("1 minute")
      if (yield* isQuiet(self)) return
    }
    self.journal.wrong(`there is no quiet after ${minutes} minutes without faults`)
  })

/** No fault is left but links that nobody heals, which their ends have to notice. */
const stopFaults = Effect.fnUntraced(function*(self: World.World, { steps }: Schedule.Schedule) {
  self.journal.note("no more faults")
  for (const place of self.places) place.mood = "calm"
  for (const { action } of steps) {
    if (action._tag === "Call" && action.millis === Schedule.endless) yield* Actions.interrupt(self, action.op)
  }
  yield* self.network.latency(0)
  yield* self.network.cutAfter(Number.MAX_SAFE_INTEGER)
  if (steps.some(({ action }) => action._tag === "FreezeAll" || action._tag === "RefuseAll")) yield* self.network.heal
})

const sorted = (lines: ReadonlyArray<string>) => Arr.sort(lines, Order.String).join("; ")

/** The list of the actor is what its clients think. */
const checkList = Effect.fnUntraced(function*(self: World.World) {
  const { journal } = self
  for (const key of World.keys(self)) {
    const listed = yield* World.onServer(self, key, (actor) => actor.list())
    const expected = journal.handles.flatMap((handle) => {
      const id = handle.key === key ? Invariants.current(handle) : undefined
      const subscriptions = handle.listeners.some(({ running }) => running) ? "news,tick" : "news"
      return id === undefined ? [] : [`${id} ${handle.id} Connected ${subscriptions}`]
    })
    const actual = listed?.map((view) => `${view.id} ${view.handle} ${view.status} ${view.subscriptions.join()}`)
    journal.check(
      actual !== undefined && sorted(actual) === sorted(expected),
      `the list of ${key} is ${actual?.join("; ")} and should be ${expected.join("; ")}`
    )
  }
})

/** Everybody who is still there can be reached and answers. */
const probe = Effect.fnUntraced(function*(self: World.World) {
  for (const key of World.keys(self)) {
    yield* World.onServer(
      self,
      key,
      (actor) => Effect.andThen(actor.publish({ op: 1_000_000 }), actor.tick({ times: 1 }))
    )
  }
  for (const [client, { record }] of self.places.entries()) {
    if (Invariants.current(record) === undefined) continue
    yield* Actions.apply(self, {
      after: 0,
      client,
      action: { _tag: "Call", kind: "work", op: 1_000_000 + client, millis: 0, values: 0, discard: false }
    })
  }
  yield* quietly(3)(self)
  for (const { client, record } of self.places) {
    const queued = yield* client.queued
    self.journal.check(queued === 0, `${queued} calls of client ${record.id} are still queued`)
  }
})

/** All clients leave, then the server closes, and nothing stays behind. */
const closeAll = Effect.fnUntraced(function*(self: World.World) {
  const { journal } = self
  yield* Effect.forEach(self.places, (handle) => FiberSet.run(self.errands, Scope.close(handle.scope, Exit.void)), {
    discard: true
  })
  yield* World.pass("5 minutes")
  journal.check((yield* self.network.live) === 0, "links live on after all clients have left")
  const { current } = self.server
  if (current !== undefined) {
    const size = yield* Effect.provideContext(ActorHost.ActorHost.use((host) => host.size), current)
    journal.check(size === 0, `${size} actors live on without clients`)
  }
  yield* FiberSet.run(self.errands, World.stopServer(self))
  yield* World.pass("5 minutes")
  journal.check((yield* FiberSet.size(self.errands)) === 0, "clients or server did not finish closing")
  journal.check((yield* FiberMap.size(self.calls)) === 0, "calls hang after all clients have left")
})

const checkAll = ({ journal }: World.World, survivable: boolean): void => {
  for (const handle of journal.handles) {
    Invariants.checkStatuses(journal, handle)
    Invariants.checkNews(journal, handle)
    Invariants.checkTicks(journal, handle)
    if (survivable) Invariants.checkSurvived(journal, handle)
  }
}

const live = Effect.fnUntraced(function*(schedule: Schedule.Schedule) {
  const self = yield* World.make(schedule.config)
  const { journal } = self
  // The first handshake has to be over before a session can survive anything.
  if (schedule.survivable) yield* World.pass("2 seconds")
  const body = Effect.gen(function*() {
    for (const step of schedule.steps) {
      yield* World.pass(step.after)
      yield* Actions.apply(self, step)
    }
    yield* stopFaults(self, schedule)
    yield* quietly(15)(self)
    yield* World.pass("5 minutes")
    yield* checkList(self)
    for (const { op, running } of journal.calls.values()) journal.check(running === 0, `call ${op} runs for nobody`)
    yield* probe(self)
    checkAll(self, schedule.survivable)
    yield* closeAll(self)
    for (const call of journal.calls.values()) {
      Invariants.checkCall(journal, call)
      Invariants.checkPromise(journal, call, schedule.survivable)
    }
    // Otherwise a resume is admitted by the same hook.
    if (schedule.config.asksOnResume) {
      const { admitted, connections } = journal
      journal.check(
        admitted === connections.size,
        `${admitted} clients were admitted to ${connections.size} connections`
      )
    }
    for (const connection of journal.connections.values()) Invariants.checkConnection(journal, connection)
  })
  const exit = yield* Effect.exit(body)
  if (Exit.isFailure(exit)) journal.wrong(`the run died: ${Cause.pretty(exit.cause)}`)
  return journal
})

/** Runs a schedule to its end and tells what did not hold. */
const run = (schedule: Schedule.Schedule) =>
  Effect.gen(function*() {
    let fibers = 0
    const counting: Metric.FiberRuntimeMetricsService = {
      recordFiberStart: () => {
        fibers++
      },
      recordFiberEnd: () => {
        fibers--
      }
    }
    const journal = yield* live(schedule).pipe(
      Effect.scoped,
      Effect.provideService(Metric.FiberRuntimeMetrics, counting),
      Seeded.repeatable(schedule.seed)
    )
    yield* Effect.yieldNow
    journal.check(fibers === 0, `${fibers} fibers are left`)
    return { schedule, violations: journal.violations, trace: journal.trace }
  })

/** Whole systems under faults. */
export const simulation: Seeded.Simulation<Schedule.Step, Schedule.Schedule> = {
  generate: Schedule.generate,
  run,
  summary: ({ config, survivable }) =>
    `${survivable ? "only faults that a session survives" : "any fault"}\n${JSON.stringify(config)}`,
  describe: Schedule.describe,
  flags: ""
}
