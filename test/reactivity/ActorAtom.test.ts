import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Option } from "effect"
import { AsyncResult, Atom } from "effect/reactivity"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { ConnectionError } from "../../src/ConnectionError.ts"
import type { Gap } from "../../src/ConnectionStatus.ts"
import * as ActorAtom from "../../src/reactivity/ActorAtom.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import * as RoomAtoms from "../support/RoomAtoms.ts"
import { Backstage, Room } from "../support/Rooms.ts"

const { pass, settle } = ChatApp

const errorOf = <A, E>(result: AsyncResult.AsyncResult<A, E>) => Option.getOrUndefined(AsyncResult.error(result))

const hooks = Effect.flatMap(Backstage, (backstage) => backstage.entriesOf("on"))

/** Keeps the client away until the network heals. */
const cutOff = Effect.gen(function*() {
  const network = yield* TestNetwork
  yield* network.refuse
  yield* network.cut
  yield* settle
})

const heal = Effect.gen(function*() {
  yield* (yield* TestNetwork).heal
  yield* pass("1 second")
  yield* settle
})

/** Makes the server forget the client, and lets it come back. */
const lose = Effect.gen(function*() {
  yield* cutOff
  yield* pass("2 minutes")
  yield* heal
})

/** What is only held weakly is gone afterwards. */
const collectGarbage = Effect.gen(function*() {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  const lost = new WeakRef({})
  yield* settle
  gc()
  assert.isUndefined(lost.deref())
})

