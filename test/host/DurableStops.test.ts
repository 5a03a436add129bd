/**
 * Hosts that end in order, and another one that takes over on the same storage.
 */
import { assert, describe } from "@effect/vitest"
import { Array as Arr, Context, DateTime, Effect, Exit, Fiber, Order, Stream, SubscriptionRef } from "effect"
import * as ActorHost from "../../src/ActorHost.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it, Kind } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, join, Network, onServer, pass, Play, put, remind, run } from "../support/Stage.ts"

const idOf = (client: Effect.Success<ReturnType<typeof join>>) =>
  Effect.map(SubscriptionRef.get(client.status), (status) => status._tag === "Connected" ? status.id : undefined)

describe("a host that closes", () => {
  it.onEachHost("leaves its connections to the next one, with no hook but onSuspend and onResume", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const first = yield* begin()
      const ada = yield* join("ada")
      const gaps = yield* Effect.forkChild(Stream.runHead(ada.gaps), { startImmediately: true })
      yield* drive(ada.rpc.add({ entry: "a" }))
      const id = yield* idOf(ada)
      yield* drive(first.stop)
      yield* begin()
      assert.strictEqual(yield* drive(ada.rpc.add({ entry: "b" })), 2)
      assert.strictEqual(yield* idOf(ada), id)
      assert.isDefined(gaps.pollUnsafe(), "a new epoch announces a gap")
      assert.deepStrictEqual(log.filter((line) => line.startsWith("on")), [
        "onConnect ada",
        "onSuspend ada",
        "onResume ada"
      ])
    })))

  it.onEachHost("lets the handler whose turn it is finish, and its reply arrives", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      scenes.set("slow", Effect.andThen(gate("slow").await, put("slow")))
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const call = yield* Effect.forkChild(ada.rpc.play({ scene: "slow" }))
      yield* pass(100)
      const stopping = yield* Effect.forkChild(first.stop)
      yield* pass(1_000)
      yield* gate("slow").open
      yield* drive(Fiber.join(stopping))
      const second = yield* begin()
      assert.strictEqual(yield* drive(Fiber.join(call)), 1)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["+ada", "slow"])
      assert.strictEqual(log.filter((line) => line === "slow").length, 1)
    })))

  it.onEachHost("answers no call twice whose handler it had to cut short", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      scenes.set("endless", Effect.andThen(put("begun"), gate("never").await))
      const first = yield* begin({ host: { kickGrace: "1 second" } })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const call = yield* Effect.forkChild(Effect.exit(ada.rpc.play({ scene: "endless" })))
      yield* pass(100)
      yield* drive(first.stop)
      const second = yield* begin()
      const exit = yield* drive(Fiber.join(call))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "it may have run or not")
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["+ada", "begun"])
      assert.strictEqual(log.filter((line) => line === "endless").length, 1)
    })))

  it.onEachHost("leaves calls that have not begun to the next one", () =>
    run(Effect.gen(function*() {
      const { gate, scenes } = yield* Play
      scenes.set("slow", Effect.andThen(gate("slow").await, put("slow")))
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const slow = yield* Effect.forkChild(ada.rpc.play({ scene: "slow" }))
      const waiting = yield* Effect.forkChild(ada.rpc.add({ entry: "waiting" }))
      yield* pass(100)
      const draining = yield* Effect.forkChild(Effect.provideContext(
        ActorHost.ActorHost.use((host) => host.drain({ window: 0, retryAfter: 0 })),
        first.context
      ))
      yield* pass(100)
      yield* gate("slow").open
      yield* drive(Fiber.join(draining))
      yield* drive(first.stop)
      yield* begin()
      assert.deepStrictEqual(yield* drive(Effect.all([Fiber.join(slow), Fiber.join(waiting)])), [1, 2])
    })))

  it.onEachHost("lets an onConnect finish that has begun, which then does not run again", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.hooks = {
        onConnect: ({ state }) =>
          put(`+${state.name}`).pipe(
            Effect.andThen(play.gate("greet").await),
            Effect.andThen(put("greeted")),
            Effect.andThen(Effect.sync(() => play.log.push("greeted")))
          )
      }
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* pass(1_000)
      const stopping = yield* Effect.forkChild(first.stop)
      yield* pass(1_000)
      yield* play.gate("greet").open
      yield* drive(Fiber.join(stopping))
      yield* begin()
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada", "greeted"])
      assert.deepStrictEqual(play.log.filter((line) => line === "greeted"), ["greeted"])
    })))

  it.onEachHost("lets the handler of an alarm finish, which then does not run again", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => play.gate("ring").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const first = yield* begin()
      yield* onServer(first, (stage) => stage.cue({ scene: "set" }))
      yield* pass(100)
      const stopping = yield* Effect.forkChild(first.stop)
      yield* pass(1_000)
      yield* play.gate("ring").open
      yield* drive(Fiber.join(stopping))
      const second = yield* begin()
      yield* pass(10_000)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["ring tea"])
    })))

  it.onEachHost("runs an alarm again on the next host whose handler it had to cut short", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => play.gate("ring").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const first = yield* begin({ host: { kickGrace: "1 second" } })
      yield* onServer(first, (stage) => stage.cue({ scene: "set" }))
      yield* pass(100)
      yield* drive(first.stop)
      yield* play.gate("ring").open
      yield* begin()
      yield* pass(10_000)
      assert.strictEqual(play.log.filter((line) => line === "ring tea").length, 2)
    })))

  it.onEachHost("keeps nothing of an alarm that it had to cut short: its change counts once", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => play.gate("ring").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const first = yield* begin({ host: { kickGrace: "1 second" } })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* onServer(first, (stage) => stage.cue({ scene: "set" }))
      yield* pass(100)
      const waiting = yield* Effect.forkChild(ada.rpc.add({ entry: "waiting" }))
      yield* pass(100)
      yield* drive(first.stop)
      yield* play.gate("ring").open
      yield* begin()
      yield* pass(10_000)
      yield* drive(Fiber.join(waiting))
      assert.deepStrictEqual(
        Arr.sort(yield* drive(ada.rpc.all()), Order.String),
        ["+ada", "ring tea", "waiting"]
      )
    })))

  it.onEachHost("keeps what turns have changed before such an alarm, though it was not stored yet", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.onRing = () => play.gate("ring").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const options = { durability: { interval: "1 hour" }, host: { kickGrace: 0 } } as const
      const first = yield* begin(options)
      yield* onServer(first, (stage) => stage.deposit({ entry: "a" }))
      yield* onServer(first, (stage) => stage.cue({ scene: "set" }))
      yield* pass(100)
      yield* drive(first.stop)
      yield* play.gate("ring").open
      const second = yield* begin(options)
      yield* pass(10_000)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["a", "ring tea"])
    })))

  it.onEachHost("ends an actor in memory whose alarm goes on for ever", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const network = yield* Network
      play.onRing = () => play.gate("ring").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const life = yield* begin({ durability: undefined, host: { kickGrace: "1 second" } })
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* onServer(life, (stage) => stage.cue({ scene: "set" }))
      yield* network.cut
      yield* pass(100)
      yield* drive(life.stop)
      assert.strictEqual(play.log.at(-1), "stop main")
    })))
})

