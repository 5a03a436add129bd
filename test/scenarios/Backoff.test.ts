import { assert, describe } from "@effect/vitest"
import { Array, Duration, Effect, Exit, Fiber, Random, Schedule, Scope } from "effect"
import { ActorHost } from "../../src/ActorHost.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { ChatRoom, Journal, Unwelcome } from "../support/ChatRoom.ts"
import { comeBack, drop, join, scenario } from "../support/ChatScenario.ts"
import { it, Kind } from "../support/Hosts.ts"

const App = ChatApp.layer()
const policy = { reconnect: Reconnect.policy }

/** Draws the middle of every range, so that the delays of the default policy are known. */
const inTheMiddle = Effect.provideService(Random.Random, {
  nextDoubleUnsafe: () => 0.5,
  nextIntUnsafe: () => 0
})

/** How long the client waits now, in milliseconds. */
const delayOf = (client: ChatApp.ChatClient) =>
  Effect.map(
    ChatApp.statusOf(client),
    (status) => status._tag === "Waiting" ? Duration.toMillis(status.delay) : status._tag
  )

describe("a server that is away", () => {
  // 22
  scenario("for several dials gets its clients back when it is up again", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* drop(world, client)
      for (let attempts = 0; attempts < 5; attempts++) {
        yield* world.awaitStatus(client, "Connecting")
        yield* world.awaitStatus(client, "Waiting")
      }
      const status = yield* comeBack(world, client)

      assert.isTrue(status.resumed)
      assert.strictEqual(journal.entries.filter((line) => line === "connect ada").length, 1)
    }))

  // 22
  scenario("from the start is waited for, and what was called meanwhile runs", (world) =>
    Effect.gen(function*() {
      yield* world.network.refuse
      const client = yield* ChatRoom.connect("lobby", { reconnect: world.reconnect, params: { name: "ada" } })
      const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
      yield* world.awaitStatus(client, "Waiting")
      yield* world.awaitStatus(client, "Connecting")
      yield* world.awaitStatus(client, "Waiting")
      const status = yield* comeBack(world, client)

      assert.isFalse(status.resumed)
      assert.strictEqual(yield* world.until(Fiber.join(call)), 1)
    }))

  it.effect("is dialled for ever by the default policy", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      yield* network.refuse
      const client = yield* ChatApp.join("ada", policy)
      yield* ChatApp.pass("3 hours")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      const dials = yield* network.dials
      // A delay is at most 30 seconds.
      assert.isAtLeast(dials, 3 * 120)

      yield* network.heal
      yield* ChatApp.pass("30 seconds")

      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App)))

  it.effect("makes a client give up whose schedule ends; its calls settle as never executed", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      yield* network.refuse
      const client = yield* ChatApp.join("ada", {
        reconnect: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 }))
      })
      const call = yield* Effect.forkChild(Effect.flip(client.rpc.note({ n: 1 })))
      yield* ChatApp.pass("1 minute")

      const error = yield* Fiber.join(call)
      assert.deepStrictEqual([error.reason._tag, error.executed], ["Disconnected", "no"])
      assert.strictEqual(yield* network.dials, 4)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Disconnected")
    }).pipe(Effect.provide(App)))
})

describe("a server that accepts and drops at once", () => {
  // 23
  it.effect("is dialled at most twice in the first 500 ms, and less and less often", () =>
    Effect.gen(function*() {
      const network = yield* ChatApp.Wires
      yield* network.accept(() => Effect.void)
      yield* ChatApp.join("ada", policy)
      yield* ChatApp.pass("10 minutes")
      const times = yield* network.dialTimes

      assert.isAtMost(times.filter((time) => time < 500).length, 2)
      assert.isAtMost(times.filter((time) => time < 60_000).length, 15)
      assert.isAtLeast(times.filter((time) => time > 300_000).length, 10)
      assert.isAtMost(times.filter((time) => time > 300_000).length, 60)
    }).pipe(Effect.provide(ChatApp.layerServerless)))

  // 23
  it.effect("is not dialled in a hot loop either where it admits the client first", () =>
    Effect.gen(function*() {
      const network = yield* ChatApp.Wires
      const journal = yield* Journal
      yield* ChatApp.startServer({}, (served) => Effect.raceFirst(served, Effect.sleep("10 millis")))
      yield* ChatApp.join("ada", policy)
      yield* ChatApp.pass("2 minutes")
      const times = yield* network.dialTimes

      assert.isAbove(journal.entries.filter((line) => line === "before ada").length, 5)
      assert.isAtMost(times.filter((time) => time < 500).length, 2)
      assert.isAtMost(times.length, 60)
    }).pipe(Effect.provide(ChatApp.layerServerless)))
})

