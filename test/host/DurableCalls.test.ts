/**
 * What becomes of calls that were under way when the process went.
 */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it } from "../support/Hosts.ts"
import * as RawPeer from "../support/RawPeer.ts"
import { begin, drive, join, onServer, pass, Play, put, run, Stage } from "../support/Stage.ts"

const maybe = "it may have run or not"

const times = (log: ReadonlyArray<string>, line: string) => log.filter((one) => one === line).length

/** Calls while `scene` waits at a gate, crashes, and gives how the call ends in the next life, where the gate is open. */
const crashAmid = Effect.fnUntraced(function*(
  rpc: "play" | "again" | "beside" | "besideAgain",
  options?: Parameters<typeof begin>[0]
) {
  const { gate, scenes } = yield* Play
  scenes.set("work", Effect.andThen(gate("work").await, put("worked")))
  const first = yield* begin(options)
  const ada = yield* join("ada")
  yield* drive(ada.rpc.all())
  const call = yield* Effect.forkChild(Effect.exit(ada.rpc[rpc]({ scene: "work" })))
  yield* pass(100)
  yield* first.crash
  yield* gate("work").open
  const second = yield* begin(options)
  const exit = yield* drive(Fiber.join(call))
  const entries = yield* onServer(second, (stage) => stage.entries())
  return { exit, entries }
})

describe("after a crash", () => {
  it.onEachHost("a call whose turn it was runs again, and once in what is stored", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const { entries, exit } = yield* crashAmid("play")
      assert.deepStrictEqual(exit, Exit.succeed(1))
      assert.deepStrictEqual(entries, ["+ada", "worked"])
      assert.strictEqual(times(log, "work"), 2)
    })))

  for (
    const [name, rpc, options] of [
      ["in Rpc.fork", "beside", undefined],
      ["of an actor that runs two at a time", "play", { concurrency: 2 }],
      ["of an actor without turns", "play", { concurrency: "unbounded" }]
    ] as const
  ) {
    it.onEachHost(`a handler ${name} does not run again, since nobody knows what it has done`, () =>
      run(Effect.gen(function*() {
        const { log } = yield* Play
        const { entries, exit } = yield* crashAmid(rpc, options)
        assert.include(String(exit), maybe)
        assert.deepStrictEqual(entries, ["+ada"])
        assert.strictEqual(times(log, "work"), 1)
      })))
  }

  for (
    const [name, rpc, options] of [
      ["in Rpc.fork", "besideAgain", undefined],
      ["of an actor that runs two at a time", "again", { concurrency: 2 }]
    ] as const
  ) {
    it.onEachHost(`an idempotent handler ${name} runs again`, () =>
      run(Effect.gen(function*() {
        const { exit } = yield* crashAmid(rpc, options)
        assert.deepStrictEqual(exit, Exit.succeed(1))
      })))
  }

  it.onEachHost("streams and discarded calls settle as unknown, and do not run again", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes, streams } = yield* Play
      scenes.set("busy", gate("busy").await)
      scenes.set("discarded", put("discarded"))
      streams.set("endless", Stream.concat(Stream.make(1), Stream.never))
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const stream = yield* Effect.forkChild(Effect.exit(Stream.runDrain(ada.rpc.stream({ scene: "endless" }))))
      const busy = yield* Effect.forkChild(ada.rpc.play({ scene: "busy" }))
      const discarded = yield* Effect.forkChild(Effect.exit(ada.rpc.play({ scene: "discarded" }, { discard: true })))
      yield* pass(100)
      yield* first.crash
      yield* gate("busy").open
      yield* begin()
      assert.include(String(yield* drive(Fiber.join(stream))), maybe)
      assert.include(String(yield* drive(Fiber.join(discarded))), maybe)
      yield* drive(Fiber.join(busy))
      assert.strictEqual(times(log, "endless"), 1)
      assert.strictEqual(times(log, "discarded"), 0)
    })))

  it.onEachHost("calls that waited for their turn run in their order, before those that were never sent", () =>
    run(Effect.gen(function*() {
      const { gate, scenes } = yield* Play
      scenes.set("first", Effect.andThen(gate("first").await, put("0")))
      const first = yield* begin({ host: { maxCallsInFlight: 3 } })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const calls = [yield* Effect.forkChild(ada.rpc.play({ scene: "first" }))]
      for (const entry of ["1", "2", "3", "4"]) calls.push(yield* Effect.forkChild(ada.rpc.add({ entry })))
      yield* pass(100)
      yield* first.crash
      yield* gate("first").open
      yield* begin({ host: { maxCallsInFlight: 3 } })
      assert.deepStrictEqual(yield* drive(Effect.all(calls.map(Fiber.join))), [1, 2, 3, 4, 5])
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada", "0", "1", "2", "3", "4"])
    })))

  it.onEachHost("a call that was reported as not executed does not run", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      scenes.set(
        "kick",
        Effect.gen(function*() {
          yield* gate("kick").await
          yield* put("kicked")
          yield* Effect.flatMap(Stage.CurrentConnection, (connection) => connection.disconnect("out"))
        })
      )
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const kick = yield* Effect.forkChild(ada.rpc.play({ scene: "kick" }))
      const never = yield* Effect.forkChild(Effect.exit(ada.rpc.add({ entry: "never" })))
      yield* pass(100)
      yield* gate("kick").open
      yield* drive(Fiber.join(kick))
      const exit = yield* drive(Fiber.join(never))
      assert.include(String(exit), "never ran")
      yield* first.crash
      const second = yield* begin()
      yield* pass(30_000, 1_000)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["+ada", "kicked", "-ada"])
      assert.strictEqual(times(log, "add never"), 0)
    })))

  it.onEachHost("a handler that has had its turn and answers later does not have it again", () =>
    run(Effect.gen(function*() {
      const { log, scenes } = yield* Play
      const answer = yield* Deferred.make<number>()
      scenes.set("later", Effect.as(put("later"), answer))
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const call = yield* Effect.forkChild(Effect.exit(ada.rpc.play({ scene: "later" })))
      yield* pass(1_000)
      assert.isUndefined(call.pollUnsafe())
      yield* first.crash
      const second = yield* begin()
      assert.include(String(yield* drive(Fiber.join(call))), maybe)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["+ada", "later"])
      assert.strictEqual(times(log, "later"), 1)
    })))

  it.onEachHost("a call whose answer was stored is answered with it, whatever the contract has become", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log } = yield* Play
      const params = { name: "ada" }
      const first = yield* begin()
      const peer = yield* Effect.provideContext(RawPeer.enter("Stage", { key: "main", params }), first.context)
      yield* peer.send(["call", 5, "add", { entry: "a" }])
      yield* pass(100)
      assert.strictEqual(peer.frames("reply").length, 1)
      const { connection, epoch, token } = peer.welcome
      yield* first.crash
      const second = yield* begin()
      const back = yield* Effect.provideContext(
        RawPeer.enter("Stage", {
          key: "main",
          params,
          attach: 2,
          resume: { connection, epoch, token, received: 0, calls: [5] }
        }),
        second.context
      )
      yield* back.send(["call", 5, "renamed", { entry: "a" }])
      yield* pass(100)
      assert.deepStrictEqual(back.frames("reply"), peer.frames("reply"))
      assert.strictEqual(times(log, "add a"), 1)
      assert.isAbove(yield* storage.commits, 0)
    })))
})