describe("the atoms of a client", () => {
  it.effect("share one client, which connects when the first is used and leaves when none is", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      yield* pass("1 minute")
      assert.strictEqual(yield* network.dials, 0)
      const leave = [lobby.status, lobby.queued, lobby.gap, lobby.call("say"), lobby.query("names")].map((atom) =>
        registry.mount(atom as Atom.Atom<unknown>)
      )
      yield* settle
      assert.strictEqual(yield* network.dials, 1)
      assert.deepStrictEqual(yield* hooks, ["onBeforeConnect ada", "onConnect ada"])
      for (const one of leave.slice(1)) one()
      yield* pass("1 minute")
      assert.strictEqual(registry.get(lobby.status)._tag, "Connected")
      leave[0]!()
      yield* settle
      assert.deepStrictEqual((yield* hooks).at(-1), "onDisconnect ada ClientLeft")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("tell where the client stands, from the first moment on", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const statuses: Array<string> = []
      const tag = Atom.map(lobby.status, ({ _tag }) => _tag)
      registry.subscribe(tag, (tag) => statuses.push(tag), { immediate: true })
      assert.deepStrictEqual(statuses, ["Connecting"])
      yield* settle
      yield* cutOff
      yield* heal
      assert.deepStrictEqual(statuses, ["Connecting", "Connected", "Waiting", "Connecting", "Connected"])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("give the handle itself, and make a new one when that is refreshed", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      registry.mount(lobby.client)
      registry.mount(lobby.disconnect)
      registry.mount(lobby.status)
      yield* settle
      const first = AsyncResult.getOrThrow(registry.get(lobby.client))
      assert.strictEqual(yield* first.rpc.echo({ text: "hi" }), "hi")
      registry.set(lobby.disconnect, "bored")
      yield* settle
      assert.deepInclude(registry.get(lobby.status), { _tag: "Disconnected" })
      registry.refresh(lobby.client)
      yield* settle
      assert.notStrictEqual(AsyncResult.getOrThrow(registry.get(lobby.client)), first)
      assert.strictEqual(registry.get(lobby.status)._tag, "Connected")
      assert.deepStrictEqual(yield* hooks, [
        "onBeforeConnect ada",
        "onConnect ada",
        "onDisconnect ada ClientLeft",
        "onBeforeConnect ada",
        "onConnect ada"
      ])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("do not wait for the old client when they make a new one", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      registry.mount(lobby.status)
      yield* settle
      const first = AsyncResult.getOrThrow(registry.get(lobby.client))
      yield* network.freeze
      registry.refresh(lobby.client)
      const second = AsyncResult.getOrThrow(registry.get(lobby.client))
      assert.notStrictEqual(second, first)
      assert.deepStrictEqual(registry.get(lobby.status), { _tag: "Connecting", attempt: 0 })
      yield* network.heal
      yield* pass("1 second")
      yield* settle
      assert.strictEqual(registry.get(lobby.status)._tag, "Connected")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("make a new client when an atom changes that `connect` has read", () =>
    Effect.gen(function*() {
      const layer = yield* RoomAtoms.layerOfTest
      const name = Atom.make("ada")
      const lobby = ActorAtom.make(Room, "lobby", {
        layer,
        connect: (get) => ({ params: { name: get(name), level: 3 } })
      })
      const registry = yield* RoomAtoms.registry()
      registry.mount(lobby.status)
      const whoami = lobby.query("whoami")
      registry.mount(whoami)
      yield* settle
      registry.set(name, "bob")
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(whoami)).name, "bob")
      assert.sameMembers([...(yield* hooks)], [
        "onBeforeConnect ada",
        "onConnect ada",
        "onBeforeConnect bob",
        "onConnect bob",
        "onDisconnect ada ClientLeft"
      ])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("of a family are the same for the same key, and others for another one", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const layer = yield* RoomAtoms.layerOfTest
      const room = ActorAtom.family(Room, () => ({ layer, connect: { params: { name: "ada", level: 3 } } }))
      assert.strictEqual(room("a"), room("a"))
      const registry = yield* RoomAtoms.registry()
      registry.mount(room("a").status)
      registry.mount(room("a").queued)
      registry.mount(room("b").status)
      yield* settle
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("of a family are kept as long as one of them is used", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const layer = yield* RoomAtoms.layerOfTest
      const room = ActorAtom.family(Room, () => ({
        layer,
        connect: { params: { name: "ada", level: 3 } },
        idleTimeToLive: "1 minute"
      }))
      const registry = yield* RoomAtoms.registry()
      registry.mount(Atom.map(room("a").status, ({ _tag }) => _tag))
      yield* settle
      yield* collectGarbage
      registry.mount(room("a").queued)
      yield* settle
      assert.strictEqual(yield* network.dials, 1)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("do not connect while `dialling` is false, and have the values of before", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* RoomAtoms.make()
      const said = lobby.fold({ initial: 7, on: { said: (n) => n + 1 } })
      const loaded = lobby.fold({ load: (client) => client.rpc.history(), on: {} })
      const registry = yield* RoomAtoms.registry({ initialValues: [[ActorAtom.dialling, false]] })
      const lineOf = Atom.map(lobby.status, ({ _tag }) => _tag)
      for (const atom of [lineOf, said, loaded, lobby.query("history"), lobby.call("say"), lobby.pending]) {
        registry.mount(atom as Atom.Atom<unknown>)
      }
      yield* pass("1 hour")
      assert.strictEqual(yield* network.dials, 0)
      assert.strictEqual(registry.get(lineOf), "Connecting")
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(said)), 7)
      assert.deepStrictEqual(
        [registry.get(loaded), registry.get(lobby.query("history")), registry.get(lobby.call("say"))].map(({ _tag }) =>
          _tag
        ),
        ["Initial", "Initial", "Initial"]
      )
      registry.set(ActorAtom.dialling, true)
      yield* settle
      assert.strictEqual(registry.get(lineOf), "Connected")
      registry.set(ActorAtom.dialling, false)
      yield* settle
      assert.strictEqual((yield* hooks).at(-1), "onDisconnect ada ClientLeft")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("have server values that nothing is dialled for", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const get = Atom.getServerValue(registry)
      assert.deepStrictEqual(get(lobby.status), { _tag: "Connecting", attempt: 0 })
      assert.deepStrictEqual([get(lobby.queued), get(lobby.pending), get(lobby.gap)], [0, [], Option.none()])
      assert.strictEqual(AsyncResult.getOrThrow(get(lobby.fold({ initial: 7, on: {} }))), 7)
      const others = [
        get(lobby.client),
        get(lobby.fold({ load: () => Effect.succeed(1), on: {} })),
        get(lobby.query("history")),
        get(lobby.query("count", { to: 3 })),
        get(lobby.call("say")),
        get(lobby.disconnect)
      ]
      assert.deepStrictEqual(others.map(({ _tag }) => _tag), Array.from(others, () => "Initial"))
      yield* settle
      assert.strictEqual(yield* network.dials, 0)
    }).pipe(Effect.provide(RoomAtoms.layer)))
})

describe("fold", () => {
  it.effect("adds events of several kinds up, in order", () =>
    Effect.gen(function*() {
      const room = yield* Room.client("lobby")
      const lobby = yield* RoomAtoms.make({ subscribe: ["said", "whispered"] })
      const lines = lobby.fold({
        initial: [] as ReadonlyArray<string>,
        on: {
          said: (lines, { text }) => [...lines, text],
          whispered: (lines, { text }) => [...lines, `(${text})`]
        }
      })
      const registry = yield* RoomAtoms.registry()
      registry.mount(lines)
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(lines)), [])
      yield* settle
      const client = AsyncResult.getOrThrow(registry.get(lobby.client))
      yield* room.ring({ text: "one" })
      yield* client.rpc.whisper({ to: "ada", text: "two" })
      yield* room.ring({ text: "three" })
      yield* settle
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(lines)), ["one", "(two)", "three"])
      yield* cutOff
      yield* room.ring({ text: "four" })
      yield* heal
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(lines)), ["one", "(two)", "three", "four"])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("tells a reducer of gaps, and so does `gap`", () =>
    Effect.gen(function*() {
      const room = yield* Room.client("lobby")
      const lobby = yield* RoomAtoms.make()
      const lines = lobby.fold({
        initial: "",
        on: { said: (all, { text }) => all + text },
        onGap: (all, { cause }: Gap) => `${all} ${cause} `
      })
      const registry = yield* RoomAtoms.registry()
      registry.mount(lines)
      registry.mount(lobby.gap)
      yield* settle
      yield* room.ring({ text: "a" })
      yield* settle
      yield* lose
      yield* room.ring({ text: "b" })
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(lines)), "a SessionLost b")
      assert.strictEqual(Option.getOrThrow(registry.get(lobby.gap)).cause, "SessionLost")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("loads its state at first and after each gap, and misses no event meanwhile", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const room = yield* Room.client("lobby")
      const lobby = yield* RoomAtoms.make({ subscribe: ["said"] })
      const loads: Array<number> = []
      const lines = lobby.fold({
        load: (client) =>
          client.rpc.waitBeside({ gate: "load" }).pipe(
            Effect.andThen(client.rpc.history()),
            Effect.tap((lines) => Effect.sync(() => loads.push(lines.length)))
          ),
        on: { said: (lines, { text }) => lines.includes(text) ? lines : [...lines, text] }
      })
      const registry = yield* RoomAtoms.registry()
      registry.mount(lines)
      assert.deepInclude(registry.get(lines), { _tag: "Initial", waiting: true })
      yield* settle
      yield* room.ring({ text: "early" })
      yield* settle
      yield* backstage.gate("load").open
      yield* settle
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(lines)), ["early"])
      yield* backstage.gate("load").close
      const client = AsyncResult.getOrThrow(registry.get(lobby.client))
      yield* client.rpc.say({ text: "kept", toOthers: false })
      yield* lose
      yield* room.ring({ text: "late" })
      yield* settle
      yield* backstage.gate("load").open
      yield* settle
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(lines)), ["kept", "late"])
      assert.deepStrictEqual(loads, [0, 1])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("loads again where the session was lost before the answer", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const answer = lobby.fold({ load: (client) => client.rpc.waitBeside({ gate: "load" }), on: {} })
      const registry = yield* RoomAtoms.registry()
      registry.mount(answer)
      yield* settle
      yield* cutOff
      yield* pass("2 minutes")
      yield* backstage.gate("load").open
      yield* heal
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(answer)), "load")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("fails as its load does", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const answer = lobby.fold({ load: (client) => Effect.as(client.rpc.fail({ code: 7 }), 1), on: {} })
      const registry = yield* RoomAtoms.registry()
      registry.mount(answer)
      yield* settle
      assert.deepInclude(errorOf(registry.get(answer)), { _tag: "Refusal", code: 7 })
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("keeps its last state when the client is done", () =>
    Effect.gen(function*() {
      const room = yield* Room.client("lobby")
      const lobby = yield* RoomAtoms.make()
      const count = lobby.fold({ initial: 0, on: { said: (n) => n + 1 } })
      const registry = yield* RoomAtoms.registry()
      registry.mount(count)
      yield* settle
      yield* room.ring({ text: "a" })
      yield* room.clear()
      yield* settle
      const result = registry.get(count)
      assert.strictEqual(AsyncResult.getOrThrow(result), 1)
      const error = errorOf(result)
      assert.isTrue(error instanceof ConnectionError && error.reason._tag === "Disconnected")
    }).pipe(Effect.provide(RoomAtoms.layer)))
})

