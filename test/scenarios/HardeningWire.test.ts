// Peers that keep to the letter of the protocol and not to its spirit, spoken by hand.
import { assert, describe } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Latch, Layer, Option, Queue } from "effect"
import { Headers } from "effect/http"
import { Rpc } from "effect/rpc"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Engine from "../../src/session/Engine.ts"
import * as Frame from "../../src/session/Frame.ts"
import type { Link } from "../../src/session/Link.ts"
import { Outgoing } from "../../src/session/Outgoing.ts"
import { Journal } from "../support/ChatRoom.ts"
import { scenario } from "../support/ChatScenario.ts"
import * as ChatWire from "../support/ChatWire.ts"
import { it, Kind, layerHost } from "../support/Hosts.ts"
import { settle } from "../support/settle.ts"

/** How many handlers of the mill turn. */
class Wheels extends Context.Service<Wheels, { turning: number }>()("effect-tether/test/Hardening/Wheels") {
  static readonly layer = Layer.sync(Wheels, () => ({ turning: 0 }))
}

/** An actor whose handlers run for ever, or send their caller away. */
class Mill extends Actor.make("Mill", { rpcs: [Rpc.make("turn"), Rpc.make("leave")] }) {}

const MillLayer = Mill.toLayer(
  Effect.map(Wheels, (wheels) =>
    Mill.of({
      turn: () =>
        Rpc.fork(Effect.acquireUseRelease(
          Effect.sync(() => wheels.turning++),
          () => Effect.never,
          () => Effect.sync(() => wheels.turning--)
        )),
      leave: () => Effect.flatMap(Mill.CurrentConnection, (connection) => connection.disconnect())
    })),
  { maxIdleTime: "1 second" }
).pipe(Layer.provide(Mill.layerAdmitAll))

const layer = (options?: ActorHost.HostOptions) =>
  MillLayer.pipe(Layer.provideMerge(layerHost(options)), Layer.provideMerge(Wheels.layer))

const gone = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

type FrameOf<Tag> = Extract<Frame.ServerFrame, readonly [Tag, ...ReadonlyArray<any>]>

const decode = (message: string) => Exit.getSuccess(Frame.decodeServer(message)).pipe(Option.getOrThrow)

