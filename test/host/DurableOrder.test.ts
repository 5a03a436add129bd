/**
 * All that a durable actor says leaves in the order in which it was said, after every earlier commit.
 */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream, SubscriptionRef } from "effect"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, join, onServer, pass, Play, put, run, Stage } from "../support/Stage.ts"

/** A client whose events are written down. */
const listen = Effect.fnUntraced(function*(name: string) {
  const client = yield* join(name)
  const heard: Array<string> = []
  yield* Effect.forkScoped(Stream.runForEach(client.events.said, ({ text }) => Effect.sync(() => heard.push(text))))
  yield* drive(client.rpc.all())
  heard.length = 0
  return { client, heard }
})

const say = (text: string) => Stage.Connections.use(({ broadcast }) => broadcast("said", { text }))

describe("while a change is being stored", () => {
  it.onEachHost("the reply of a call that only reads waits", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      yield* begin()
      const { client } = yield* listen("ada")
      yield* storage.hold
      const write = yield* Effect.forkChild(client.rpc.add({ entry: "a" }))
      const read = yield* Effect.forkChild(client.rpc.all())
      yield* pass(1_000)
      assert.deepStrictEqual([write.pollUnsafe(), read.pollUnsafe()], [undefined, undefined])
      yield* storage.letGo
      assert.strictEqual(yield* drive(Fiber.join(write)), 1)
      assert.deepStrictEqual(yield* drive(Fiber.join(read)), ["+ada", "a"])
    })))

  it.onEachHost("events of hooks, of timers and of streams wait, and come in order", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const { gate, scenes, streams } = yield* Play
      const play = yield* Play
      play.onStart = Effect.forkScoped(Effect.andThen(gate("timer").await, say("timer")))
      scenes.set("add", put("a"))
      streams.set("speak", Stream.fromEffect(Effect.as(say("stream"), 1)))
      yield* begin()
      const { client, heard } = yield* listen("ada")
      yield* storage.hold
      const writing = yield* Effect.forkChild(client.rpc.play({ scene: "add" }))
      yield* pass(100)
      yield* gate("timer").open
      yield* pass(100)
      const streaming = yield* Effect.forkChild(Stream.runCollect(client.rpc.stream({ scene: "speak" })))
      yield* pass(100)
      const bob = yield* join("bob")
      yield* pass(1_000)
      assert.deepStrictEqual(heard, [])
      yield* storage.letGo
      yield* drive(Effect.all([Fiber.join(writing), Fiber.join(streaming), bob.rpc.all()]))
      assert.deepStrictEqual(heard, ["a", "timer", "stream", "+bob"])
    })))

  it.onEachHost("the answer to server code waits", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const life = yield* begin()
      yield* storage.hold
      const deposit = yield* Effect.forkChild(onServer(life, (stage) => stage.deposit({ entry: "a" })))
      const entries = yield* Effect.forkChild(onServer(life, (stage) => stage.entries()))
      yield* pass(1_000)
      assert.deepStrictEqual([deposit.pollUnsafe(), entries.pollUnsafe()], [undefined, undefined])
      yield* storage.letGo
      assert.strictEqual(yield* drive(Fiber.join(deposit)), 0)
      assert.deepStrictEqual(yield* drive(Fiber.join(entries)), ["a"])
    })))

  it.onEachHost("the next turn runs, as do a thousand more, and then turns wait", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log } = yield* Play
      const life = yield* begin()
      yield* onServer(life, (stage) => stage.entries())
      yield* storage.hold
      const calls = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: 1_100 }, (_, i) => `${i}`),
        (entry) => onServer(life, (stage) => stage.deposit({ entry })),
        { concurrency: "unbounded" }
      ))
      const runs = () => log.filter((line) => line.startsWith("add")).length
      for (let i = 0; i < 100; i++) yield* settle
      assert.strictEqual(runs(), 1_024)
      yield* storage.letGo
      const places = yield* drive(Fiber.join(calls))
      assert.deepStrictEqual(places, Array.from({ length: 1_100 }, (_, i) => i))
    })))

  it.onEachHost("the bye of a kick waits", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const { log, scenes } = yield* Play
      scenes.set(
        "leave",
        Effect.andThen(put("left"), Stage.CurrentConnection.use(({ disconnect }) => disconnect("bye")))
      )
      yield* begin()
      const { client } = yield* listen("ada")
      yield* storage.hold
      const call = yield* Effect.forkChild(client.rpc.play({ scene: "leave" }))
      yield* pass(1_000)
      assert.strictEqual((yield* SubscriptionRef.get(client.status))._tag, "Connected")
      yield* storage.letGo
      assert.strictEqual(yield* drive(Fiber.join(call)), 0, "the reply of who kicks itself precedes its bye")
      yield* pass(1_000)
      assert.strictEqual((yield* SubscriptionRef.get(client.status))._tag, "Disconnected")
      assert.strictEqual(log.at(-1), "onDisconnect ada Kicked")
    })))
})