describe("call", () => {
  it.effect("gives the result of a call, or how it failed, with the last success", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const [echo, fail, die] = [lobby.call("echo"), lobby.call("fail"), lobby.call("die")]
      assert.strictEqual(lobby.call("echo"), echo)
      for (const atom of [echo, fail, die]) registry.mount(atom as Atom.Atom<unknown>)
      yield* settle
      registry.set(echo, { text: "hi" })
      registry.set(fail, { code: 7 })
      registry.set(die, { secret: "psst" })
      assert.isTrue(registry.get(echo).waiting)
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(echo)), "hi")
      assert.deepInclude(errorOf(registry.get(fail)), { _tag: "Refusal", code: 7 })
      const died = registry.get(die)
      assert.isTrue(died._tag === "Failure" && Cause.hasDies(died.cause))
      registry.set(echo, Atom.Reset)
      assert.strictEqual(registry.get(echo)._tag, "Initial")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("makes every call that is written while away, in order, and tells which have not ended", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const say = lobby.call("say")
      for (const atom of [say, lobby.pending, lobby.queued]) registry.mount(atom as Atom.Atom<unknown>)
      yield* settle
      yield* cutOff
      for (const text of ["one", "two", "three"]) {
        registry.set(say, { text, toOthers: false })
        yield* settle
      }
      assert.strictEqual(registry.get(lobby.queued), 3)
      assert.deepStrictEqual(
        registry.get(lobby.pending).map(({ id, payload, tag }) => [id, tag, tag === "say" && payload.text]),
        [[0, "say", "one"], [1, "say", "two"], [2, "say", "three"]]
      )
      registry.set(say, Atom.Interrupt)
      yield* heal
      assert.deepStrictEqual(yield* backstage.entriesOf("ada says"), ["ada says one", "ada says two", "ada says three"])
      assert.strictEqual(registry.get(lobby.queued), 0)
      assert.deepStrictEqual(registry.get(lobby.pending), [])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("runs to its end when nobody uses the atom any more, and the client stays for so long", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const unmount = registry.mount(lobby.call("say"))
      yield* settle
      yield* cutOff
      registry.set(lobby.call("say"), { text: "late", toOthers: false })
      unmount()
      yield* pass("20 seconds")
      yield* heal
      yield* settle
      assert.deepStrictEqual(yield* backstage.entriesOf("ada says"), ["ada says late"])
      assert.strictEqual((yield* hooks).at(-1), "onDisconnect ada ClientLeft")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("is not made again by the client that comes after", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const echo = lobby.call("echo")
      registry.mount(echo)
      registry.set(echo, { text: "hi" })
      yield* settle
      registry.refresh(lobby.client)
      yield* settle
      registry.set(ActorAtom.dialling, false)
      registry.set(ActorAtom.dialling, true)
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(echo)), "hi")
      assert.deepStrictEqual(yield* backstage.entriesOf("ada echoes"), ["ada echoes hi"])
      assert.strictEqual((yield* backstage.entriesOf("onConnect")).length, 3)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("waits while no client may be made, and none that is written meanwhile is lost", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry({ initialValues: [[ActorAtom.dialling, false]] })
      registry.mount(lobby.pending)
      registry.set(lobby.call("echo"), { text: "one" })
      registry.set(lobby.call("echo"), { text: "two" })
      yield* settle
      assert.strictEqual(registry.get(lobby.pending).length, 2)
      registry.set(ActorAtom.dialling, true)
      yield* settle
      assert.deepStrictEqual(yield* backstage.entriesOf("ada echoes"), ["ada echoes one", "ada echoes two"])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("settles with the reason when the client is done", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make({ name: "mallory" })
      const registry = yield* RoomAtoms.registry()
      const say = lobby.call("say")
      registry.mount(say)
      registry.mount(lobby.status)
      registry.set(say, { text: "hi", toOthers: false })
      yield* settle
      const error = errorOf(registry.get(say))
      assert.isTrue(error instanceof ConnectionError && error.reason._tag === "Rejected")
      assert.deepInclude(registry.get(lobby.status), { _tag: "Rejected" })
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("settles when the registry is disposed of, without a trace", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const wait = lobby.call("wait")
      registry.mount(wait)
      registry.set(wait, { gate: "closed" })
      yield* settle
      registry.dispose()
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* (yield* Backstage).entriesOf("interrupted", "onDisconnect"), [
        "interrupted closed",
        "onDisconnect ada ClientLeft"
      ])
    }).pipe(Effect.provide(RoomAtoms.layer)))
})

