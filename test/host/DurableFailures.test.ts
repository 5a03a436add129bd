/**
 * Durable actors whose storage does not do what it is asked to, or has something in it that cannot be read.
 */
import { assert, describe } from "@effect/vitest"
import { DateTime, Effect, Exit, Fiber, Schema, SubscriptionRef } from "effect"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it, Kind } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, join, onServer, pass, Play, put, remind, run, Stage } from "../support/Stage.ts"

const main = { type: "Stage", key: "main" }

/** Stores something beside the actor. */
const plant = (changes: Partial<ActorStorage.Changes>) =>
  Effect.scoped(Effect.gen(function*() {
    const storage = yield* ActorStorage.ActorStorage
    const { fence } = yield* storage.load(main)
    yield* storage.commit(main, fence, {
      connections: new Map(),
      answered: [],
      trimmed: [],
      alarms: new Map(),
      ...changes
    })
  }))

const stored = Effect.scoped(ActorStorage.ActorStorage.use((storage) => storage.load(main)))

const failureOf = (exit: Exit.Exit<unknown, unknown>) => {
  const error = Exit.findErrorOption(exit)
  const reason = error._tag === "Some" ? (error.value as { readonly reason?: unknown }).reason : undefined
  return reason as { readonly _tag: string; readonly explanation: string; readonly actor: string } | undefined
}

/** In a cluster server code has a session: its calls are made again, as those of clients are. */
const runsAgain = Effect.map(Kind, (kind) => kind === "cluster")

describe("a commit that fails", () => {
  it.onEachHost("takes back what was to be stored with it and after it, and server code is told, or its calls run again", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const isAgain = yield* runsAgain
      const { gate, log, scenes } = yield* Play
      scenes.set("busy", Effect.andThen(gate("busy").await, put("busy")))
      const life = yield* begin()
      yield* onServer(life, (stage) => stage.deposit({ entry: "kept" }))
      yield* storage.failCommits("Full")
      const calls = yield* Effect.forEach(
        ["a", "b"],
        (entry) => Effect.forkChild(Effect.exit(onServer(life, (stage) => stage.deposit({ entry }))))
      )
      const busy = yield* Effect.forkChild(Effect.exit(onServer(life, (stage) => stage.cue({ scene: "busy" }))))
      const [a, b] = yield* drive(Effect.all(calls.map(Fiber.join)))
      if (isAgain) yield* gate("busy").open
      const exits = [a!, b!, yield* drive(Fiber.join(busy))]
      const told = isAgain ? undefined : "OutcomeUnknown"
      assert.deepStrictEqual(exits.map((exit) => failureOf(exit)?._tag), [told, told, told])
      const again = isAgain ? ["a", "b", "busy"] : []
      assert.deepStrictEqual(yield* drive(onServer(life, (stage) => stage.entries())), ["kept", ...again])
      assert.strictEqual(log.filter((line) => line === "start main").length, 2)
    })))

  it.onEachHost("takes back an alarm that was set in its turn, and one that was cancelled is there again", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const isAgain = yield* runsAgain
      const { log, scenes } = yield* Play
      const soon = Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => now + 5_000)
      scenes.set("set", Effect.flatMap(soon, (at) => remind("kept", DateTime.makeUnsafe(at))))
      scenes.set(
        "change",
        Effect.gen(function*() {
          yield* Stage.Alarms.use((alarms) => alarms.cancel("kept"))
          yield* remind("lost", DateTime.makeUnsafe(yield* soon))
        })
      )
      const life = yield* begin()
      yield* onServer(life, (stage) => stage.cue({ scene: "set" }))
      yield* storage.failCommits("Unavailable")
      yield* drive(Effect.exit(onServer(life, (stage) => stage.cue({ scene: "change" }))))
      yield* pass(10_000, 500)
      assert.deepStrictEqual(log.filter((line) => line.startsWith("ring")), [isAgain ? "ring lost" : "ring kept"])
    })))

  it.onEachHost("while a client is admitted sends it away, and it comes back by itself", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      yield* begin()
      yield* storage.failCommits("Busy")
      const ada = yield* join("ada")
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada"])
    })))
})

describe("a storage that dies", () => {
  it.onEachHost("has failed, and does not leave its actor waiting", () =>
    run(Effect.gen(function*() {
      const inner = yield* ActorStorage.ActorStorage
      let deaths = 1
      const dying: ActorStorage.ActorStorage["Service"] = {
        ...inner,
        commit: (...args) =>
          Effect.suspend(() => deaths-- > 0 ? Effect.die(new Error("a bug of the storage")) : inner.commit(...args))
      }
      const life = yield* Effect.provideService(begin(), ActorStorage.ActorStorage, dying)
      const exit = yield* drive(Effect.exit(onServer(life, (stage) => stage.deposit({ entry: "a" }))))
      const isAgain = yield* runsAgain
      assert.strictEqual(failureOf(exit)?._tag, isAgain ? undefined : "OutcomeUnknown")
      assert.strictEqual(yield* drive(onServer(life, (stage) => stage.deposit({ entry: "b" }))), isAgain ? 1 : 0)
    })))
})

