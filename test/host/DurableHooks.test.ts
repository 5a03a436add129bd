/**
 * Hooks, subscriptions and events across the lives of a durable actor.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { it } from "../support/Hosts.ts"
import * as RawPeer from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"
import { begin, drive, join, type Life, onServer, pass, Play, put, run, Stage } from "../support/Stage.ts"

const params = { name: "ada" }

const enter = (life: Life, fields: Parameters<typeof RawPeer.enter>[1] = {}) =>
  Effect.provideContext(RawPeer.enter("Stage", { key: "main", params, ...fields }), life.context)

const resumeOf = (
  { connection, epoch, token }: Effect.Success<ReturnType<typeof enter>>["welcome"],
  calls: ReadonlyArray<number> = []
) => ({ connection, epoch, token, received: 0, calls })

const hooks = (log: ReadonlyArray<string>) => log.filter((line) => line.startsWith("on"))

describe("a crash", () => {
  it.onEachHost("during onConnect has it run again, once in what is stored", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.hooks = {
        onConnect: ({ state }) =>
          Effect.sync(() => play.log.push(`onConnect ${state.name}`)).pipe(
            Effect.andThen(put(`+${state.name}`)),
            Effect.andThen(play.gate("greet").await)
          )
      }
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* pass(1_000)
      yield* first.crash
      yield* play.gate("greet").open
      yield* begin()
      assert.deepStrictEqual(yield* drive(ada.rpc.all()), ["+ada"])
      assert.deepStrictEqual(hooks(play.log).filter((line) => line.startsWith("onConnect")), [
        "onConnect ada",
        "onConnect ada"
      ])
    })))

  it.onEachHost("after onConnect has failed lets the client in no further, and runs onDisconnect once", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      let attempts = 0
      play.hooks = {
        onConnect: () => Effect.andThen(put(`attempt ${++attempts}`), Effect.die(new Error("no"))),
        onDisconnect: (_, { _tag }) => Effect.andThen(play.gate("farewell").await, put(_tag))
      }
      const first = yield* begin()
      const peer = yield* enter(first)
      assert.deepStrictEqual(peer.frames("bye").map(([, { reason }]) => reason._tag), ["InternalError"])
      yield* first.crash
      yield* play.gate("farewell").open
      const second = yield* begin()
      yield* onServer(second, (stage) => stage.entries())
      yield* pass(100)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["attempt 1", "InternalError"])
      assert.strictEqual(attempts, 1)
    })))

  it.onEachHost("during onSuspend has it run again, and a return after that runs it no more", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.hooks = {
        onSuspend: () => Effect.andThen(put("suspended"), play.gate("suspend").await)
      }
      const first = yield* begin()
      const { drop, welcome } = yield* enter(first)
      yield* drop
      yield* pass(100)
      yield* first.crash
      yield* play.gate("suspend").open
      const second = yield* begin()
      assert.deepStrictEqual(yield* drive(onServer(second, (stage) => stage.entries())), ["+ada", "suspended"])
      yield* second.crash
      const third = yield* begin()
      yield* onServer(third, (stage) => stage.entries())
      yield* pass(100)
      assert.deepStrictEqual(
        yield* onServer(third, (stage) => stage.entries()),
        ["+ada", "suspended"],
        "once for a suspension, however many lives it takes"
      )
      const back = yield* enter(third, { attach: 2, resume: resumeOf(welcome) })
      assert.isTrue(back.welcome.resumed)
      yield* back.drop
      yield* pass(100)
      assert.deepStrictEqual(yield* onServer(third, (stage) => stage.entries()), ["+ada", "suspended", "suspended"])
    })))

  it.onEachHost("during onDisconnect has it run again, once in what is stored", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.hooks = {
        onDisconnect: ({ state }, { _tag }) =>
          Effect.sync(() => play.log.push(`onDisconnect ${state.name} ${_tag}`)).pipe(
            Effect.andThen(put(`-${state.name}`)),
            Effect.andThen(play.gate("farewell").await)
          )
      }
      const first = yield* begin()
      const ada = yield* join("ada")
      yield* drive(ada.rpc.all())
      yield* Effect.forkChild(ada.disconnect())
      yield* pass(1_000)
      yield* first.crash
      yield* play.gate("farewell").open
      const second = yield* begin()
      yield* drive(onServer(second, (stage) => stage.entries()))
      yield* pass(100)
      assert.deepStrictEqual(yield* onServer(second, (stage) => stage.entries()), ["+ada", "-ada"])
      yield* second.crash
      const third = yield* begin()
      yield* pass(120_000, 10_000)
      assert.deepStrictEqual(yield* drive(onServer(third, (stage) => stage.entries())), ["+ada", "-ada"])
      assert.deepStrictEqual(hooks(play.log).filter((line) => line.startsWith("onDisconnect")), [
        "onDisconnect ada ClientLeft",
        "onDisconnect ada ClientLeft"
      ])
    })))

  for (const concurrency of [2, "unbounded"] as const) {
    it.onEachHost(`during onDisconnect stores nothing twice where handlers run beside others (${concurrency})`, () =>
      run(Effect.gen(function*() {
        const play = yield* Play
        play.hooks = {
          onConnect: () => Effect.void,
          onDisconnect: ({ state }) =>
            Effect.sync(() => play.log.push("onDisconnect")).pipe(
              Effect.andThen(play.gate("before").await),
              // A fiber of the hook is the hook.
              Effect.andThen(Effect.forkChild(put(`-${state.name}`), { startImmediately: true })),
              Effect.andThen(play.gate("after").await),
              Effect.andThen(put(`${state.name} is gone`))
            )
        }
        const first = yield* begin({ concurrency })
        const ada = yield* join("ada")
        yield* drive(ada.rpc.all())
        yield* Effect.forkChild(ada.disconnect())
        yield* pass(1_000)
        // What others change meanwhile is not the hook's.
        yield* onServer(first, (stage) => stage.deposit({ entry: "a" }))
        yield* first.crash

        const second = yield* begin({ concurrency })
        yield* drive(onServer(second, (stage) => stage.entries()))
        yield* pass(1_000)
        assert.deepStrictEqual(
          hooks(play.log),
          ["onDisconnect", "onDisconnect"],
          "it has left no trace, and runs again"
        )
        yield* play.gate("before").open
        yield* pass(1_000)
        yield* second.crash

        yield* play.gate("after").open
        const third = yield* begin({ concurrency })
        yield* pass(120_000, 10_000)
        assert.deepStrictEqual(yield* drive(onServer(third, (stage) => stage.entries())), ["a", "-ada"])
        assert.strictEqual(hooks(play.log).length, 2)
      })))
  }

  it.onEachHost("during onSuspend has it run again where handlers run beside others, unless it has left a trace", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.hooks = {
        onConnect: () => Effect.void,
        onSuspend: () =>
          Effect.sync(() => play.log.push("onSuspend")).pipe(
            Effect.andThen(play.gate("before").await),
            Effect.andThen(put("suspended")),
            Effect.andThen(play.gate("after").await)
          )
      }
      const options = { concurrency: 2 }
      let life = yield* begin(options)
      const { drop } = yield* enter(life)
      yield* drop
      yield* pass(1_000)
      yield* life.crash
      for (const gate of ["before", "after"]) {
        life = yield* begin(options)
        yield* drive(onServer(life, (stage) => stage.entries()))
        yield* pass(100)
        yield* play.gate(gate).open
        yield* pass(100)
        yield* life.crash
      }
      const last = yield* begin(options)
      assert.deepStrictEqual(yield* drive(onServer(last, (stage) => stage.entries())), ["suspended"])
      assert.deepStrictEqual(hooks(play.log), ["onSuspend", "onSuspend"])
    })))

  it.onEachHost("between a kick and its onDisconnect keeps the reason", () =>
    run(Effect.gen(function*() {
      const play = yield* Play
      play.scenes.set(
        "kick",
        Effect.flatMap(Stage.Connections, ({ all }) =>
          Effect.flatMap(
            all,
            (connections) => Effect.forEach(connections.values(), (one) => one.disconnect("out"), { discard: true })
          ))
      )
      play.hooks = {
        onDisconnect: ({ state }, reason) =>
          Effect.andThen(
            play.gate("farewell").await,
            put(`-${state.name} ${reason._tag} ${reason._tag === "Kicked" ? reason.reason : ""}`)
          )
      }
      const first = yield* begin()
      const peer = yield* enter(first)
      yield* onServer(first, (stage) => stage.cue({ scene: "kick" }))
      yield* settle
      assert.deepStrictEqual(peer.frames("bye").map(([, { reason }]) => reason._tag), ["Kicked"])
      yield* first.crash
      yield* play.gate("farewell").open
      const second = yield* begin()
      const back = yield* enter(second, { attach: 2, resume: resumeOf(peer.welcome) })
      assert.isFalse(back.welcome.resumed, "a kicked connection does not resume")
      const entries = yield* onServer(second, (stage) => stage.entries())
      assert.deepStrictEqual(entries.filter((entry) => entry.startsWith("-")), ["-ada Kicked out"])
    })))
})

describe("in a new epoch", () => {
  it.onEachHost("the subscriptions of the hello count", () =>
    run(Effect.gen(function*() {
      const { scenes } = yield* Play
      scenes.set(
        "both",
        Effect.flatMap(
          Stage.Connections,
          ({ broadcast }) => Effect.andThen(broadcast("said", { text: "s" }), broadcast("whispered", { text: "w" }))
        )
      )
      const first = yield* begin()
      const { welcome } = yield* enter(first, { subscriptions: ["said"] })
      yield* first.crash
      const second = yield* begin()
      const back = yield* enter(second, { attach: 2, subscriptions: ["whispered"], resume: resumeOf(welcome) })
      yield* onServer(second, (stage) => stage.cue({ scene: "both" }))
      yield* settle
      assert.deepStrictEqual(back.frames("event").map(([, event]) => event), ["whispered"])
    })))

  it.onEachHost("events that are sent before the client is back reach it, by the subscriptions that it had", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      const peer = yield* enter(first)
      yield* peer.send(["subscribe", "said"])
      yield* pass(100)
      yield* first.crash
      const second = yield* begin()
      yield* onServer(second, (stage) => stage.deposit({ entry: "meanwhile" }))
      const back = yield* enter(second, { attach: 2, subscriptions: ["said"], resume: resumeOf(peer.welcome) })
      assert.deepStrictEqual(back.frames("event"), [["event", "said", { text: "meanwhile" }]])
    })))

  it.onEachHost("an unsubscription of before holds", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      const peer = yield* enter(first, { subscriptions: ["said"] })
      yield* peer.send(["unsubscribe", "said"])
      yield* pass(100)
      yield* first.crash
      const second = yield* begin()
      yield* onServer(second, (stage) => stage.deposit({ entry: "meanwhile" }))
      const back = yield* enter(second, { attach: 2, resume: resumeOf(peer.welcome) })
      assert.deepStrictEqual(back.frames("event"), [])
    })))

  it.onEachHost("a gap is announced, with the connection as it was", () =>
    run(Effect.gen(function*() {
      const first = yield* begin()
      const ada = yield* join("ada")
      const gap = yield* Effect.forkChild(Stream.runHead(ada.gaps), { startImmediately: true })
      yield* drive(ada.rpc.all())
      yield* first.crash
      yield* begin()
      const found = (yield* drive(Fiber.join(gap))).pipe((option) => option._tag === "Some" ? option.value : undefined)
      assert.strictEqual(found?.cause, "ActorRestarted")
      assert.strictEqual(found?.current, found?.previous)
    })))

  it.onEachHost("a stored reply waits through a second crash that comes before the client is back", () =>
    run(Effect.gen(function*() {
      const { log } = yield* Play
      const first = yield* begin()
      const peer = yield* enter(first)
      yield* peer.send(["call", 0, "add", { entry: "a" }])
      yield* pass(100)
      yield* first.crash
      const second = yield* begin()
      const knocking = yield* Effect.provideContext(RawPeer.open(), second.context)
      yield* knocking.send(
        RawPeer.hello("Stage", { key: "main", params, attach: 2, resume: resumeOf(peer.welcome, [0]) })
      )
      yield* second.crash
      const third = yield* begin()
      const back = yield* enter(third, { attach: 3, resume: resumeOf(peer.welcome, [0]) })
      assert.isTrue(back.welcome.resumed)
      yield* back.send(["call", 0, "add", { entry: "a" }])
      yield* pass(100)
      assert.deepStrictEqual(back.frames("reply"), peer.frames("reply"))
      assert.deepStrictEqual(log.filter((line) => line === "add a"), ["add a"])
    })))
})