describe("query", () => {
  it.effect("is one atom for a tag and a payload, and asks anew after a gap", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const echo = lobby.query("echo", { text: "hi" })
      assert.strictEqual(lobby.query("echo", { text: "hi" }), echo)
      assert.notStrictEqual(lobby.query("echo", { text: "ho" }), echo)
      registry.mount(echo)
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(echo)), "hi")
      yield* cutOff
      yield* heal
      assert.strictEqual((yield* backstage.entriesOf("ada echoes")).length, 1)
      yield* lose
      assert.strictEqual((yield* backstage.entriesOf("ada echoes")).length, 2)
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(echo)), "hi")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("is taken back when nobody looks any more", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      registry.mount(lobby.status)
      yield* settle
      yield* cutOff
      const unmount = registry.mount(lobby.query("echo", { text: "hi" }))
      yield* settle
      unmount()
      yield* settle
      yield* heal
      assert.deepStrictEqual(yield* backstage.entriesOf("ada echoes"), [])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("shows no failure where the session was lost before the answer", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const wait = lobby.query("waitBeside", { gate: "query" })
      const seen: Array<string> = []
      registry.subscribe(wait, ({ _tag }) => seen.push(_tag), { immediate: true })
      yield* settle
      yield* lose
      yield* backstage.gate("query").open
      yield* settle
      assert.strictEqual(AsyncResult.getOrThrow(registry.get(wait)), "query")
      assert.notInclude(seen, "Failure")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("of a streaming RPC is pulled", () =>
    Effect.gen(function*() {
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const count = lobby.query("count", { to: 3 })
      registry.mount(count)
      yield* settle
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(count)), { done: false, items: [1, 2, 3] })
      registry.set(count, undefined)
      yield* settle
      assert.deepStrictEqual(AsyncResult.getOrThrow(registry.get(count)), { done: true, items: [1, 2, 3] })
    }).pipe(Effect.provide(RoomAtoms.layer)))
})