/** A socket to the mill whose peer reads while `reading` is open. */
const open = Effect.fnUntraced(function*() {
  const host = yield* ActorHost.ActorHost
  const inbound = yield* Queue.unbounded<string, Socket.SocketError>()
  const reading = yield* Latch.make(true)
  const messages: Array<string> = []
  const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
    Effect.andThen(
      reading.await,
      Effect.sync(() => {
        if (typeof chunk === "string") messages.push(chunk)
      })
    )
  const socket = Socket.make({
    reader: Effect.as(Effect.addFinalizer(() => Queue.fail(inbound, gone)), {
      pull: Queue.takeAll(inbound),
      upgrade: Socket.SocketUpgradeError.unsupported
    }),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
  const served = yield* Effect.forkScoped(host.accept(socket, { headers: Headers.empty }))
  return {
    reading,
    messages,
    isServed: () => served.pollUnsafe() === undefined,
    send: (...frames: ReadonlyArray<Frame.ClientFrame>) =>
      Effect.andThen(Queue.offer(inbound, JSON.stringify(frames)), settle),
    frames: <Tag extends Frame.ServerFrame[0]>(tag: Tag) =>
      messages.flatMap(decode).filter((frame) => frame[0] === tag) as Array<FrameOf<Tag>>
  }
})

/** A peer of the mill that has been welcomed and has confirmed it. */
const enter = Effect.gen(function*() {
  const peer = yield* open()
  const hello = { protocol: Frame.version, actor: "Mill", key: "mill", params: null, subscriptions: [], attach: 1 }
  yield* peer.send(["hello", hello])
  yield* peer.send(["ack", 0])
  const [welcome] = peer.frames("welcome")
  assert.isDefined(welcome)
  return { ...peer, welcome: welcome![1] }
})

describe("a peer whose calls are discarded", () => {
  it.onEachHost("has at most ten times its calls in flight running; more are refused", () =>
    Effect.gen(function*() {
      const wheels = yield* Wheels
      const { frames, isServed, send } = yield* enter
      for (let id = 0; id < 200; id += 5) {
        const calls = [0, 1, 2, 3, 4].map((n): Frame.ClientFrame => ["call", id + n, "turn", null, { discard: true }])
        yield* send(...calls)
      }

      assert.strictEqual(wheels.turning, 50)
      assert.lengthOf(frames("reply"), 50)
      assert.lengthOf(frames("refused"), 150)
      for (const [, , cause] of frames("refused")) assert.strictEqual(cause, "TooManyCalls")
      assert.isTrue(isServed())
    }).pipe(Effect.provide(layer({ maxCallsInFlight: 5 }))))

  it.onEachHost("may make more when some of them have ended", () =>
    Effect.gen(function*() {
      const wheels = yield* Wheels
      const { frames, send } = yield* enter
      for (let id = 0; id < 10; id++) yield* send(["call", id, "turn", null, { discard: true }])
      yield* send(["call", 10, "turn", null, { discard: true }])
      assert.deepStrictEqual(frames("refused").map(([, id, cause]) => [id, cause]), [[10, "TooManyCalls"]])

      yield* send(["interrupt", 3])
      assert.strictEqual(wheels.turning, 9)
      yield* send(["call", 11, "turn", null, { discard: true }])

      assert.strictEqual(wheels.turning, 10)
      assert.lengthOf(frames("refused"), 1)
    }).pipe(Effect.provide(layer({ maxCallsInFlight: 1 }))))
})

describe("a peer that pings", () => {
  it.onEachHost("and does not read makes one pong wait, however often it asks", () =>
    Effect.gen(function*() {
      const { frames, messages, reading, send } = yield* enter
      const before = messages.length
      yield* reading.close
      const pings = Array.from({ length: 1_000 }, (): Frame.ClientFrame => ["ping"])
      for (let i = 0; i < 10; i++) yield* send(...pings)
      assert.lengthOf(messages, before)

      yield* reading.open
      yield* settle

      // One was being written, one waited for it; from another node there is one in each place on the way.
      const most = (yield* Kind) === "local" ? 2 : 6
      assert.isAtMost(frames("pong").length, most)
      assert.isAtMost(messages.length - before, most)
      assert.isAtLeast(frames("pong").length, 2)
    }).pipe(Effect.provide(layer())))

  it.onEachHost("and reads is answered every time", () =>
    Effect.gen(function*() {
      const { frames, send } = yield* enter
      for (let i = 0; i < 5; i++) yield* send(["ping"])

      assert.lengthOf(frames("pong"), 5)
    }).pipe(Effect.provide(layer())))

  it.onEachHost("and does not read its farewell is dropped within seconds, and its actor goes idle", () =>
    Effect.gen(function*() {
      const host = yield* ActorHost.ActorHost
      const { isServed, reading, send } = yield* enter
      yield* reading.close
      yield* send(["call", 0, "leave", null])
      assert.isTrue(isServed())
      assert.strictEqual(yield* host.size, 1)

      // Through a tunnel: until the actor drops its end, its gateway learns of that, and drops the socket.
      const patience = (yield* Kind) === "local" ? 5 : 15
      for (let seconds = 0; seconds < patience; seconds++) {
        yield* send(["ping"])
        yield* TestClock.adjust("1 second")
      }
      yield* settle

      assert.isFalse(isServed())
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual(yield* host.size, 0)
    }).pipe(Effect.provide(layer())))
})

describe("what waits to be written", () => {
  it.onEachHost("holds a frame that is pushed once only once, until it has left", () =>
    Effect.gen(function*() {
      const written: Array<string> = []
      const reading = yield* Latch.make(false)
      const link: Link = {
        scope: yield* Effect.scope,
        pull: Effect.never,
        abort: Effect.void,
        write: (message) => Effect.andThen(reading.await, Effect.sync(() => void written.push(message.trimEnd()))),
        close: () => Effect.void
      }
      const outgoing = new Outgoing(link, yield* Engine.make, {
        maxBatchBytes: () => 1_000,
        beforeWrite: () => undefined,
        onEnd: () => {}
      })
      outgoing.push("1")
      outgoing.pushOnce("2")
      outgoing.pushOnce("2")
      yield* settle
      outgoing.pushOnce("2")
      outgoing.push("3")
      outgoing.pushOnce("2")
      outgoing.push("3")
      yield* reading.open
      yield* settle
      outgoing.pushOnce("2")
      yield* settle

      assert.deepStrictEqual(written, ["[1,2]", "[2,3,3]", "[2]"])
    }))
})

describe("what a welcome announces", () => {
  it.onEachHost("are whole numbers, durations rounded up and counts rounded down", () =>
    Effect.gen(function*() {
      const { welcome } = yield* enter

      assert.strictEqual(welcome.resumeWindow, 2)
      assert.strictEqual(welcome.limits.callsInFlight, 2)
      assert.deepStrictEqual(welcome.heartbeat, { interval: 2_147_483_647, timeout: 1 })
      for (const limit of Object.values(welcome.limits)) assert.isTrue(Number.isSafeInteger(limit))
    }).pipe(Effect.provide(layer({
      resumeWindow: "1500 micros",
      heartbeatInterval: Duration.infinity,
      heartbeatTimeout: "1 nano",
      maxCallsInFlight: 2.9,
      maxSubscriptions: Infinity,
      bufferBytes: Infinity
    }))))
})

describe("a hello that comes late (27)", () => {
  scenario("after a later one was confirmed is closed as stale, and no hook runs", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const first = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
      yield* first.confirm
      yield* world.until(journal.until("connect ada"))
      const resume = ChatWire.ticket(first.welcome)
      const third = yield* world.until(ChatWire.enter(world.dial, "ada", { attach: 3, resume }))
      assert.isTrue(third.welcome.resumed)
      yield* third.send(["call", 0, "touch", null])
      yield* world.until(third.next("reply"))
      const before = journal.entries.slice()

      const second = yield* ChatWire.greet(world.dial, "ada", { attach: 2, resume })

      const [, { reason }] = yield* world.until(second.next("bye"))
      assert.strictEqual(reason._tag, "Stale")
      yield* third.send(["call", 1, "touch", null])
      yield* world.until(third.next("reply"))
      assert.deepStrictEqual(journal.entries, before)
    }))
})
