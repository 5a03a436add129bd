// Peers that claim what is not theirs: tokens, connections, counts, and another's words.
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type * as Frame from "../../src/session/Frame.ts"
import * as Fortress from "../support/Fortress.ts"
import { Keep } from "../support/Fortress.ts"
import { it } from "../support/Hosts.ts"
import { enter, hello, open, type RawPeer } from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"

const provide = (options?: Parameters<typeof Fortress.layer>[0]) => Effect.provide(Fortress.layer(options))

type Ticket = NonNullable<Frame.Hello["resume"]>

const ticketOf = ({ welcome }: { readonly welcome: Frame.Welcome }): Ticket => ({
  connection: welcome.connection,
  token: welcome.token,
  epoch: welcome.epoch,
  received: 0
})

const victim = enter("Fortress", { params: { name: "ada" } })

/** Whom the actor takes the sender of a call for. */
const whoami = Effect.fnUntraced(function*(peer: RawPeer, id: number) {
  yield* peer.send(["call", id, "whoami", null])
  const reply = peer.frames("reply").find((reply) => reply[1] === id)
  return (reply?.[2] as { readonly value?: unknown } | undefined)?.value
})

const reasonOf = (peer: RawPeer) => peer.frames("bye")[0]?.[1].reason

describe("a token that was guessed", () => {
  const guesses: ReadonlyArray<readonly [how: string, guess: (token: string) => string]> = [
    ["that is empty", () => ""],
    ["with its first character changed", (token) => (token.startsWith("A") ? "B" : "A") + token.slice(1)],
    ["with its last character changed", (token) => token.slice(0, -1) + (token.endsWith("A") ? "B" : "A")],
    ["that is the beginning of the right one", (token) => token.slice(0, -1)],
    ["that is longer than the right one", (token) => `${token}A`],
    ["that is the right one twice", (token) => token + token]
  ]
  for (const [how, guess] of guesses) {
    it.onEachHost(`${how} opens nothing: its bearer gets a connection of its own, and the owner goes on`, () =>
      Effect.gen(function*() {
        const ada = yield* victim
        const ticket = ticketOf(ada)
        const eve = yield* enter("Fortress", {
          params: { name: "eve" },
          attach: 99,
          resume: { ...ticket, token: guess(ticket.token) }
        })

        assert.isFalse(eve.welcome.resumed)
        assert.notStrictEqual(eve.welcome.connection, ada.welcome.connection)
        assert.strictEqual(yield* whoami(eve, 0), "eve")
        assert.strictEqual(yield* whoami(ada, 0), "ada")
      }).pipe(provide()))
  }

  it.onEachHost("a thousand times changes nothing for the connection that it names", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      yield* ada.drop
      for (let i = 0; i < 1_000; i++) {
        const eve = yield* open()
        const resume = { ...ticketOf(ada), token: `guess ${i}` }
        yield* eve.send(hello("Fortress", { params: { name: "eve" }, attach: 99, resume }))
        yield* eve.drop
      }
      const back = yield* enter("Fortress", { params: { name: "ada" }, attach: 2, resume: ticketOf(ada) })

      assert.isTrue(back.welcome.resumed)
    }).pipe(provide({ resumeWindow: "1 hour" })))
})

describe("a token that was used", () => {
  it.onEachHost("is worthless once its successor was confirmed, and so is the one before", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      const back = yield* enter("Fortress", { params: { name: "ada" }, attach: 2, resume: ticketOf(ada) })
      assert.isTrue(back.welcome.resumed)

      const eve = yield* enter("Fortress", { params: { name: "eve" }, attach: 3, resume: ticketOf(ada) })

      assert.isFalse(eve.welcome.resumed)
      assert.strictEqual(yield* whoami(back, 0), "ada")
    }).pipe(provide()))

  it.onEachHost("of another connection, or of another epoch, opens nothing", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      const eve = yield* enter("Fortress", { params: { name: "eve" } })
      const mixed = yield* enter("Fortress", {
        params: { name: "eve" },
        attach: 2,
        resume: { ...ticketOf(ada), token: eve.welcome.token }
      })
      const late = yield* enter("Fortress", {
        params: { name: "eve" },
        attach: 2,
        resume: { ...ticketOf(ada), epoch: "another" }
      })

      assert.isFalse(mixed.welcome.resumed)
      assert.isFalse(late.welcome.resumed)
      assert.strictEqual(yield* whoami(ada, 0), "ada")
      assert.strictEqual(yield* whoami(eve, 0), "eve")
    }).pipe(provide()))

  it.onEachHost("of a connection whose window is over opens nothing", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      yield* ada.drop
      yield* TestClock.adjust("61 seconds")
      yield* settle

      const back = yield* enter("Fortress", { params: { name: "ada" }, attach: 2, resume: ticketOf(ada) })

      assert.isFalse(back.welcome.resumed)
      assert.notStrictEqual(back.welcome.connection, ada.welcome.connection)
    }).pipe(provide()))

  it.onEachHost("of an actor opens nothing at another key", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      const other = yield* enter("Fortress", {
        key: "other",
        params: { name: "eve" },
        attach: 2,
        resume: ticketOf(ada)
      })

      assert.isFalse(other.welcome.resumed)
      assert.strictEqual(yield* whoami(ada, 0), "ada")
    }).pipe(provide()))
})