describe("a load that fails", () => {
  it.onEachHost("is told to server code, and the next call tries again", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const life = yield* begin()
      yield* storage.failLoads("Unavailable")
      const exit = yield* Effect.exit(onServer(life, (stage) => stage.entries()))
      assert.strictEqual(failureOf(exit)?._tag, "ActorUnavailable")
      assert.strictEqual(failureOf(exit)?.actor, "Stage/main")
      assert.deepStrictEqual(yield* onServer(life, (stage) => stage.entries()), [])
    })))

  it.onEachHost("lets clients wait, who come back by themselves with what they had", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.add({ entry: "a" }))
      const before = yield* SubscriptionRef.get(ada.status)
      yield* storage.failLoads("Busy", 4)
      yield* first.crash
      yield* begin()
      assert.strictEqual(yield* drive(ada.rpc.add({ entry: "b" })), 2)
      const after = yield* SubscriptionRef.get(ada.status)
      assert.strictEqual((after as { id?: string }).id, (before as { id?: string }).id)
    })))
})

describe("a state that does not encode", () => {
  it.onEachHost("is the fault of the handler that sets it: that one dies, and nothing has changed", () =>
    run(Effect.gen(function*() {
      const storage = yield* TestStorage
      const { scenes } = yield* Play
      scenes.set("wrong", Stage.State.use(({ set }) => set({ entries: [1 as never] })))
      yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      const before = yield* storage.commits
      const exit = yield* drive(Effect.exit(ada.rpc.play({ scene: "wrong" })))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(yield* storage.commits, before)
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada"])
    })))

  it.onEachHost("is the fault of who updates a connection: that one dies, and the state is as it was", () =>
    run(Effect.gen(function*() {
      const { scenes } = yield* Play
      const connection = Stage.CurrentConnection
      scenes.set(
        "wrong",
        Effect.flatMap(connection, ({ updateState }) => updateState(() => ({ name: 1 as never, calls: 0 })))
      )
      scenes.set("right", Effect.map(connection, ({ state }) => state.name.length))
      yield* begin()
      const ada = yield* join("ada")
      assert.isTrue(Exit.hasDies(yield* drive(Effect.exit(ada.rpc.play({ scene: "wrong" })))))
      assert.strictEqual(yield* drive(ada.rpc.play({ scene: "right" })), 3)
    })))
})

describe("a stored state", () => {
  it.onEachHost("of an earlier version is migrated, once it is stored again no more", () =>
    run(Effect.gen(function*() {
      yield* plant({ state: { version: 1, value: JSON.stringify(["old"]) } })
      const asked: Array<number> = []
      const migrate = (encoded: unknown, from: number) =>
        Effect.sync(() => {
          asked.push(from)
          return { entries: encoded }
        })
      const options = { version: 2, migrate }
      const first = yield* begin(options)
      assert.strictEqual(yield* onServer(first, (stage) => stage.deposit({ entry: "new" })), 1)
      yield* first.crash
      const second = yield* begin(options)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["old", "new"])
      assert.deepStrictEqual(asked, [1])
      assert.strictEqual((yield* stored).state?.version, 2)
    })))

  for (
    const [name, options] of [
      ["does not decode", {}],
      ["has a migration that fails", { version: 8, migrate: () => Effect.fail("cannot") }],
      ["has a migration that dies", { version: 8, migrate: () => Effect.die(new Error("cannot")) }],
      ["is migrated to what does not decode", { version: 8, migrate: () => Effect.succeed({ entries: "no" }) }]
    ] as const
  ) {
    it.onEachHost(`that ${name} keeps its actor from starting, overwrites nothing, and serves again once that is mended`, () =>
      run(Effect.gen(function*() {
        const state = { version: 7, value: JSON.stringify({ entries: [1] }) }
        yield* plant({ state })
        const storage = yield* TestStorage
        const before = yield* storage.commits
        const broken = yield* begin(options)
        const ada = yield* join("ada")
        yield* pass(5_000, 100)
        const error = failureOf(yield* Effect.exit(onServer(broken, (stage) => stage.entries())))
        assert.strictEqual(error?._tag, "ActorUnavailable")
        assert.strictEqual(error?.actor, "Stage/main")
        assert.include(error?.explanation, "version 7")
        assert.strictEqual(yield* storage.commits, before)
        assert.deepStrictEqual((yield* stored).state, state)
        yield* broken.crash
        yield* begin({ version: 8, migrate: () => Effect.succeed({ entries: ["1"] }) })
        assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["1", "+ada"])
      })))
  }
})

describe("a stored connection", () => {
  it.onEachHost("whose state does not decode is left out; its client gets a fresh one, and others are as they were", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      const [ada, bob] = [yield* join("ada"), yield* join("bob")]
      yield* drive(Effect.all([ada.rpc.all(), bob.rpc.all()]))
      const idOf = (client: typeof ada) =>
        Effect.map(SubscriptionRef.get(client.status), (status) => (status as { id?: string }).id!)
      const [adas, bobs] = [yield* idOf(ada), yield* idOf(bob)]
      yield* first.crash
      const text = (yield* stored).connections.get(adas)!
      yield* plant({ connections: new Map([[adas, text.replace(/"name":"ada"/, "\"name\":7")]]) })
      yield* begin()
      yield* drive(Effect.all([ada.rpc.add({ entry: "a" }), bob.rpc.add({ entry: "b" })], { concurrency: 2 }))
      assert.notStrictEqual(yield* idOf(ada), adas)
      assert.strictEqual(yield* idOf(bob), bobs)
      yield* settle
      assert.deepStrictEqual(
        new Set((yield* stored).connections.keys()),
        new Set([bobs, yield* idOf(ada)])
      )
    })))

  it.onEachHost("that is no record at all is left out as well", () =>
    run(Effect.gen(function*() {
      yield* plant({ connections: new Map([["torn", "{\"state\":"]]) })
      const life = yield* begin()
      assert.deepStrictEqual(yield* onServer(life, (stage) => stage.entries()), [])
      assert.isFalse(Schema.is(Schema.String)((yield* stored).connections.get("torn")))
    })))
})
