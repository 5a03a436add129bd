/**
 * Alarms of durable actors.
 */
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Clock, DateTime, Duration, Effect, Order } from "effect"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it, Kind } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, type Life, onServer, pass, Play, put, remind, run, Stage } from "../support/Stage.ts"

const main = { type: "Stage", key: "main" }

const after = (duration: Duration.Input) =>
  Effect.map(DateTime.now, (now) => DateTime.addDuration(now, Duration.fromInputUnsafe(duration)))

const remindIn = (id: string, duration: Duration.Input) => Effect.flatMap(after(duration), (at) => remind(id, at))

/** Runs something in a turn of the actor. */
const cue = Effect.fnUntraced(function*(life: Life, scene: Effect.Effect<unknown, never, any>) {
  const { scenes } = yield* Play
  scenes.set("cue", scene)
  return yield* drive(onServer(life, (stage) => stage.cue({ scene: "cue" })))
})

const rings = Effect.map(Play, ({ log }) => log.filter((line) => line.startsWith("ring")))

const entries = (life: Life) => drive(onServer(life, (stage) => stage.entries()))

describe("an alarm", () => {
  it.onEachHost("that is set again rings at the later time alone", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      yield* cue(life, remindIn("tea", "1 second"))
      yield* cue(life, remindIn("tea", "10 seconds"))
      yield* pass(9_000, 500)
      assert.deepStrictEqual(yield* rings, [])
      yield* pass(2_000, 500)
      assert.deepStrictEqual(yield* rings, ["ring tea"])
    })))

  it.onEachHost("that is cancelled does not ring, and cannot be cancelled again", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      const cancel = Stage.Alarms.use((alarms) => Effect.map(alarms.cancel("tea"), Number))
      yield* cue(life, remindIn("tea", "1 second"))
      assert.strictEqual(yield* cue(life, cancel), 1)
      assert.strictEqual(yield* cue(life, cancel), 0)
      yield* pass(5_000, 500)
      assert.deepStrictEqual(yield* rings, [])
    })))

  it.onEachHost("whose time has passed rings at once, after the turn that sets it", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      yield* pass(10_000)
      yield* cue(life, Effect.andThen(remindIn("past", "-5 seconds"), put("turn")))
      yield* settle
      assert.deepStrictEqual(yield* entries(life), ["turn", "ring past"])
    })))

  it.onEachHost("of a far day rings then, though no timer can wait so long", () =>
    run(Effect.gen(function*() {
      const life = yield* begin()
      const day = 86_400_000
      yield* cue(life, remindIn("far", 26 * day))
      yield* pass(25 * day, day / 2)
      assert.deepStrictEqual(yield* rings, [])
      yield* pass(2 * day, day / 2)
      assert.deepStrictEqual(yield* rings, ["ring far"])
    })), {
    notInCluster: "each node asks storage every ten seconds whom it has to wake: a month of that takes too long"
  })

  it.onEachHost("rings within a minute where the clock was set, or the machine has slept meanwhile", () =>
    run(Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let ahead = 0
      const wall = () => clock.currentTimeMillisUnsafe() + ahead
      const shifted: Clock.Clock = Object.assign(Object.create(clock), {
        currentTimeMillisUnsafe: wall,
        currentTimeMillis: Effect.sync(wall)
      })
      const life = yield* Effect.provideService(begin({ maxIdleTime: "1 hour" }), Clock.Clock, shifted)
      yield* cue(life, Effect.all([remindIn("tea", "8 hours"), remindIn("cake", "1 day")]))
      yield* pass(1_000)
      ahead = Duration.toMillis("8 hours")
      yield* pass(60_000, 1_000)
      assert.deepStrictEqual(yield* rings, ["ring tea"])
    })))

  it.onEachHost("rings with the others of its time, each once and in turns", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      let running = 0
      let most = 0
      play.onRing = () =>
        Effect.sync(() => {
          running++
          most = Math.max(most, running)
        }).pipe(Effect.andThen(Effect.sleep(10)), Effect.andThen(Effect.sync(() => void running--)))
      const life = yield* begin()
      const at = yield* after("1 second")
      yield* cue(life, Effect.forEach(["a", "b", "c", "d"], (id) => remind(id, at), { discard: true }))
      yield* pass(2_000, 10)
      assert.deepStrictEqual(Arr.sort(yield* rings, Order.String), ["ring a", "ring b", "ring c", "ring d"])
      assert.strictEqual(most, 1)
    })))

  it.onEachHost("that sets itself again rings on and on, through sleep and crashes", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = (text) => remindIn(text, "10 seconds")
      const options = { maxIdleTime: 0 }
      let life = yield* begin(options)
      yield* cue(life, remindIn("tick", "10 seconds"))
      yield* pass(35_000, 1_000)
      assert.strictEqual((yield* rings).length, 3)
      assert.isAbove(play.log.filter((line) => line === "stop main").length, 2, "it sleeps between its alarms")
      yield* life.crash
      yield* pass(30_000, 1_000)
      life = yield* begin(options)
      yield* pass(25_000, 1_000)
      assert.deepStrictEqual(yield* entries(life), Array.from({ length: 6 }, () => "ring tick"))
    })))

  it.onEachHost("that sets itself again at the beginning of its handler goes on to its end", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = (text) =>
        remindIn(text, "1 hour").pipe(Effect.andThen(Effect.sleep("5 seconds")), Effect.andThen(put("ended")))
      const life = yield* begin({ maxIdleTime: 0 })
      yield* cue(life, remindIn("tick", "1 second"))
      yield* pass(10_000, 100)
      assert.deepStrictEqual(yield* entries(life), ["ring tick", "ended"])
    })))

  it.onEachHost("whose handler fails is spent, with what it has changed", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => Effect.die(new Error("no tea"))
      const life = yield* begin()
      yield* cue(life, remindIn("tea", "1 second"))
      yield* pass(60_000, 1_000)
      yield* life.crash
      const second = yield* begin()
      yield* pass(60_000, 1_000)
      assert.deepStrictEqual(yield* rings, ["ring tea"])
      assert.deepStrictEqual(yield* entries(second), ["ring tea"])
    })))

  for (const durability of ["commit", undefined] as const) {
    for (const concurrency of [1, 2]) {
      const how = `${durability === undefined ? "in memory" : "durable"}, with a concurrency of ${concurrency}`
      it.onEachHost(`whose handler interrupts itself is spent (${how})`, () =>
        run(Effect.gen(function*() {
          const play = yield* Play
          const listed: Array<number> = []
          play.onRing = () => Effect.interrupt
          play.scenes.set(
            "list",
            Stage.Alarms.use(({ all }) => Effect.map(all, ({ length }) => void listed.push(length)))
          )
          const life = yield* begin({ durability, concurrency })
          yield* cue(life, remindIn("tea", "1 second"))
          yield* pass(60_000, 1_000)
          yield* drive(onServer(life, (stage) => stage.cue({ scene: "list" })))
          yield* life.crash
          yield* begin({ durability, concurrency })
          yield* pass(60_000, 1_000)
          assert.deepStrictEqual(yield* rings, ["ring tea"])
          assert.deepStrictEqual(listed, [0])
        })))
    }
  }

  for (const durability of ["commit", undefined] as const) {
    it.onEachHost(`that is set while its actor is being built rings when that is done (${durability ?? "in memory"})`, () =>
      run(Effect.gen(function*() {
        const play = yield* Play
        play.onStart = remindIn("tea", 0).pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.andThen(Effect.sync(() => play.log.push("built")))
        )
        const life = yield* begin({ durability })
        yield* drive(onServer(life, (stage) => stage.entries()))
        yield* pass(2_000, 100)
        assert.deepStrictEqual(play.log, ["start main", "built", "ring tea"])
        assert.deepStrictEqual(yield* entries(life), ["ring tea"])
      })))
  }

  it.onEachHost("that is stored is known while its actor is being built, and can be set anew or taken back", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const first = yield* begin()
      yield* cue(
        first,
        Effect.forEach(["kept", "later", "gone"], (id) => remindIn(id, "1 minute"), { discard: true })
      )
      yield* first.crash
      const listed: Array<string> = []
      play.onStart = Effect.gen(function*() {
        play.onStart = Effect.void
        const { all, cancel } = yield* Stage.Alarms
        listed.push(...(yield* all).map(({ id }) => id))
        yield* remindIn("later", "10 minutes")
        assert.isTrue(yield* cancel("gone"))
      })
      const second = yield* begin()
      yield* entries(second)
      yield* pass(120_000, 10_000)
      assert.deepStrictEqual(Arr.sort(listed, Order.String), ["gone", "kept", "later"])
      assert.deepStrictEqual(yield* rings, ["ring kept"])
      yield* pass(600_000, 10_000)
      assert.deepStrictEqual(yield* entries(second), ["ring kept", "ring later"])
    })))

  it.onEachHost("that was due while no process was there rings when there is one again", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      yield* cue(first, remindIn("tea", "1 second"))
      yield* first.crash
      yield* pass(60_000)
      const second = yield* begin()
      yield* pass(1_000, 100)
      assert.deepStrictEqual(yield* rings, ["ring tea"])
      assert.deepStrictEqual(yield* entries(second), ["ring tea"])
    })))

  it.onEachHost("whose handler was running at a crash runs again, once in what is stored", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => play.gate("ring").await
      const first = yield* begin()
      yield* cue(first, remindIn("tea", "1 second"))
      yield* pass(2_000, 100)
      yield* first.crash
      yield* play.gate("ring").open
      const second = yield* begin()
      yield* pass(2_000, 100)
      assert.deepStrictEqual(yield* rings, ["ring tea", "ring tea"])
      assert.deepStrictEqual(yield* entries(second), ["ring tea"])
    })))

  it.onEachHost("that has rung does not ring again after a crash", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      yield* cue(first, remindIn("tea", "1 second"))
      yield* pass(2_000, 100)
      yield* first.crash
      const second = yield* begin()
      yield* pass(60_000, 1_000)
      assert.deepStrictEqual(yield* entries(second), ["ring tea"])
    })))

  it.onEachHost("of an RPC that the contract has lost is logged and gone, and disturbs no other", () =>
    run(Effect.gen(function*() {
      const storage = yield* ActorStorage.ActorStorage
      const alarm = (id: string, rpc: string, payload: string): readonly [string, ActorStorage.StoredAlarm] => [
        id,
        { id, at: 1_000, rpc, payload }
      ]
      yield* Effect.scoped(Effect.gen(function*() {
        const { fence } = yield* storage.load(main)
        yield* storage.commit(main, fence, {
          connections: new Map(),
          answered: [],
          trimmed: [],
          alarms: new Map([
            alarm("lost", "renamed", "{}"),
            alarm("torn", "ring", "{\"text\":7}"),
            alarm("whole", "ring", "{\"text\":\"whole\"}")
          ]),
          wakeAt: 1_000
        })
      }))
      const life = yield* begin()
      yield* pass(5_000, 100)
      assert.deepStrictEqual(yield* entries(life), ["ring whole"])
      yield* life.crash
      const { alarms, connections } = yield* Effect.scoped(storage.load(main))
      assert.deepStrictEqual(alarms, [])
      // In a cluster the session of the call above is there, to be looked after.
      assert.lengthOf(yield* storage.wakes("Stage", 10), connections.size)
      assert.strictEqual(connections.size, (yield* Kind) === "cluster" ? 1 : 0)
    })))

  it.onEachHost("of an actor in memory keeps it in memory until it has rung", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const storage = yield* TestStorage
      const life = yield* begin({ durability: undefined, maxIdleTime: "1 second" })
      yield* cue(life, remindIn("tea", "2 minutes"))
      yield* pass(119_000, 1_000)
      assert.notInclude(log, "stop main")
      yield* pass(3_000, 100)
      assert.deepStrictEqual(log.slice(-2), ["ring tea", "stop main"])
      assert.strictEqual(yield* storage.commits, 0)
    })))

  it.onEachHost("is listed until it begins, the next one first", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const listed: Array<ReadonlyArray<string>> = []
      const list = Stage.Alarms.use(({ all }) =>
        Effect.map(all, (alarms) => void listed.push(alarms.map(({ id, rpc }) => `${id} ${rpc}`)))
      )
      play.onRing = () => list
      const life = yield* begin()
      yield* cue(life, Effect.all([remindIn("b", "2 seconds"), remindIn("a", "1 second"), list], { discard: true }))
      yield* pass(3_000, 100)
      assert.deepStrictEqual(listed, [["a ring", "b ring"], ["b ring"], []])
    })))
})
