// A server that lies to its clients: what it says fails the call or the stream that it concerns, and nothing else.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Queue, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import type { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import type { ConnectionError } from "../../src/ConnectionError.ts"
import { ActorClient } from "../../src/internal/actorClient.ts"
import * as Frame from "../../src/session/Frame.ts"
import * as Link from "../../src/session/Link.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import { Fragile, Tree } from "../support/Hostile.ts"
import { settle } from "../support/settle.ts"

class Forest extends Actor.make("Forest", {
  rejection: Tree,
  events: { grown: Tree, cracked: Fragile, said: Schema.String },
  rpcs: [
    Rpc.make("look", { success: Tree }),
    Rpc.make("walk", { success: Tree, stream: true }),
    Rpc.make("touch", { success: Fragile }),
    Rpc.make("feel", { success: Fragile, stream: true }),
    Rpc.make("echo", { success: Schema.String })
  ]
}) {}

const deep = "{\"children\":[".repeat(20_000) + "]}".repeat(20_000)

const limits: Frame.Limits = {
  frameBytes: 10_000,
  batchBytes: 100_000,
  callsInFlight: 100,
  subscriptions: 100,
  streamWindow: 16,
  bufferFrames: 1_000,
  bufferBytes: 1_000_000
}

const welcome = (fields: Partial<Record<keyof Frame.Welcome, unknown>> = {}) => ["welcome", {
  connection: "c",
  epoch: "e",
  token: "t",
  resumed: false,
  received: 0,
  limits,
  heartbeat: { interval: 15_000, timeout: 10_000 },
  resumeWindow: 60_000,
  ...fields
}]

/** A client, and the server that it has dialled. */
const meet = Effect.gen(function*() {
  const network = yield* MemoryNetwork.make()
  const heard = yield* Queue.unbounded<Frame.ClientFrame>()
  const links = yield* Queue.unbounded<Link.Link>()
  yield* network.accept(Effect.fnUntraced(function*(socket: Socket.Socket) {
    const link = yield* Link.fromSocket(socket, { maxBytes: 1_000_000 })
    yield* Queue.offer(links, link)
    const read = Effect.map(link.pull, (messages) => {
      for (const message of messages) {
        const frames = Frame.decodeClient(message)
        if (Exit.isSuccess(frames)) Queue.offerAllUnsafe(heard, frames.value)
      }
    })
    return yield* Effect.ignore(Effect.forever(read))
  }, Effect.scoped))
  const client = yield* Forest.connect("k", { subscribe: ["grown", "cracked", "said"] }).pipe(
    Effect.provideService(ActorClient, SocketClient.make(network.dial))
  )
  const link = yield* Queue.take(links)
  const say = (...messages: ReadonlyArray<string>) =>
    Effect.andThen(Effect.forEach(messages, (message) => link.write(message)), settle)
  return {
    client,
    heard: Queue.clear(heard),
    say,
    sayFrames: (...frames: ReadonlyArray<unknown>) => say(JSON.stringify(frames))
  }
})

const welcomed = Effect.tap(meet, ({ sayFrames }) => sayFrames(welcome()))

const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Why a call or a stream failed. */
const reasonOf = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.map(Effect.flip(Fiber.join(fiber)), (error) => (error as ConnectionError<unknown>).reason._tag)

const statusOf = (client: Actor.ClientOf<typeof Forest>) =>
  Effect.map(SubscriptionRef.get(client.status), ({ _tag }) => _tag)

const quiet = Effect.provide(Logger.layer([]))

describe("a reply that cannot be decoded", () => {
  const replies: ReadonlyArray<readonly [what: string, value: string, rpc: "look" | "touch"]> = [
    ["because it nests too deep", deep, "look"],
    ["because its schema throws", "\"bomb\"", "touch"]
  ]
  for (const [what, value, rpc] of replies) {
    it.effect(`${what} fails its call with InvalidReply; the next one is answered`, () =>
      Effect.gen(function*() {
        const { client, say, sayFrames } = yield* welcomed
        const asked: Effect.Effect<unknown, unknown> = client.rpc[rpc]()
        const call = yield* start(asked)
        const next = yield* start(client.rpc.echo())
        yield* settle
        yield* say(`[["reply",0,{"_tag":"Success","value":${value}}]]`)
        yield* sayFrames(["reply", 1, { _tag: "Success", value: "a" }])

        assert.strictEqual(yield* reasonOf(call), "InvalidReply")
        assert.strictEqual(yield* Fiber.join(next), "a")
        assert.strictEqual(yield* statusOf(client), "Connected")
      }).pipe(quiet))
  }
})