describe("a host that closes while an actor starts", () => {
  it.onEachHost("does not wait for what that was about to do, nor for the connections that it had", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* first.crash
      play.onStart = Effect.sleep("100 millis")
      const second = yield* begin()
      const asking = yield* Effect.forkChild(Effect.exit(onServer(second, (stage) => stage.entries())))
      yield* pass(50, 10)
      const stopping = yield* Effect.forkChild(second.stop)
      yield* pass(1_000, 50)
      assert.isDefined(stopping.pollUnsafe())
      assert.isDefined(asking.pollUnsafe())
      play.onStart = Effect.void
      yield* begin()
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada"])
    })))
})

describe("a host that is drained", () => {
  it.onEachHost("sends its clients to the next one, which has their connections and what they had not read", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.add({ entry: "a" }))
      const id = yield* idOf(ada)
      const call = yield* Effect.forkChild(ada.rpc.add({ entry: "b" }))
      yield* Effect.provideContext(
        ActorHost.ActorHost.use((host) => host.drain({ window: "1 second", retryAfter: "1 second" })),
        first.context
      ).pipe(drive)
      yield* drive(first.stop)
      yield* begin()
      assert.strictEqual(yield* drive(Fiber.join(call)), 2)
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada", "a", "b"])
      assert.strictEqual(yield* idOf(ada), id)
      assert.isFalse(log.some((line) => line.startsWith("onDisconnect")))
    })))
})

describe("two hosts on one storage", () => {
  it.onEachHost("never store beside each other: the one that loaded first is fenced off, and starts again", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const first = yield* begin()
      yield* onServer(first, (stage) => stage.deposit({ entry: "a" }))
      const second = yield* begin()
      yield* onServer(second, (stage) => stage.deposit({ entry: "b" }))
      const late = yield* Effect.exit(drive(onServer(first, (stage) => stage.deposit({ entry: "late" }))))
      // In a cluster the call is made again, on what the other one has stored.
      const isAgain = (yield* Kind) === "cluster"
      assert.include(String(late), isAgain ? "Success(2)" : "the call may have run or not")
      const entries = isAgain ? ["a", "b", "late"] : ["a", "b"]
      assert.deepStrictEqual(yield* drive(onServer(first, (stage) => stage.entries())), entries)
      assert.deepStrictEqual(log.filter((line) => line.startsWith("start")), ["start main", "start main", "start main"])
    })))
})

describe("an instance whose commit has failed", () => {
  it.onEachHost("starts again at once, though a handler is busy", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      const storage = yield* TestStorage
      scenes.set("busy", Effect.andThen(put("busy"), gate("never").await))
      const life = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* storage.failCommits("Unavailable")
      const failing = yield* Effect.forkChild(ada.rpc.add({ entry: "a" }))
      yield* Effect.forkChild(Effect.exit(ada.rpc.play({ scene: "busy" })))
      yield* settle
      assert.include(log, "stop main")
      yield* gate("never").open
      assert.strictEqual(yield* drive(Fiber.join(failing)), 1)
      assert.isDefined(Context.get(life.context, ActorHost.ActorHost))
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada", "a", "busy"])
    })))

  it.onEachHost("starts again at once, though the handler of an alarm is busy and a hook waits for its turn", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const network = yield* Network
      const storage = yield* TestStorage
      play.onRing = () => play.gate("never").await
      play.scenes.set("set", Effect.flatMap(DateTime.now, (now) => remind("tea", now)))
      const life = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* onServer(life, (stage) => stage.cue({ scene: "set" }))
      yield* pass(100)
      yield* network.cut
      yield* settle
      yield* storage.failCommits("Unavailable")
      const ben = yield* join("ben")
      const waiting = yield* Effect.forkChild(ben.rpc.add({ entry: "b" }))
      yield* pass(1_000)
      assert.include(play.log, "stop main")
      yield* play.gate("never").open
      yield* drive(Fiber.join(waiting))
      assert.deepStrictEqual(
        Arr.sort(yield* drive(ada.rpc.all()), Order.String),
        ["+ada", "+ben", "b", "ring tea"]
      )
    })))
})