describe("the id of another's connection", () => {
  it.onEachHost("is no way to speak for it: a call runs as the connection of its own socket", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      const eve = yield* enter("Fortress", { params: { name: "eve" } })
      const headers = [["connection", ada.welcome.connection], ["x-connection-id", ada.welcome.connection]]
      yield* eve.send(["call", 0, "whoami", null, { headers, connection: ada.welcome.connection, clientId: 1 }])
      yield* eve.send(["call", 1, "whoami", { connection: ada.welcome.connection }])

      const names = eve.frames("reply").map(([, , exit]) => (exit as any).value)
      assert.deepStrictEqual(names, ["eve"])
      assert.deepStrictEqual(eve.frames("refused").map(([, id, cause]) => [id, cause]), [[1, "InvalidPayload"]])
      assert.deepStrictEqual(ada.frames("reply"), [])
    }).pipe(provide()))

  it.onEachHost("and the ids of its calls name nothing of it", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      const ada = yield* victim
      const eve = yield* enter("Fortress", { params: { name: "eve" } })
      yield* ada.send(["call", 7, "count", null])
      const before = ada.frames("chunk").length
      yield* eve.send(["interrupt", 7], ["chunk-ack", 7])

      assert.lengthOf(ada.frames("chunk"), before)
      assert.deepStrictEqual(ada.frames("reply"), [])
      assert.strictEqual(yield* whoami(ada, 8), "ada")
      assert.deepStrictEqual(ran, ["whoami ada"])
    }).pipe(provide()))
})

describe("a socket that was displaced", () => {
  it.onEachHost("is not listened to any more: what it still says does not run and acknowledges nothing", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      const ada = yield* victim
      // Without reading, so that the host cannot end it at once.
      yield* ada.reading.close
      const back = yield* enter("Fortress", { params: { name: "ada" }, attach: 2, resume: ticketOf(ada) })
      yield* ada.send(["call", 0, "echo", { text: "ghost" }], ["ack", 0], ["bye", {
        reason: { _tag: "ClientLeft" },
        received: 0
      }])

      assert.deepStrictEqual(ran, [])
      assert.strictEqual(yield* whoami(back, 1), "ada")
      assert.isTrue(back.isServed())
    }).pipe(provide()))
})