describe("a chunk that cannot be decoded", () => {
  const chunks: ReadonlyArray<readonly [what: string, value: string, rpc: "walk" | "feel"]> = [
    ["because it nests too deep", deep, "walk"],
    ["because its schema throws", "\"bomb\"", "feel"]
  ]
  for (const [what, value, rpc] of chunks) {
    it.effect(`${what} fails its stream with InvalidReply, and its handler is interrupted`, () =>
      Effect.gen(function*() {
        const { client, heard, say, sayFrames } = yield* welcomed
        const stream: Stream.Stream<unknown, unknown> = client.rpc[rpc]()
        const drained = yield* start(Stream.runDrain(stream))
        const next = yield* start(client.rpc.echo())
        yield* settle
        yield* say(`[["chunk",0,[${value}]]]`)
        yield* sayFrames(["reply", 1, { _tag: "Success", value: "a" }])

        assert.strictEqual(yield* reasonOf(drained), "InvalidReply")
        assert.strictEqual(yield* Fiber.join(next), "a")
        assert.deepStrictEqual((yield* heard).filter(([name]) => name === "interrupt"), [["interrupt", 0]])
        assert.strictEqual(yield* statusOf(client), "Connected")
      }).pipe(quiet))
  }
})

describe("an event that cannot be decoded", () => {
  const events: ReadonlyArray<readonly [what: string, value: string, event: "grown" | "cracked"]> = [
    ["because it nests too deep", deep, "grown"],
    ["because its schema throws", "\"bomb\"", "cracked"]
  ]
  for (const [what, value, event] of events) {
    it.effect(`${what} fails the streams of that event with InvalidEvent; others go on`, () =>
      Effect.gen(function*() {
        const { client, say, sayFrames } = yield* welcomed
        const stream: Stream.Stream<unknown, unknown> = client.events[event]
        const hurt = yield* start(Stream.runDrain(stream))
        const said = yield* start(Stream.runCollect(Stream.take(client.events.said, 1)))
        yield* settle
        yield* say(`[["event","${event}",${value}]]`)
        yield* sayFrames(["event", "said", "a"])

        assert.strictEqual(yield* reasonOf(hurt), "InvalidEvent")
        assert.deepStrictEqual(yield* Fiber.join(said), ["a"])
        assert.strictEqual(yield* statusOf(client), "Connected")
      }).pipe(quiet))
  }
})

describe("a rejection that cannot be decoded", () => {
  it.effect("ends the client with a protocol error, and its calls settle", () =>
    Effect.gen(function*() {
      const { client, say } = yield* meet
      const call = yield* start(client.rpc.echo())
      yield* say(`[["rejected",${deep}]]`)
      yield* TestClock.adjust("5 seconds")

      assert.strictEqual(yield* reasonOf(call), "Disconnected")
      const status = yield* SubscriptionRef.get(client.status)
      assert.strictEqual(status._tag === "Disconnected" && status.reason._tag, "ProtocolError")
    }).pipe(quiet))
})

describe("a size in a refusal that is no number", () => {
  it.effect("is taken as none", () =>
    Effect.gen(function*() {
      const { client, sayFrames } = yield* welcomed
      const call = yield* start(client.rpc.echo())
      yield* settle
      yield* sayFrames(["refused", 0, "ReplyTooLarge", "much -1"])

      const { reason } = yield* Effect.flip(Fiber.join(call))
      assert.deepStrictEqual(reason._tag === "ReplyTooLarge" && [reason.bytes, reason.limit], [0, 0])
    }).pipe(quiet))
})

describe("limits that leave no room", () => {
  const tight: ReadonlyArray<readonly [what: string, limits: Partial<Frame.Limits>]> = [
    ["no call in flight", { callsInFlight: 0 }],
    ["no frame to keep", { bufferFrames: 0 }],
    ["no byte in a frame", { frameBytes: 0 }],
    ["no byte in a message", { batchBytes: 0 }]
  ]
  for (const [what, changed] of tight) {
    it.effect(`such as ${what} keep calls waiting or fail them; the handle can be closed`, () =>
      Effect.gen(function*() {
        const { client, sayFrames } = yield* meet
        yield* sayFrames(welcome({ limits: { ...limits, ...changed } }))
        const call = yield* start(client.rpc.echo())
        yield* settle
        const leaving = yield* start(client.disconnect())
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(leaving)

        const { reason } = yield* Effect.flip(Fiber.join(call))
        assert.include(["Disconnected", "NotExecuted", "OutcomeUnknown"], reason._tag)
      }).pipe(quiet))
  }
})

describe("heartbeat times that are no times", () => {
  for (const heartbeat of [{ interval: 0, timeout: 0 }, { interval: 0, timeout: 1_000 }, { interval: 1, timeout: 0 }]) {
    it.effect(`such as ${JSON.stringify(heartbeat)} lead to no storm of pings`, () =>
      Effect.gen(function*() {
        const { heard, sayFrames } = yield* meet
        yield* sayFrames(welcome({ heartbeat }))
        for (let i = 0; i < 20; i++) yield* Effect.andThen(TestClock.adjust("50 millis"), settle)

        assert.isAtMost((yield* heard).filter(([name]) => name === "ping").length, 3)
      }).pipe(quiet))
  }
})
