// More than a host can take: of frames, bytes, dials, silence and words that nobody reads.
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Fortress from "../support/Fortress.ts"
import { Keep } from "../support/Fortress.ts"
import { it, Kind } from "../support/Hosts.ts"
import { enter, hello, open, type RawPeer } from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"

const provide = (options?: ActorHost.HostOptions) => Effect.provide(Fortress.layer(options))

const pass = (seconds: number) =>
  Effect.forEach(Array.from({ length: seconds * 4 }), () => Effect.andThen(TestClock.adjust("250 millis"), settle), {
    discard: true
  })

/** Rates are kept by the actor, to which a gateway passes on what its socket brings; see `cluster/Pressure.test.ts`. */
const inTunnel = { notInCluster: "what fits into a tunnel is on its way to the actor already" }

/** The same for what a gateway has still to write to its socket. */
const atGateway = { notInCluster: "the gateway keeps a backlog, and is given no more of the actor's words meanwhile" }

const pings = (count: number): ReadonlyArray<unknown> => Array.from({ length: count }, () => ["ping"])

const echoed = (peer: RawPeer, id: number) => peer.frames("reply").some((reply) => reply[1] === id)

describe("a client that sends more frames than its rate", () => {
  it.onEachHost("is read at that rate after twice as many at once, and loses nothing", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      const peer = yield* enter("Fortress", { params: {} })
      for (let id = 0; id < 100; id++) yield* peer.send(["call", id, "echo", { text: "a" }])
      // Of the 20 that are let through at once one was the ack.
      assert.lengthOf(ran, 20)

      yield* pass(2)
      assert.approximately(ran.length, 40, 1)
      yield* pass(8)

      assert.lengthOf(ran, 100)
      assert.deepStrictEqual(peer.frames("reply").map((reply) => reply[1]), Array.from({ length: 100 }, (_, id) => id))
      assert.lengthOf(peer.frames("bye"), 0)
    }).pipe(provide({ maxFramesPerSecond: 10 })), inTunnel)

  it.onEachHost("is held to it whatever the other rate is", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      for (let i = 0; i < 50; i++) yield* peer.send(["ping"])

      assert.approximately(yield* peer.unread, 30, 2)
    }).pipe(provide({ maxFramesPerSecond: 10, maxBytesPerSecond: Infinity })), inTunnel)

  it.onEachHost("is not held up where there is no rate", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      for (let i = 0; i < 10; i++) yield* peer.send(...pings(10_000))

      assert.strictEqual(yield* peer.unread, 0)
    }).pipe(provide({ maxFramesPerSecond: Infinity, maxBytesPerSecond: Infinity })))

  it.onEachHost("costs its neighbours nothing", () =>
    Effect.gen(function*() {
      const loud = yield* enter("Fortress", { params: {} })
      const neighbour = yield* enter("Fortress", { params: {} })
      for (let i = 0; i < 50; i++) yield* loud.send(...pings(10))

      yield* neighbour.send(["call", 0, "echo", { text: "a" }])

      assert.isTrue(echoed(neighbour, 0))
      assert.isAbove(yield* loud.unread, 40)
    }).pipe(provide({ maxFramesPerSecond: 10 })), inTunnel)

  it.onEachHost("survives the heartbeats of both ends, however long it is not read", () =>
    Effect.gen(function*() {
      const { errors } = yield* Keep
      const peer = yield* enter("Fortress", { params: {} })
      // Owes 100 seconds, which is more than four times what the heartbeats grant.
      yield* peer.send(...pings(1_020), ["call", 0, "echo", { text: "a" }])
      yield* peer.send(["call", 1, "echo", { text: "b" }])
      let silence = 0
      let longest = 0
      for (let second = 0; second < 95; second++) {
        const before = peer.messages.length
        yield* pass(1)
        silence = peer.messages.length > before ? 0 : silence + 1
        longest = Math.max(longest, silence)
        assert.isTrue(peer.isServed())
      }
      assert.isFalse(echoed(peer, 1))

      yield* pass(10)

      assert.isTrue(echoed(peer, 1))
      // A client pings after 15 seconds of silence, and gives up 10 seconds later.
      assert.isBelow(longest, 15)
      assert.deepStrictEqual(errors, [])
    }).pipe(provide({ maxFramesPerSecond: 10 })))

  it.onEachHost("and then goes away is not kept longer than its debt", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      yield* peer.send(...pings(70))
      yield* peer.drop
      yield* pass(6)

      assert.isFalse(peer.isServed())
    }).pipe(provide({ maxFramesPerSecond: 10 })))
})

describe("a message of very many calls", () => {
  it.onEachHost("lets those of others in between", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      const loud = yield* enter("Fortress", { params: {} })
      const neighbour = yield* enter("Fortress", { params: { name: "ada" } })
      const calls = Array.from({ length: 16_384 }, (_, id) => ["call", id, "echo", { text: "a" }])
      yield* Effect.all([loud.send(...calls), neighbour.send(["call", 0, "whoami", null])], { concurrency: 2 })
      yield* settle

      assert.lengthOf(ran, 16_385)
      assert.isBelow(ran.indexOf("whoami ada"), 2_000)
    }).pipe(provide({ bufferFrames: 20_000 })))
})

