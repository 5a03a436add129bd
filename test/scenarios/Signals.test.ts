import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import type { Signal } from "../../src/PlatformSignals.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { withLeaps } from "../support/ChatClock.ts"
import { Journal } from "../support/ChatRoom.ts"
import { Platform } from "../support/Platform.ts"

const App = Layer.provideMerge(ChatApp.layer(), Platform.layer)

const seldom = { reconnect: Schedule.spaced("1 hour") }

const lossOf = (client: ChatApp.ChatClient) =>
  Effect.map(ChatApp.statusOf(client), (status) =>
    status._tag === "Waiting"
      ? { cause: (status.cause as { readonly _tag?: string })._tag, delay: Duration.toMillis(status.delay) }
      : status._tag)

/** A client that is away, and kept out of it until the network heals. */
const lose = Effect.fnUntraced(function*(options: Parameters<typeof ChatApp.join>[1] = seldom) {
  const network = yield* TestNetwork
  const client = yield* ChatApp.join("ada", options)
  yield* ChatApp.pass("5 seconds")
  yield* network.refuse
  yield* network.cut
  yield* ChatApp.settle
  assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
  return client
})

/** A client that the actor has sent away for a minute. */
const beSentAway = Effect.gen(function*() {
  const client = yield* ChatApp.join("ada")
  const lobby = yield* ChatApp.room
  yield* lobby.kick({ reason: "calm down", retryAfter: 60_000 })
  yield* ChatApp.settle
  return client
})

/** Lets a client lose its socket on a network where no dial is answered. */
const freeze = Effect.gen(function*() {
  const network = yield* TestNetwork
  yield* ChatApp.pass("5 seconds")
  yield* network.freeze
  yield* network.cut
})

/** Signals, and lets happen what follows at once. */
const tell = Effect.fnUntraced(function*(...signals: ReadonlyArray<Signal>) {
  const platform = yield* Platform
  for (const signal of signals) platform.tell(signal)
  yield* ChatApp.settle
})

describe("a wake", () => {
  it.effect("cuts the wait for the next dial short", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* lose()
      yield* network.heal
      yield* ChatApp.pass("9 seconds")
      assert.strictEqual(yield* network.dials, 1)
      yield* tell("wake")

      const status = yield* ChatApp.statusOf(client)
      assert.isTrue(status._tag === "Connected" && status.resumed)
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(App)))

  it.effect("that comes in bursts for 20 seconds causes one dial a second at the most", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      yield* lose()
      yield* Effect.repeat(
        Effect.andThen(Effect.sync(() => platform.tell("wake")), ChatApp.pass("50 millis")),
        { times: 399 }
      )

      const times = (yield* network.dialTimes).slice(1)
      assert.isAtLeast(times.length, 19)
      times.reduce((before, time) => {
        assert.isAtLeast(time - before, 1_000)
        return time
      })
    }).pipe(Effect.provide(App)))

  it.effect("never shortens the time after which the server wants the client back", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* beSentAway
      for (let i = 0; i < 59; i++) {
        yield* ChatApp.pass("1 second")
        platform.tell(i % 3 === 0 ? "resume" : "wake")
      }
      yield* ChatApp.pass("999 millis")
      assert.strictEqual(yield* network.dials, 1)
      yield* ChatApp.pass("1 milli")
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  it.effect("notices that the time which the server asked for is over, though timers stood still", () =>
    withLeaps((leap) =>
      Effect.gen(function*() {
        const client = yield* beSentAway
        yield* leap("61 seconds")
        yield* tell("wake")
        assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      }).pipe(Effect.provide(App))
    ))

  it.effect("costs a healthy connection nothing", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      for (let i = 0; i < 20; i++) {
        yield* ChatApp.pass("700 millis")
        platform.tell("wake")
        platform.tell("wake")
      }
      yield* ChatApp.pass("10 minutes")
      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.strictEqual(yield* network.dials, 1)
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada"])
    }).pipe(Effect.provide(App)))

  it.effect("finds out within 10 seconds that the path is dead, and not only after 25", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada", seldom)
      yield* ChatApp.pass("2 seconds")
      yield* network.freeze
      platform.tell("wake")
      yield* ChatApp.pass("9999 millis")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      yield* ChatApp.pass("1 milli")
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
    }).pipe(Effect.provide(App)))

  it.effect("of long ago does not hurry a client whose server went away", () =>
    Effect.gen(function*() {
      const platform = yield* Platform
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada", seldom)
      yield* ChatApp.pass("5 seconds")
      platform.tell("wake")
      yield* ChatApp.pass("2 hours")
      yield* network.cut
      yield* ChatApp.pass("9 seconds")
      // A sixth of the resume window.
      assert.deepStrictEqual(yield* lossOf(client), { cause: "SocketError", delay: 10_000 })
      assert.strictEqual(yield* network.dials, 1)
    }).pipe(Effect.provide(App)))

  it.effect("in the middle of a dial that fails lets the next one follow at once", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada", seldom)
      yield* freeze
      platform.tell("wake")
      yield* ChatApp.pass("2 seconds")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connecting")
      platform.tell("wake")
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.pass("8 seconds")
      yield* network.heal
      yield* ChatApp.settle
      assert.isAtLeast(yield* network.dials, 3)
    }).pipe(Effect.provide(App)))

  it.effect("lets the schedule start over, since the failures of before say nothing any more", () =>
    Effect.gen(function*() {
      const platform = yield* Platform
      const reconnect = Schedule.exponential("1 second").pipe(Reconnect.resetAfter("1 hour"))
      const client = yield* lose({ reconnect })
      yield* ChatApp.pass("3 seconds")
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* lossOf(client), { cause: "SocketError", delay: 4_000 })
      platform.tell("wake")
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* lossOf(client), { cause: "SocketError", delay: 1_000 })
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      assert.deepStrictEqual(yield* lossOf(client), { cause: "SocketError", delay: 2_000 })
    }).pipe(Effect.provide(App)))

  it.effect("wakes nobody whose handle is done", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const scope = yield* Scope.make()
      yield* Scope.provide(ChatApp.join("ada"), scope)
      yield* Scope.provide(ChatApp.join("bob"), scope)
      assert.strictEqual(platform.listeners.size, 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(platform.listeners.size, 0)
      platform.tell("resume")
      yield* ChatApp.pass("1 hour")
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(App)))
})