describe("while a turn goes on", () => {
  it.onEachHost("a stream gives its values at once, and its end after them", () =>
    run(Effect.gen(function*() {
      const { gate, scenes, streams } = yield* Play
      scenes.set("wait", Effect.andThen(gate("turn").await, put("late")))
      streams.set("three", Stream.make(1, 2, 3))
      yield* begin()
      const { client } = yield* listen("ada")
      const turn = yield* Effect.forkChild(client.rpc.play({ scene: "wait" }))
      yield* pass(100)
      const values: Array<number> = []
      const stream = yield* Effect.forkChild(
        Stream.runForEach(client.rpc.stream({ scene: "three" }), (value) => Effect.sync(() => values.push(value)))
      )
      yield* pass(1_000)
      assert.deepStrictEqual(values, [1, 2, 3])
      assert.isDefined(stream.pollUnsafe())
      assert.isUndefined(turn.pollUnsafe())
      yield* gate("turn").open
      yield* drive(Fiber.join(turn))
    })))

  it.onEachHost("a stream that was told of the turn's change waits for it, and gives everything", () =>
    run(Effect.gen(function*() {
      const { gate, scenes, streams } = yield* Play
      scenes.set("wait", Effect.andThen(put("early"), gate("turn").await))
      streams.set("three", Stream.make(1, 2, 3))
      yield* begin()
      const { client } = yield* listen("ada")
      const turn = yield* Effect.forkChild(client.rpc.play({ scene: "wait" }))
      yield* pass(100)
      const stream = yield* Effect.forkChild(Stream.runCollect(client.rpc.stream({ scene: "three" })))
      yield* pass(1_000)
      assert.isUndefined(stream.pollUnsafe())
      yield* gate("turn").open
      yield* drive(Fiber.join(turn))
      assert.deepStrictEqual(Array.from(yield* drive(Fiber.join(stream))), [1, 2, 3])
    })))

  it.onEachHost("what it has said and not yet stored is not overtaken by what is said beside it", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      scenes.set("announce", Effect.andThen(say("first"), gate("turn").await))
      scenes.set("fork", Effect.succeed(1))
      yield* begin()
      const { client, heard } = yield* listen("ada")
      const turn = yield* Effect.forkChild(client.rpc.play({ scene: "announce" }))
      yield* pass(100)
      const beside = yield* Effect.forkChild(client.rpc.beside({ scene: "fork" }))
      yield* pass(1_000)
      assert.strictEqual(log.at(-1), "fork")
      assert.isUndefined(beside.pollUnsafe())
      yield* gate("turn").open
      yield* drive(Effect.all([Fiber.join(turn), Fiber.join(beside)]))
      yield* settle
      assert.deepStrictEqual(heard, ["first"])
    })))

  it.onEachHost("a call that is refused learns so at once", () =>
    run(Effect.gen(function*() {
      const { gate, log, scenes } = yield* Play
      scenes.set("wait", gate("turn").await)
      yield* begin({ host: { maxCallsInFlight: 2 } })
      const { client } = yield* listen("ada")
      const turn = yield* Effect.forkChild(client.rpc.play({ scene: "wait" }))
      yield* pass(100)
      const interrupted = yield* Effect.forkChild(client.rpc.add({ entry: "never" }))
      yield* pass(100)
      yield* Fiber.interrupt(interrupted)
      // The place of the interrupted call is free again once the actor has said so.
      const beside = yield* Effect.forkChild(client.rpc.beside({ scene: "wait" }))
      yield* pass(1_000)
      assert.strictEqual(log.filter((line) => line === "wait").length, 2)
      yield* gate("turn").open
      yield* drive(Effect.all([Fiber.join(turn), Fiber.join(beside)]))
      assert.deepStrictEqual(yield* drive(client.rpc.all()), ["+ada"])
    })))
})

describe("what an answer brings about", () => {
  it.onEachHost("is stored, though it happens while the answer leaves", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      const storage = yield* TestStorage
      const done = yield* Deferred.make<void>()
      // A fiber of the actor asks it, and changes the state as soon as it is answered.
      play.onStart = Effect.forkScoped(
        Effect.gen(function*() {
          yield* play.gate("timer").await
          const [self, other] = [yield* Stage.client("main"), yield* Stage.State]
          yield* Effect.orDie(self.entries())
          yield* other.update(({ entries }) => ({ entries: [...entries, "from the timer"] }))
          yield* Deferred.succeed(done, undefined)
        }).pipe(Effect.provide(Layer.effectContext(Effect.sync(() => host!))))
      )
      const first = yield* begin()
      host = first.context
      yield* onServer(first, (stage) => stage.entries())
      yield* storage.hold
      const deposit = yield* Effect.forkChild(onServer(first, (stage) => stage.deposit({ entry: "a" })))
      yield* settle
      yield* play.gate("timer").open
      yield* settle
      yield* storage.letGo
      yield* drive(Effect.all([Fiber.join(deposit), Deferred.await(done)]))
      yield* settle
      yield* first.crash
      const second = yield* begin()
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["a", "from the timer"])
    })))
})

let host: Effect.Success<ReturnType<typeof begin>>["context"] | undefined