describe("the default backoff", () => {
  const Unresumed = ChatApp.layer({ resumeWindow: 0 })

  // 24
  it.effect("grows with each dial that fails, up to its cap", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      yield* network.refuse
      const client = yield* ChatApp.join("ada", policy)
      const delays: Array<number | string> = []
      for (let attempt = 0; attempt < 8; attempt++) {
        const delay = yield* delayOf(client)
        delays.push(delay)
        yield* ChatApp.pass(Number(delay))
        yield* ChatApp.settle
      }

      assert.deepStrictEqual(delays, [750, 1250, 2250, 4250, 8250, 15_125, 15_125, 15_125])
    }).pipe(Effect.provide(Unresumed), inTheMiddle))

  // 24
  it.effect("goes on after a short spell, and starts over after a healthy one", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada", policy)
      const delayAfter = Effect.fnUntraced(function*(uptime: Duration.Input) {
        yield* ChatApp.pass(uptime)
        yield* network.cut
        yield* ChatApp.settle
        const delay = yield* delayOf(client)
        yield* ChatApp.pass(Number(delay))
        yield* ChatApp.settle
        assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
        return delay
      })

      assert.deepStrictEqual(
        yield* Effect.forEach(["1 second", "2 seconds", "29 seconds", "30 seconds", "1 second"] as const, delayAfter),
        [750, 1250, 2250, 750, 1250]
      )
    }).pipe(Effect.provide(Unresumed), inTheMiddle))

  it.effect("keeps its place while the client is kept waiting by retryAfter, which nothing shortens", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* ChatApp.room
      const client = yield* ChatApp.join("ada", policy)
      yield* lobby.kick({ reason: "later", retryAfter: 600_000 })
      yield* ChatApp.settle
      assert.strictEqual(yield* delayOf(client), 600_000)

      yield* ChatApp.pass(599_999)
      assert.strictEqual(yield* network.dials, 1)
      yield* ChatApp.pass(1)
      yield* ChatApp.settle

      assert.strictEqual(yield* network.dials, 2)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(App), inTheMiddle))
})

describe("params that are an effect", () => {
  // 28
  scenario("are evaluated at every dial", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      let token = 0
      const client = yield* ChatRoom.connect("lobby", {
        reconnect: world.reconnect,
        params: Effect.sync(() => ({ name: `ada${++token}` }))
      })
      yield* world.awaitStatus(client, "Connected")
      yield* client.rpc.touch()
      yield* world.network.cut
      yield* world.until(journal.until("before ada2"))
      yield* client.rpc.touch()
      yield* world.network.cut
      yield* world.until(journal.until("before ada3"))

      assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("before")), [
        "before ada1",
        "before ada2",
        "before ada3"
      ])
    }))

  // 28
  scenario(
    "that fail are evaluated again by the same policy, and their failure is the status's cause",
    (world) =>
      Effect.gen(function*() {
        let evaluations = 0
        const client = yield* ChatRoom.connect("lobby", {
          reconnect: world.reconnect,
          params: Effect.suspend(() =>
            ++evaluations < 4 ? Effect.fail("offline" as const) : Effect.succeed({ name: "ada" })
          )
        })
        const waiting = yield* world.awaitStatus(client, "Waiting")
        const call = yield* Effect.forkChild(client.rpc.note({ n: 1 }))
        yield* world.awaitStatus(client, "Connected")

        assert.strictEqual(waiting.cause, "offline")
        assert.strictEqual(yield* world.until(Fiber.join(call)), 1)
        assert.strictEqual(evaluations, 4)
      })
  )

  // 28
  scenario("that die are evaluated again too", (world) =>
    Effect.gen(function*() {
      let evaluations = 0
      const client = yield* ChatRoom.connect("lobby", {
        reconnect: world.reconnect,
        params: Effect.suspend(() => ++evaluations < 3 ? Effect.die("broken") : Effect.succeed({ name: "ada" }))
      })
      yield* world.awaitStatus(client, "Connected")

      assert.strictEqual(evaluations, 3)
    }))

  // 28
  it.effect("that hang count as a failed dial after their time, and are interrupted", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      let evaluations = 0
      let interrupted = 0
      const client = yield* ChatRoom.connect("lobby", {
        reconnect: ChatApp.everySecond,
        paramsTimeout: "5 seconds",
        params: Effect.suspend(() =>
          ++evaluations < 3
            ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
            : Effect.succeed({ name: "ada" })
        )
      })
      yield* ChatApp.settle
      yield* ChatApp.pass(4_999)
      assert.deepStrictEqual(yield* ChatApp.statusOf(client), { _tag: "Connecting", attempt: 0 })
      yield* ChatApp.pass(1)
      yield* ChatApp.settle
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      yield* ChatApp.pass("7 seconds")

      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      assert.deepStrictEqual([evaluations, interrupted, yield* network.dials], [3, 2, 1])
    }).pipe(Effect.provide(App)))

  // 28
  scenario(
    "that the actor rejects end the client, where a failing network does not",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        journal.admit = (name) => name === "ada2" ? Effect.fail(new Unwelcome({ why: "expired" })) : Effect.void
        let token = 0
        const client = yield* ChatRoom.connect("lobby", {
          reconnect: world.reconnect,
          params: Effect.sync(() => ({ name: `ada${++token}` }))
        })
        yield* world.awaitStatus(client, "Connected")
        yield* client.rpc.touch()
        yield* world.network.cut
        const status = yield* world.awaitStatus(client, "Rejected")
        yield* world.network.cut

        assert.deepStrictEqual(status.rejection, new Unwelcome({ why: "expired" }))
        assert.strictEqual((yield* Effect.flip(client.rpc.touch())).reason._tag, "Rejected")
        assert.strictEqual(token, 2)
      })
  )

  // 28
  it.effect("release what they hold after each evaluation", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      let held = 0
      yield* ChatRoom.connect("lobby", {
        reconnect: ChatApp.everySecond,
        params: Effect.as(
          Effect.acquireRelease(Effect.sync(() => held++), () => Effect.sync(() => held--)),
          { name: "ada" }
        )
      })
      yield* ChatApp.settle
      for (let cuts = 0; cuts < 3; cuts++) {
        assert.strictEqual(held, 0)
        yield* network.cut
        yield* ChatApp.pass("1 second")
      }
      assert.strictEqual(yield* network.dials, 4)
    }).pipe(Effect.provide(App)))
})