describe("a client that sends more bytes than its rate", () => {
  it.onEachHost("is read at that rate, whatever they are", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      const { raw } = yield* enter("Fortress", { params: {} })
      const call = (id: number) => `[["call",${id},"echo",{"text":"${"x".repeat(1_000 - 32)}"}]]`
      assert.lengthOf(call(10), 1_000)
      for (let id = 10; id < 60; id++) yield* raw(call(id))
      assert.approximately(ran.length, 20, 1)

      yield* pass(2)

      assert.approximately(ran.length, 40, 1)
    }).pipe(provide({ maxBytesPerSecond: 10_000 })), inTunnel)

  it.onEachHost("in messages without a frame is held up by their number", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      for (let i = 0; i < 100; i++) yield* peer.raw("[]")

      assert.approximately(yield* peer.unread, 80, 2)
    }).pipe(provide({ maxFramesPerSecond: 10 })), inTunnel)
})

describe("a client that does not read what it asked for, and acknowledges it all the same", () => {
  it.onEachHost("is not read either, until its words have left; then it goes on", () =>
    Effect.gen(function*() {
      const { ran } = yield* Keep
      let backlog = 0
      const peer = yield* enter("Fortress", { params: {} }, { backlog: () => backlog })
      backlog = 1_000_001
      yield* peer.send(["call", 0, "big", { length: 100_000 }])
      for (let id = 1; id < 10; id++) yield* peer.send(["ack", id - 1], ["call", id, "big", { length: 100_000 }])
      // The read that was under way already is the last one.
      assert.lengthOf(ran, 1)

      backlog = 1_000_000
      yield* pass(1)

      assert.lengthOf(ran, 10)
      assert.isTrue(peer.isServed())
    }).pipe(provide({ bufferBytes: 1_000_000 })), atGateway)

  it.onEachHost("is given up as silent if nothing of it leaves", () =>
    Effect.gen(function*() {
      let backlog = 0
      const peer = yield* enter("Fortress", { params: {} }, { backlog: () => backlog })
      backlog = 2_000_000
      yield* peer.send(["ping"])
      yield* peer.send(["ping"])
      yield* pass(24)
      assert.isTrue(peer.isServed())

      // A gateway waits a while for what its actor has said last.
      yield* pass((yield* Kind) === "local" ? 3 : 13)

      assert.isFalse(peer.isServed())
    }).pipe(provide({ bufferBytes: 1_000_000 })))

  it.onEachHost("is kept while it reads slowly", () =>
    Effect.gen(function*() {
      let backlog = 0
      const peer = yield* enter("Fortress", { params: {} }, { backlog: () => backlog })
      backlog = 2_000_000
      yield* peer.send(["ping"])
      yield* peer.send(["call", 0, "echo", { text: "a" }])
      for (let second = 0; second < 60; second++) {
        backlog -= 10_000
        yield* pass(1)
      }
      assert.isTrue(peer.isServed())
      assert.isFalse(echoed(peer, 0))

      backlog = 0
      yield* pass(1)

      assert.isTrue(echoed(peer, 0))
    }).pipe(provide({ bufferBytes: 1_000_000 })), atGateway)
})

describe("a client that never acknowledges", () => {
  it.onEachHost("is ended at the bound of what is kept for it, though it reads", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      for (let id = 0; id < 50; id++) yield* peer.send(["call", id, "echo", { text: "a" }])
      yield* settle

      const reason = peer.frames("bye")[0]?.[1].reason
      assert.deepStrictEqual(reason?._tag === "SlowConsumer" && reason.frames, 33)
      assert.isFalse(peer.isServed())
    }).pipe(provide({ bufferFrames: 32 })))
})

describe("a stream whose consumer never acknowledges a chunk", () => {
  it.onEachHost("stands still at its window; calls beside it go on", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      yield* peer.send(["call", 0, "count", null])
      yield* peer.send(["ack", 16])
      assert.lengthOf(peer.frames("chunk"), 16)

      yield* peer.send(["call", 1, "echo", { text: "a" }])

      assert.isTrue(echoed(peer, 1))
      assert.lengthOf(peer.frames("chunk"), 16)
    }).pipe(provide()))
})

describe("more calls in flight than are allowed", () => {
  it.onEachHost("are refused one by one; the others run", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      yield* peer.send(...Array.from({ length: 5 }, (_, id) => ["call", id, "hang", null]))

      assert.deepStrictEqual(peer.frames("refused").map(([, id, cause]) => [id, cause]), [
        [3, "TooManyCalls"],
        [4, "TooManyCalls"]
      ])
      yield* peer.send(["interrupt", 0])
      yield* peer.send(["call", 5, "echo", { text: "a" }])
      assert.isTrue(echoed(peer, 5))
    }).pipe(provide({ maxCallsInFlight: 3 })))
})