describe("counts that lie", () => {
  const lies: ReadonlyArray<readonly [what: string, frame: ReadonlyArray<unknown>]> = [
    ["an acknowledgement of what was never sent", ["ack", 1]],
    ["an acknowledgement of the largest count there is", ["ack", Number.MAX_SAFE_INTEGER]],
    ["a second hello", hello("Fortress")],
    ["the id of a call that is running", ["call", 7, "echo", { text: "a" }]]
  ]
  for (const [what, frame] of lies) {
    it.onEachHost(`${what} ends the connection with a protocol error`, () =>
      Effect.gen(function*() {
        const ada = yield* victim
        yield* ada.send(["call", 7, "hang", null])
        yield* ada.send(frame)
        yield* settle

        assert.strictEqual(reasonOf(ada)?._tag, "ProtocolError")
        assert.isFalse(ada.isServed())
        assert.deepStrictEqual((yield* Keep).errors, [])
      }).pipe(provide()))
  }

  it.onEachHost("an acknowledgement of an answer, in the message that asks for it, ends the connection", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      yield* ada.send(["call", 0, "echo", { text: "a" }], ["ack", 1])
      yield* settle

      assert.strictEqual(reasonOf(ada)?._tag, "ProtocolError")
      assert.isFalse(ada.isServed())
    }).pipe(provide()))

  it.onEachHost("an acknowledgement that goes back changes nothing", () =>
    Effect.gen(function*() {
      const ada = yield* victim
      for (let id = 0; id < 3; id++) yield* ada.send(["call", id, "echo", { text: "a" }])
      yield* ada.send(["ack", 3], ["ack", 1], ["ack", 0])

      assert.strictEqual(yield* whoami(ada, 3), "ada")
    }).pipe(provide()))

  for (const received of [1, 1_000_000, Number.MAX_SAFE_INTEGER]) {
    it.onEachHost(`a resume that says it has had ${received} frames too many gets a fresh connection`, () =>
      Effect.gen(function*() {
        const ada = yield* victim
        yield* ada.drop
        const resume = { ...ticketOf(ada), received }
        const back = yield* enter("Fortress", { params: { name: "ada" }, attach: 2, resume })

        assert.isFalse(back.welcome.resumed)
        assert.strictEqual(yield* whoami(back, 0), "ada")
        assert.deepStrictEqual((yield* Keep).errors, [])
      }).pipe(provide()))
  }

  it.onEachHost("an attach number that is as high as numbers go locks out nobody but its own session", () =>
    Effect.gen(function*() {
      const ada = yield* enter("Fortress", { params: { name: "ada" }, attach: Number.MAX_SAFE_INTEGER })
      const again = yield* open()
      yield* again.send(hello("Fortress", {
        params: { name: "ada" },
        attach: Number.MAX_SAFE_INTEGER,
        resume: ticketOf(ada)
      }))
      assert.strictEqual(reasonOf(again)?._tag, "Stale")

      const fresh = yield* enter("Fortress", { params: { name: "ada" }, attach: 1 })

      assert.strictEqual(yield* whoami(fresh, 0), "ada")
    }).pipe(provide()))

  it.onEachHost("call ids as high as numbers go are answered under them", () =>
    Effect.gen(function*() {
      const ada = yield* victim

      assert.strictEqual(yield* whoami(ada, Number.MAX_SAFE_INTEGER), "ada")
    }).pipe(provide()))
})

describe("frames in the wrong order", () => {
  const orders: ReadonlyArray<readonly [what: string, frames: ReadonlyArray<unknown>]> = [
    ["a call before the hello", [["call", 0, "echo", { text: "a" }]]],
    ["a ping before the hello", [["ping"]]],
    ["no frame at all", []],
    ["a call beside the hello", [hello("Fortress", { params: {} }), ["call", 0, "echo", { text: "a" }]]],
    ["two hellos", [hello("Fortress", { params: {} }), hello("Fortress", { params: {} })]],
    ["a hello of another version", [hello("Fortress", { params: {}, protocol: 2 })]],
    ["a hello with a key of 1,025 characters", [hello("Fortress", { params: {}, key: "k".repeat(1_025) })]],
    ["a hello with a key of a megabyte", [hello("Fortress", { params: {}, key: "k".repeat(1_000_000) })]],
    ["a hello without params", [hello("Fortress", { params: undefined })]],
    ["a hello with a token of a thousand characters", [
      hello("Fortress", { params: {}, resume: { connection: "c", token: "t".repeat(1_000), epoch: "e", received: 0 } })
    ]]
  ]
  for (const [what, frames] of orders) {
    it.onEachHost(`as ${what} end the socket with a protocol error, and nothing runs`, () =>
      Effect.gen(function*() {
        const peer = yield* open()
        yield* peer.send(...frames)
        yield* settle

        assert.strictEqual(reasonOf(peer)?._tag, "ProtocolError")
        assert.deepStrictEqual(peer.closes, [4003])
        assert.isFalse(peer.isServed())
        assert.deepStrictEqual((yield* Keep).ran, [])
      }).pipe(provide()))
  }

  it.onEachHost("as a call while the hook decides end the socket, and the hook is interrupted", () =>
    Effect.gen(function*() {
      const { gate, ran } = yield* Keep
      const peer = yield* open()
      yield* peer.send(hello("Fortress", { params: { name: "slow" } }))
      yield* peer.send(["call", 0, "echo", { text: "a" }])
      yield* gate.open
      yield* settle

      assert.strictEqual(reasonOf(peer)?._tag, "ProtocolError")
      assert.lengthOf(peer.frames("welcome"), 0)
      assert.deepStrictEqual(ran, [])
    }).pipe(provide()))
})