describe("what is left over", () => {
  const sizeOf = ({ state }: Scope.Scope) => state._tag === "Open" ? state.finalizers?.size ?? 1 : 0

  // 35
  it.effect("of 10,000 failed dials: no link, and nothing more in the client's scope than after one", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      yield* network.refuse
      const client = yield* ChatApp.join("ada", { reconnect: Schedule.spaced("1 millis") }).pipe(Scope.provide(scope))
      yield* ChatApp.pass("1 millis")
      const before = sizeOf(scope)

      yield* ChatApp.pass("10 seconds")

      assert.isAtLeast(yield* network.dials, 10_000)
      assert.strictEqual(sizeOf(scope), before)
      assert.strictEqual(yield* network.live, 0)
      yield* network.heal
      yield* ChatApp.pass("1 second")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* network.live, 0)
    }).pipe(Effect.provide(App)))

  // 35
  it.effect("of 1,000 drops and resumes: one link, and nothing more in the client's scope than before", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      const client = yield* ChatApp.join("ada", { reconnect: Schedule.spaced("1 millis") }).pipe(Scope.provide(scope))
      yield* client.rpc.note({ n: 0 })
      const before = sizeOf(scope)
      for (let n = 1; n <= 1000; n++) {
        yield* network.cut
        yield* ChatApp.pass("1 millis")
        yield* client.rpc.note({ n })
      }

      assert.strictEqual(sizeOf(scope), before)
      assert.deepStrictEqual([yield* network.live, yield* network.dials], [1, 1001])
      assert.strictEqual((yield* ChatApp.members).length, 1)
    }).pipe(Effect.provide(App)))

  // 35
  it.onEachHost(
    "of thousands of connects and leaves: no link, no connection, no call, no actor",
    () =>
      Effect.gen(function*() {
        // A tunnel for each of them takes its time.
        const batches = (yield* Kind) === "local" ? 1_000 : 50
        const network = yield* TestNetwork
        const journal = yield* Journal
        const host = yield* ActorHost
        for (const batch of Array.range(1, batches)) {
          yield* Effect.scoped(Effect.gen(function*() {
            const clients = yield* Effect.forEach(
              Array.range(1, 10),
              (n) => ChatRoom.connect("lobby", { params: { name: `${batch}-${n}` } })
            )
            yield* Effect.forEach(clients, (client) => client.rpc.touch(), { concurrency: "unbounded" })
          }))
        }
        yield* ChatApp.settle

        assert.deepStrictEqual([yield* network.live, yield* network.dials], [0, 10 * batches])
        assert.strictEqual(journal.entries.filter((line) => line.startsWith("connect")).length, 10 * batches)
        assert.strictEqual(journal.entries.filter((line) => line.endsWith("ClientLeft")).length, 10 * batches)
        assert.deepStrictEqual(yield* ChatApp.members, [])
        yield* ChatApp.pass("1 minute")
        yield* ChatApp.settle
        assert.strictEqual(yield* host.size, 0)
      }).pipe(Effect.provide(App)),
    { timeout: 60_000 }
  )
})
