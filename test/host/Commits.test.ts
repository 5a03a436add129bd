/**
 * The order of an instance's commits and of what it says, at the level of segments.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scheduler, type Scope } from "effect"
import * as ActorStorage from "../../src/ActorStorage.ts"
import * as Commits from "../../src/host/Commits.ts"
import * as ConnectionRecord from "../../src/host/ConnectionRecord.ts"
import { InstanceWriter } from "../../src/host/InstanceWriter.ts"
import { WakePlan } from "../../src/host/WakePlan.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { settle } from "../support/settle.ts"

const address = { type: "Room", key: "one" }

const make = Effect.fnUntraced(function*(interval?: Duration.Duration) {
  const inner = yield* ActorStorage.ActorStorage
  const storage: typeof inner = {
    ...inner,
    // Whoever stores more has more to do before the storage has it.
    commit: (address, fence, changes) =>
      Effect.andThen(
        Effect.forEach(changes.state === undefined ? [] : Array.from({ length: 20 }), () => Effect.void),
        inner.commit(address, fence, changes)
      )
  }
  const { fence } = yield* storage.load(address)
  const failures: Array<string> = []
  const plan = new WakePlan({ recorded: [], alarms: [], resumeWindow: Duration.minutes(1) })
  const commits = yield* Commits.make({
    writer: new InstanceWriter({ storage, address, fence, plan }, yield* Effect.context()),
    interval,
    onDeferred: () => undefined,
    onFailure: ({ failure }) => Effect.sync(() => void failures.push(failure))
  })
  return { commits, failures }
})

const state = (value: string) => Effect.succeed({ version: 1, value })

const record = (acknowledged = 0) =>
  new ConnectionRecord.ConnectionRecord({
    id: "c",
    isRecovered: false,
    part: { state: "new", greeted: false, suspended: false },
    session: () => ({
      token: "t",
      previousToken: undefined,
      attach: 1,
      subscriptions: new Set(),
      acknowledged: () => acknowledged
    })
  })

const states = Effect.map(
  TestStorage.use(({ asked }) => asked),
  (asked) => asked.map(({ changes }) => changes.state?.value)
)

const run = <A, E>(body: Effect.Effect<A, E, TestStorage | ActorStorage.ActorStorage | Scope.Scope>) =>
  body.pipe(Effect.scoped, Effect.provide(TestStorage.layerMemory))

describe("Commits", () => {
  it.effect("store what a frame that leaves brings about, before the next frame leaves", () =>
    run(Effect.gen(function*() {
      const { commits } = yield* make()
      const storage = yield* TestStorage
      const left: Array<string> = []
      commits.putState(state("1"))
      yield* settle
      yield* storage.hold
      commits.putState(state("2"))
      yield* settle
      commits.emit(() => {
        left.push("first")
        commits.putState(state("3"))
        commits.emit(() => left.push("told of 3"))
      })
      yield* storage.letGo
      yield* settle
      assert.deepStrictEqual(left, ["first", "told of 3"])
      assert.deepStrictEqual(yield* states, ["1", "2", "3"])
    })))

  it.effect("put what happens at the same time into one commit, and what happens meanwhile into the next", () =>
    run(Effect.gen(function*() {
      const { commits } = yield* make()
      const storage = yield* TestStorage
      commits.putState(state("1"))
      commits.putState(state("2"))
      yield* settle
      yield* storage.hold
      for (const value of ["3", "4", "5"]) commits.putState(state(value))
      yield* settle
      for (const value of ["6", "7"]) commits.putState(state(value))
      yield* storage.letGo
      yield* settle
      assert.deepStrictEqual(yield* states, ["2", "5", "7"])
    })))

  it.effect("do not store what a turn changes before its call is answered, and the answer with it", () =>
    run(Effect.gen(function*() {
      const { commits } = yield* make()
      const call = { client: 1, request: 7 }
      const kept: Array<boolean> = []
      yield* commits.turn(Effect.sync(() => commits.putState(state("1"))), call)
      yield* commits.turn(Effect.sync(() => commits.putState(state("2"))))
      yield* settle
      assert.deepStrictEqual(yield* states, [])
      commits.answer(call, { record: record(), call: 7, reply: "reply" }, (isKept) => kept.push(isKept))
      commits.complete(call)
      yield* settle
      const [first] = yield* TestStorage.use(({ asked }) => asked)
      assert.deepStrictEqual(first?.changes.answered, [{ connection: "c", call: 7, reply: "reply" }])
      assert.deepStrictEqual(yield* states, ["2"])
      assert.deepStrictEqual(kept, [true])
    })))

  it.effect("store of a connection beside the turns what turns have stored of it, not what they are about to", () =>
    run(Effect.gen(function*() {
      const { commits } = yield* make()
      const one = record()
      yield* commits.turn(
        Effect.gen(function*() {
          one.change({ greeted: true })
          commits.putRecord(one)
          yield* commits.storeRecord(one)
        })
      )
      yield* settle
      const asked = yield* TestStorage.use(({ asked }) => asked)
      const greeted = asked.map(({ changes }) => changes.connections.get("c")?.includes("\"greeted\":true"))
      assert.deepStrictEqual(greeted, [false, true])
    })))

  for (const operations of [3, 4, 5, 7]) {
    it.effect(`hand over in order what they have collected, though fibers yield every ${operations} operations`, () =>
      Effect.provideService(
        run(Effect.gen(function*() {
          const { commits } = yield* make()
          for (let round = 0; round < 40; round++) {
            const one = record()
            one.change({ state: round, greeted: true })
            commits.putRecord(one)
            commits.putState(state(`${round}`))
            for (let i = 0; i < round; i++) yield* Effect.yieldNow
            yield* Effect.forkChild(commits.storeRecord(one), { startImmediately: true })
            for (let i = 0; i < 10; i++) yield* settle
          }
          const asked = yield* TestStorage.use(({ asked }) => asked)
          let last = -1
          for (const { changes } of asked) {
            if (changes.state !== undefined) last = Number(changes.state.value)
            const stored = JSON.parse(changes.connections.get("c") ?? "{}")
            // What a turn has changed of a connection is not stored before the rest of that turn.
            if (stored.greeted === true) assert.isAtMost(stored.state, last)
          }
          assert.strictEqual(last, 39)
        })),
        Scheduler.MaxOpsBeforeYield,
        operations
      ))
  }

  it.effect("end with the first failure: nothing leaves, who waits is told, and nothing more is stored", () =>
    run(Effect.gen(function*() {
      const { commits, failures } = yield* make()
      const storage = yield* TestStorage
      const left: Array<string> = []
      yield* storage.failCommits("Full")
      commits.putState(state("1"))
      commits.emit(() => left.push("frame"), () => left.push("dropped"))
      const waiting = yield* Effect.forkChild(commits.settled, { startImmediately: true })
      yield* settle
      assert.deepStrictEqual(yield* Fiber.await(waiting), Exit.succeed(false))
      commits.putState(state("2"))
      commits.emit(() => left.push("frame"), () => left.push("dropped"))
      yield* settle
      assert.deepStrictEqual(left, ["dropped", "dropped"])
      assert.deepStrictEqual(failures, ["Full"])
      assert.deepStrictEqual(yield* states, ["1"])
    })))

  it.effect("fail with a state that does not encode, or whose schema dies, where it is encoded when it is stored", () =>
    run(Effect.gen(function*() {
      const invalid = new ActorStorage.StorageError({ failure: "Invalid", message: "no" })
      const { commits, failures } = yield* make(Duration.seconds(1))
      commits.putState(Effect.fail(invalid))
      yield* commits.flush
      assert.deepStrictEqual(failures, ["Invalid"])
      assert.isTrue(commits.hasFailed)
    })))
})

describe("WakePlan", () => {
  const none = { connections: new Map(), alarms: new Map() }
  const minute = 60_000
  const alarm = (at: number) => ({ id: "a", at, rpc: "tick", payload: "null" })
  const window = Duration.minutes(1)

  it("looks after connections a while after the last sign of life, and writes that seldom", () => {
    const plan = new WakePlan({ recorded: ["c"], alarms: [], resumeWindow: window })
    assert.deepStrictEqual(plan.next(none, 0, false), { wakeAt: 5 * minute })
    assert.deepStrictEqual(plan.next(none, 2 * minute, false), {})
    assert.deepStrictEqual(plan.next(none, 3 * minute, false), { wakeAt: 8 * minute })
    assert.deepStrictEqual(plan.next(none, 3 * minute, true), { wakeAt: 8 * minute })
  })

  it("has the first alarm go before, and forgets both when they are gone", () => {
    const plan = new WakePlan({ recorded: ["c"], alarms: [alarm(10)], resumeWindow: window })
    assert.deepStrictEqual(plan.next(none, 0, false), { wakeAt: 10 })
    assert.deepStrictEqual(plan.next({ ...none, alarms: new Map([["a", null]]) }, 0, false), { wakeAt: 5 * minute })
    assert.deepStrictEqual(plan.next({ ...none, connections: new Map([["c", null]]) }, 0, false), { wakeAt: null })
  })
})