describe("subscriptions", () => {
  it.onEachHost("to events that the contract does not have are forgotten at once, however many", () =>
    Effect.gen(function*() {
      const peer = yield* enter("Fortress", { params: {} })
      for (let i = 0; i < 20; i++) {
        yield* peer.send(...Array.from({ length: 500 }, (_, n) => ["subscribe", `event ${i} ${n}`]))
      }
      yield* peer.send(["subscribe", "noise"], ["subscribe", "noise"], ["call", 0, "shout", { text: "a" }])

      assert.lengthOf(peer.frames("event"), 1)
      assert.isTrue(peer.isServed())
    }).pipe(provide({ maxSubscriptions: 1 })))
})

describe("sockets that say nothing", () => {
  it.onEachHost("are closed after the time for a handshake", () =>
    Effect.gen(function*() {
      const peer = yield* open()
      yield* pass(9)
      assert.isTrue(peer.isServed())

      yield* pass(1)

      assert.isFalse(peer.isServed())
      assert.deepStrictEqual(peer.closes, [4015])
    }).pipe(provide()))

  it.onEachHost("or speak byte by byte are closed after that time all the same", () =>
    Effect.gen(function*() {
      const peer = yield* open()
      const bytes = new TextEncoder().encode("[".repeat(100))
      for (let second = 0; second < 10; second++) {
        yield* peer.raw(bytes.subarray(second, second + 1))
        yield* pass(1)
      }

      assert.isFalse(peer.isServed())
      assert.deepStrictEqual(peer.closes, [4015])
    }).pipe(provide()))

  it.onEachHost("give way to newcomers, the oldest first", () =>
    Effect.gen(function*() {
      const silent = yield* Effect.replicateEffect(open(), 5)
      yield* settle
      assert.deepStrictEqual(silent.map((peer) => peer.isServed()), [false, false, true, true, true])
      assert.deepStrictEqual(silent.map((peer) => peer.closes), [[4008], [4008], [], [], []])

      const peer = yield* enter("Fortress", { params: {} })
      yield* peer.send(["call", 0, "echo", { text: "a" }])

      assert.isTrue(echoed(peer, 0))
      assert.deepStrictEqual(silent.map((peer) => peer.isServed()), [false, false, false, true, true])
    }).pipe(provide({ maxHandshakes: 3 })))

  it.onEachHost("cannot send more than a hello may have", () =>
    Effect.gen(function*() {
      const peer = yield* open()
      for (let i = 0; i < 3; i++) yield* peer.raw(new TextEncoder().encode("[".repeat(1_000)))

      assert.strictEqual(peer.frames("bye")[0]?.[1].reason._tag, "ProtocolError")
      assert.isFalse(peer.isServed())
    }).pipe(provide({ maxHelloBytes: 1_000 })))
})

describe("an actor whose admission hangs", () => {
  it.onEachHost("loses the youngest of its clients to a newcomer of another key", () =>
    Effect.gen(function*() {
      const slow = yield* Effect.replicateEffect(
        Effect.tap(open(), (peer) => peer.send(hello("Fortress", { key: "slow", params: { name: "slow" } }))),
        3
      )
      assert.deepStrictEqual(slow.map((peer) => peer.isServed()), [true, true, true])

      const other = yield* enter("Fortress", { key: "other", params: {} })
      yield* other.send(["call", 0, "echo", { text: "a" }])

      assert.isTrue(echoed(other, 0))
      assert.deepStrictEqual(slow.map((peer) => peer.isServed()), [true, true, false])
      assert.deepStrictEqual(slow.map((peer) => peer.closes), [[], [], [4008]])
      yield* (yield* Keep).gate.open
      yield* settle
      assert.deepStrictEqual(slow.map((peer) => peer.frames("welcome").length), [1, 1, 0])
    }).pipe(provide({ maxHandshakes: 3 })))
})

describe("hellos to keys that nobody uses", () => {
  it.onEachHost("start no more actors than may live at once; those that live go on being found", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const first = yield* enter("Fortress", { key: "0", params: {} })
      yield* enter("Fortress", { key: "1", params: {} })

      const peer = yield* open()
      yield* peer.send(hello("Fortress", { key: "2", params: {} }))

      assert.strictEqual(peer.frames("bye")[0]?.[1].reason._tag, "Draining")
      assert.strictEqual(yield* host.size, 2)
      yield* enter("Fortress", { key: "1", params: {} })
      yield* first.send(["call", 0, "echo", { text: "a" }])
      assert.isTrue(echoed(first, 0))
    }).pipe(provide({ maxActors: 2 })))

  it.onEachHost("leave no actor behind for longer than a second if nobody is admitted", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const params = { name: 1 }
      for (let i = 0; i < 20; i++) {
        const peer = yield* open()
        yield* peer.send(hello("Fortress", { key: String(i), params }))
        assert.strictEqual(peer.frames("bye")[0]?.[1].reason._tag, "InvalidParams")
      }
      assert.strictEqual(yield* host.size, 20)
      const peer = yield* enter("Fortress", { key: "0", params: {} })

      yield* pass(1)

      assert.strictEqual(yield* host.size, 1)
      yield* peer.drop
      yield* pass(61)
      assert.strictEqual(yield* host.size, 1)
      yield* pass(61)
      assert.strictEqual(yield* host.size, 0)
    }).pipe(provide()))
})
