/**
 * Who takes up a recorded connection: tokens and attach numbers across the lives of a host.
 */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as ActorStorage from "../../src/ActorStorage.ts"
import * as ResumeToken from "../../src/session/ResumeToken.ts"
import { TestStorage } from "../../src/testing/TestStorage.ts"
import { it } from "../support/Hosts.ts"
import * as RawPeer from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"
import * as Stage from "../support/Stage.ts"

interface Welcome {
  readonly connection: string
  readonly token: string
  readonly epoch: string
  readonly resumed: boolean
}

const params = { name: "ada" }

const resumeOf = ({ connection, epoch, token }: Welcome, calls: ReadonlyArray<number> = []) => ({
  connection,
  epoch,
  token,
  received: 0,
  calls
})

/** A peer that is welcomed and confirms that. */
const enter = (life: Stage.Life, fields: Parameters<typeof RawPeer.enter>[1] = {}) =>
  Effect.provideContext(RawPeer.enter("Stage", { key: "main", params, ...fields }), life.context)

const resume = (life: Stage.Life, attach: number, welcome: Welcome, token = welcome.token) =>
  enter(life, { attach, resume: resumeOf({ ...welcome, token }) })

/** A peer that says `hello` and no more: what it was told is not confirmed. */
const knock = Effect.fnUntraced(function*(life: Stage.Life, attach: number, welcome: Welcome) {
  const peer = yield* Effect.provideContext(RawPeer.open(), life.context)
  yield* peer.send(RawPeer.hello("Stage", { key: "main", params, attach, resume: resumeOf(welcome) }))
  return peer
})

describe("the token of a recorded connection", () => {
  it.onEachHost("is stored as its hash before the client is told of it", () =>
    Stage.run(
      Effect.gen(function*() {
        const storage = yield* TestStorage
        const life = yield* Stage.begin()
        yield* storage.hold
        const peer = yield* Effect.provideContext(RawPeer.open(), life.context)
        yield* peer.send(RawPeer.hello("Stage", { key: "main", params }))
        yield* Stage.drive(
          Effect.repeat(Effect.yieldNow, { until: () => Effect.map(storage.asked, (a) => a.length > 0) })
        )
        assert.deepStrictEqual(peer.messages, [], "nothing is said before it is stored")
        yield* storage.letGo
        yield* settle
        const [, welcome] = peer.frames("welcome")[0]!
        const texts = JSON.stringify((yield* storage.asked).map(({ changes }) => Array.from(changes.connections)))
        assert.notInclude(texts, welcome.token)
        assert.include(texts, yield* ResumeToken.hash(welcome.token))
      })
    ))

  it.onEachHost("is asked for after a restart: a wrong one gets a connection of its own and changes nothing", () =>
    Stage.run(Effect.gen(function*() {
      const first = yield* Stage.begin()
      const { welcome } = yield* enter(first)
      yield* first.crash
      const second = yield* Stage.begin()
      const thief = yield* resume(second, 99, welcome, "guessed")
      assert.isFalse(thief.welcome.resumed)
      assert.notStrictEqual(thief.welcome.connection, welcome.connection)
      const back = yield* resume(second, 2, welcome)
      assert.isTrue(back.welcome.resumed)
      assert.strictEqual(back.welcome.connection, welcome.connection)
      assert.notStrictEqual(back.welcome.epoch, welcome.epoch)
    })))

  it.onEachHost("is worthless once its successor was confirmed, after a crash too", () =>
    Stage.run(Effect.gen(function*() {
      const first = yield* Stage.begin()
      const { drop, welcome: old } = yield* enter(first)
      yield* drop
      const { welcome } = yield* resume(first, 2, old)
      assert.isTrue(welcome.resumed)
      yield* first.crash
      const second = yield* Stage.begin()
      const thief = yield* resume(second, 99, welcome, old.token)
      assert.isFalse(thief.welcome.resumed)
      const back = yield* resume(second, 3, welcome)
      assert.isTrue(back.welcome.resumed)
    })))

  it.onEachHost("stays valid through crashes between an attach and its welcome", () =>
    Stage.run(Effect.gen(function*() {
      const first = yield* Stage.begin()
      const { welcome } = yield* enter(first)
      let life = first
      for (let attach = 2; attach < 5; attach++) {
        yield* life.crash
        life = yield* Stage.begin()
        const { messages } = yield* knock(life, attach, welcome)
        assert.include(messages.join(), welcome.connection)
      }
      yield* knock(life, 5, welcome)
      const back = yield* resume(life, 6, welcome)
      assert.isTrue(back.welcome.resumed)
      assert.strictEqual(back.welcome.connection, welcome.connection)
    })))

  it.onEachHost("brings one of two clients back after a restart, and never two with one id", () =>
    Stage.run(Effect.gen(function*() {
      const first = yield* Stage.begin()
      const { welcome } = yield* enter(first)
      yield* first.crash
      const second = yield* Stage.begin()
      const one = yield* resume(second, 2, welcome)
      const other = yield* resume(second, 3, welcome)
      assert.strictEqual(one.welcome.connection, welcome.connection)
      assert.notStrictEqual(other.welcome.connection, welcome.connection)
      assert.isTrue(one.isServed(), "who has come first stays")
      const records = new Set((yield* recorded).map(([id]) => id))
      assert.deepStrictEqual(records, new Set([welcome.connection, other.welcome.connection]))
    })))
})

describe("the attach number of a recorded connection", () => {
  it.onEachHost("outlives a crash: a dial of before it comes too late", () =>
    Stage.run(Effect.gen(function*() {
      const first = yield* Stage.begin()
      const entered = yield* enter(first)
      yield* entered.drop
      const { welcome } = yield* resume(first, 7, entered.welcome)
      yield* first.crash
      const second = yield* Stage.begin()
      const late = yield* knock(second, 7, welcome)
      assert.deepStrictEqual(late.frames("bye").map(([, { reason }]) => reason._tag), ["Stale"])
      const back = yield* resume(second, 8, welcome)
      assert.isTrue(back.welcome.resumed)
    })))
})

const recorded = Effect.scoped(
  Effect.map(
    ActorStorage.ActorStorage.use((storage) => storage.load({ type: "Stage", key: "main" })),
    ({ connections }) => Array.from(connections)
  )
)