describe("a suspended client", () => {
  it.effect("has closed its socket when the signal returns, without leaving", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      platform.tell("suspend")
      assert.strictEqual(yield* network.live, 0)
      yield* ChatApp.settle

      assert.deepStrictEqual(yield* lossOf(client), { cause: "Suspended", delay: Infinity })
      assert.strictEqual((yield* ChatApp.members)[0]?.status, "Suspended")
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada", "suspend ada"])
    }).pipe(Effect.provide(App)))

  it.effect("does not dial, whatever else it is told, until it is resumed", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      platform.tell("suspend")
      const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* ChatApp.pass("30 seconds")
      platform.tell("wake")
      platform.tell("suspend")
      yield* ChatApp.pass("10 seconds")
      assert.strictEqual(yield* network.dials, 1)
      yield* tell("resume")

      const status = yield* ChatApp.statusOf(client)
      assert.deepStrictEqual(status, { _tag: "Connected", id, resumed: true })
      assert.strictEqual(yield* Fiber.join(call), 1)
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(App)))

  it.effect("that is resumed after its window finds a fresh connection and a gap", () =>
    Effect.gen(function*() {
      const platform = yield* Platform
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const gaps = yield* ChatApp.collect(client.gaps)
      platform.tell("suspend")
      yield* ChatApp.pass("8 hours")
      yield* tell("resume")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      assert.strictEqual(gaps.values.length, 1)
      assert.include(journal.entries, "disconnect ada Lost")
    }).pipe(Effect.provide(App)))

  it.effect("gives up the dial that it is in", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      yield* freeze
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connecting")
      yield* tell("suspend")
      assert.deepStrictEqual(yield* lossOf(client), { cause: "Suspended", delay: Infinity })
      yield* network.heal
      yield* ChatApp.pass("30 seconds")
      assert.strictEqual(yield* network.live, 0)
      yield* tell("resume")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  it.effect("does not dial when the wait that it was in is over, nor before the server wants it back", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* beSentAway
      platform.tell("suspend")
      yield* ChatApp.pass("30 seconds")
      platform.tell("resume")
      platform.tell("suspend")
      yield* ChatApp.pass("10 minutes")
      assert.strictEqual(yield* network.dials, 1)
      yield* tell("resume")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  it.effect("that is suspended and resumed in turns dials once a second at the most", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      for (let i = 0; i < 100; i++) {
        platform.tell("suspend")
        yield* ChatApp.pass("50 millis")
        platform.tell("resume")
        yield* ChatApp.pass("50 millis")
      }
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.isAtMost(yield* network.dials, 12)
    }).pipe(Effect.provide(App)))

  it.effect("that is resumed at once dials at once", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada", seldom)
      yield* ChatApp.pass("1 second")
      yield* tell("suspend", "resume")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(App)))

  it.effect("can be left", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada")
      yield* tell("suspend")
      yield* client.disconnect()
      platform.tell("resume")
      yield* ChatApp.pass("1 minute")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Disconnected")
      assert.strictEqual(yield* network.dials, 1)
    }).pipe(Effect.provide(App)))

  it.effect("is not taken for one that failed: the schedule stays where it was", () =>
    Effect.gen(function*() {
      const platform = yield* Platform
      const client = yield* ChatApp.join("ada", { reconnect: Schedule.recurs(0) })
      for (let i = 0; i < 3; i++) {
        yield* ChatApp.pass("5 seconds")
        platform.tell("suspend")
        yield* ChatApp.pass("5 seconds")
        yield* tell("resume")
      }
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))
})
