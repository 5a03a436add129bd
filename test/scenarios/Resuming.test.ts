import { assert, describe } from "@effect/vitest"
import { Array, Duration, Effect, Fiber, Schedule, Stream } from "effect"
import { ActorHost } from "../../src/ActorHost.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import { ChatRoom, Journal, Unwelcome } from "../support/ChatRoom.ts"
import { comeBack, drop, join, scenario } from "../support/ChatScenario.ts"
import * as ChatWire from "../support/ChatWire.ts"
import { it } from "../support/Hosts.ts"

const App = ChatApp.layer()

const listed = Effect.map(ChatApp.members, (members) => members.map(({ id, name, status }) => ({ id, name, status })))

describe("a resume token", () => {
  // 27
  scenario("that is wrong changes nothing for the connection that it names", (world) =>
    Effect.gen(function*() {
      const owner = yield* join(world, "ada")
      const id = yield* ChatApp.idOf(owner)
      const own = yield* ChatWire.enter(world.dial, "bob", { attach: 1 })
      const forged = { ...ChatWire.ticket(own.welcome), connection: id }
      const { welcome } = yield* ChatWire.enter(world.dial, "eve", { attach: 99, resume: forged })

      assert.isFalse(welcome.resumed)
      assert.notStrictEqual(welcome.connection, id)
      assert.strictEqual(yield* ChatApp.idOf(owner), id)
      assert.deepStrictEqual((yield* listed)[0], { id, name: "ada", status: "Connected" })
      yield* owner.rpc.touch()
    }))

  // 27
  scenario("is of no use once its successor was confirmed", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const first = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
      yield* first.confirm
      yield* first.drop
      yield* world.until(journal.until("suspend ada"))
      const stolen = ChatWire.ticket(first.welcome)
      const second = yield* ChatWire.enter(world.dial, "ada", { attach: 2, resume: stolen })
      assert.isTrue(second.welcome.resumed)
      yield* second.send(["ping"])
      yield* second.next("pong")

      const thief = yield* ChatWire.enter(world.dial, "eve", { attach: 3, resume: stolen })

      assert.isFalse(thief.welcome.resumed)
      assert.notStrictEqual(thief.welcome.connection, first.welcome.connection)
      assert.deepStrictEqual((yield* listed).map(({ name }) => name), ["ada", "eve"])
      yield* second.send(["ping"])
      yield* second.next("pong")
    }))

  // 27
  scenario("stays valid while no welcome with its successor was confirmed", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const first = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
      const resume = ChatWire.ticket(first.welcome)
      yield* first.confirm
      yield* first.drop
      for (let attach = 2; attach <= 5; attach++) {
        yield* world.until(journal.until("suspend ada", attach - 1))
        const again = yield* ChatWire.enter(world.dial, "ada", { attach, resume })
        assert.deepStrictEqual([again.welcome.resumed, again.welcome.connection], [true, first.welcome.connection])
        yield* again.drop
      }
    }))

  // 27
  it.onEachHost("survives three cuts between the hello and its welcome", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      yield* network.cut
      for (let cuts = 0; cuts < 3; cuts++) {
        yield* network.cutAfter(1, "uplink")
        yield* ChatApp.pass("1 second")
        assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      }
      assert.strictEqual(yield* network.dials, 4)

      yield* ChatApp.pass("1 second")

      assert.strictEqual(yield* ChatApp.idOf(client), id)
    }).pipe(Effect.provide(App)))

  // 27
  scenario(
    "in two hands is worth one connection: the later wins, the other gets one of its own",
    (world) =>
      Effect.gen(function*() {
        const owner = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
        yield* owner.confirm
        const resume = ChatWire.ticket(owner.welcome)

        const thief = yield* ChatWire.enter(world.dial, "ada", { attach: 2, resume })
        const [, bye] = yield* world.until(owner.next("bye"))
        yield* thief.send(["ping"])
        yield* thief.next("pong")
        const back = yield* ChatWire.enter(world.dial, "ada", { attach: 3, resume })

        assert.isTrue(thief.welcome.resumed)
        assert.strictEqual(bye.reason._tag, "Displaced")
        assert.isFalse(back.welcome.resumed)
        assert.deepStrictEqual((yield* listed).map(({ id }) => id), [owner.welcome.connection, back.welcome.connection])
      })
  )

  // 27
  scenario("with an attach number that is not above the last one is stale", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const owner = yield* ChatWire.enter(world.dial, "ada", { attach: 5 })
      yield* owner.confirm
      const late = yield* ChatWire.greet(world.dial, "ada", { attach: 5, resume: ChatWire.ticket(owner.welcome) })
      const [, bye] = yield* world.until(late.next("bye"))

      assert.strictEqual(bye.reason._tag, "Stale")
      assert.deepStrictEqual(journal.entries, ["before ada", "connect ada"])
      yield* owner.send(["ping"])
      yield* owner.next("pong")
    }))

  // 26
  scenario(
    "takes the session from the older socket: what that one still delivers is ignored",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const older = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
        yield* older.confirm
        // It arrives while the newer socket is being admitted, and would be read after that.
        journal.admit = () => Effect.orDie(older.send(["call", 0, "note", { n: 1 }]))
        const newer = yield* ChatWire.enter(world.dial, "ada", { attach: 2, resume: ChatWire.ticket(older.welcome) })
        yield* newer.send(["call", 0, "note", { n: 2 }])
        yield* newer.next("reply")

        assert.deepStrictEqual([newer.welcome.resumed, newer.welcome.received], [true, 0])
        assert.deepStrictEqual(journal.entries.slice(2), ["before ada", "note 2"])
      }),
    { only: "memory" }
  )

  scenario("of another life of the actor's memory is worth a fresh connection", (world) =>
    Effect.gen(function*() {
      const owner = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
      yield* owner.confirm
      const resume = { ...ChatWire.ticket(owner.welcome), epoch: "before" }
      const { welcome } = yield* ChatWire.enter(world.dial, "ada", { attach: 2, resume })

      assert.deepStrictEqual([welcome.resumed, welcome.connection === owner.welcome.connection], [false, false])
    }))

  scenario(
    "with a count that was never sent ends its connection: there is no partial replay",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const owner = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
        yield* owner.confirm
        const resume = { ...ChatWire.ticket(owner.welcome), received: 1_000 }
        const { welcome } = yield* ChatWire.enter(world.dial, "ada", { attach: 2, resume })
        yield* world.until(journal.until("disconnect ada Lost"))

        assert.isFalse(welcome.resumed)
        assert.deepStrictEqual((yield* listed).map(({ id }) => id), [welcome.connection])
      })
  )

  scenario(
    "that never arrived has nobody to wait for: the connection ends with its socket",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const wire = yield* ChatWire.enter(world.dial, "ada", { attach: 1 })
        yield* world.until(journal.until("connect ada"))
        yield* wire.drop
        yield* world.until(journal.until("disconnect ada Lost"))

        assert.deepStrictEqual(journal.entries, ["before ada", "connect ada", "disconnect ada Lost"])
      })
  )
})

describe("a client that comes back", () => {
  // 42
  scenario(
    "is asked for admission again, and is not resumed where it is refused now",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        const call = yield* Effect.forkChild(Effect.flip(client.rpc.hold({ n: 1 })))
        yield* world.until(journal.until("hold 1"))
        journal.admit = () => Effect.fail(new Unwelcome({ why: "revoked" }))
        yield* world.network.cut
        const status = yield* world.awaitStatus(client, "Rejected")
        yield* world.until(journal.until("disconnect ada Refused"))

        assert.deepStrictEqual(status.rejection, new Unwelcome({ why: "revoked" }))
        assert.strictEqual((yield* Fiber.join(call)).reason._tag, "OutcomeUnknown")
        assert.strictEqual((yield* Effect.flip(client.rpc.touch())).reason._tag, "Rejected")
        assert.deepStrictEqual(yield* listed, [])
      })
  )

  // 7, 10
  it.onEachHost("keeps its connection while admission hangs or dies, and resumes when it works again", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      journal.admit = () => Effect.never
      yield* network.cut
      yield* ChatApp.pass("11 seconds")
      journal.admit = () => Effect.die("out of order")
      yield* ChatApp.pass("3 seconds")
      assert.strictEqual(yield* ChatApp.tagOf(client), "Waiting")
      assert.deepStrictEqual(yield* listed, [{ id, name: "ada", status: "Suspended" }])

      journal.admit = () => Effect.void
      yield* ChatApp.pass("1 second")

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.strictEqual(journal.entries.filter((line) => line === "suspend ada").length, 1)
    }).pipe(Effect.provide(App)))

  // 31
  scenario("was kicked meanwhile: its token no longer resumes", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada")
      const id = yield* ChatApp.idOf(client)
      yield* drop(world, client)
      yield* world.until(journal.until("suspend ada"))
      yield* lobby.kick({ reason: "enough" })
      yield* world.until(journal.until("disconnect ada Kicked"))
      assert.deepStrictEqual(yield* listed, [])

      const status = yield* comeBack(world, client)
      yield* client.rpc.touch()

      assert.isFalse(status.resumed)
      assert.notStrictEqual(status.id, id)
      assert.deepStrictEqual(yield* listed, [{ id: status.id, name: "ada", status: "Connected" }])
    }))
})

describe("the resume window", () => {
  it.onEachHost("ends the connection as lost when it is over, and not a millisecond before", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      yield* network.refuse
      yield* network.cut

      yield* ChatApp.pass(59_999)
      assert.deepStrictEqual(yield* listed, [{ id, name: "ada", status: "Suspended" }])
      yield* ChatApp.pass(1)
      yield* ChatApp.settle

      assert.deepStrictEqual(yield* listed, [])
      assert.deepStrictEqual(journal.entries.slice(2), ["suspend ada", "disconnect ada Lost"])
    }).pipe(Effect.provide(App)))

  it.onEachHost("starts anew with each loss", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      for (let losses = 0; losses < 5; losses++) {
        yield* network.refuse
        yield* network.cut
        yield* ChatApp.pass("50 seconds")
        yield* network.heal
        yield* ChatApp.pass("1 second")
      }

      assert.strictEqual(yield* ChatApp.idOf(client), id)
    }).pipe(Effect.provide(App)))

  it.onEachHost("does not run out while an accepted token waits for the hook", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.pass("58500 millis")
      journal.admit = () => Effect.sleep("9 seconds")
      yield* network.heal
      yield* ChatApp.pass("5 seconds")
      assert.strictEqual((yield* listed)[0]?.id, id)

      yield* ChatApp.pass("5 seconds")

      assert.strictEqual(yield* ChatApp.idOf(client), id)
      assert.notInclude(journal.entries.join(), "disconnect")
    }).pipe(Effect.provide(App)))

  it.onEachHost("runs again after an attach that failed", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      yield* ChatApp.join("ada")
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.pass("30 seconds")
      journal.admit = () => Effect.never
      yield* network.heal
      yield* ChatApp.pass("1 second")
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.settle
      yield* ChatApp.pass("59 seconds")
      assert.deepStrictEqual((yield* listed).map(({ name }) => name), ["ada"])
      yield* ChatApp.pass("1 second")
      yield* ChatApp.settle

      assert.deepStrictEqual(yield* listed, [])
      assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("disconnect")), ["disconnect ada Lost"])
    }).pipe(Effect.provide(App)))

  it.onEachHost("caps the delays of the client's schedule at a sixth of it", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const client = yield* ChatApp.join("ada", { reconnect: Schedule.spaced("5 minutes") })
      yield* network.cut
      yield* ChatApp.settle
      const status = yield* ChatApp.statusOf(client)

      assert.strictEqual(status._tag === "Waiting" && Duration.toMillis(status.delay), 10_000)
    }).pipe(Effect.provide(App)))

  // The row of the guarantees: the session is gone.
  scenario(
    "that was missed costs one gap: queued calls run, sent ones are of unknown outcome",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const lobby = yield* ChatApp.room
        const client = yield* join(world, "ada", { subscribe: ["said"] })
        const id = yield* ChatApp.idOf(client)
        const heard = yield* ChatApp.collect(client.events.said)
        const gaps = yield* ChatApp.collect(client.gaps)
        const sent = yield* Effect.forkChild(Effect.flip(client.rpc.hold({ n: 1 })))
        yield* world.until(journal.until("hold 1"))
        yield* drop(world, client)
        const queued = yield* Effect.forkChild(client.rpc.note({ n: 2 }))
        yield* world.until(journal.until("disconnect ada Lost"))
        yield* lobby.say({ n: 1 })

        const status = yield* comeBack(world, client)
        const error = yield* world.until(Fiber.join(sent))
        assert.strictEqual(yield* world.until(Fiber.join(queued)), 2)
        yield* lobby.say({ n: 2 })
        yield* client.rpc.touch()

        assert.deepStrictEqual([status.resumed, status.id === id], [false, false])
        assert.deepStrictEqual([error.reason._tag, error.executed], ["OutcomeUnknown", "maybe"])
        assert.deepStrictEqual(gaps.values.map(({ cause, current, previous }) => ({ cause, current, previous })), [
          { cause: "SessionLost", current: status.id, previous: id }
        ])
        assert.strictEqual(status.gap, gaps.values[0])
        assert.deepStrictEqual(heard.values, [2])
        assert.deepStrictEqual(journal.entries.filter((line) => line.startsWith("note")), ["note 2"])
      }),
    { liveOptions: { resumeWindow: "300 millis" } }
  )
})

describe("without a resume window", () => {
  const hostOptions = { resumeWindow: 0 }

  scenario("a drop ends the connection, and the client comes back as a fresh one", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const id = yield* ChatApp.idOf(client)
      yield* drop(world, client)
      yield* world.until(journal.until("disconnect ada Lost"))
      const status = yield* comeBack(world, client)
      yield* client.rpc.touch()

      assert.deepStrictEqual([status.resumed, status.id === id], [false, false])
      assert.deepStrictEqual(yield* listed, [{ id: status.id, name: "ada", status: "Connected" }])
      assert.deepStrictEqual(journal.entries, [
        "before ada",
        "connect ada",
        "disconnect ada Lost",
        "before ada",
        "connect ada"
      ])
    }), { hostOptions, liveOptions: hostOptions })

  scenario(
    "a sent call is of unknown outcome and is not sent again; a queued one runs",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        const sent = yield* Effect.forkChild(Effect.flip(client.rpc.hold({ n: 1 })))
        yield* world.until(journal.until("hold 1"))
        yield* drop(world, client)
        const queued = yield* Effect.forkChild(
          Effect.forEach(Array.range(2, 20), (n) => client.rpc.note({ n }), { concurrency: "unbounded" })
        )
        yield* Effect.yieldNow
        yield* comeBack(world, client)
        const error = yield* world.until(Fiber.join(sent))
        yield* world.until(Fiber.join(queued))

        assert.deepStrictEqual([error.reason._tag, error.executed], ["OutcomeUnknown", "maybe"])
        assert.strictEqual(journal.entries.filter((line) => line === "hold 1").length, 1)
        assert.deepStrictEqual(
          journal.entries.filter((line) => line.startsWith("note")),
          Array.range(2, 20).map((n) => `note ${n}`)
        )
      }),
    { hostOptions, liveOptions: hostOptions }
  )

  scenario(
    "an idempotent call that was sent is sent again, ahead of the queued ones",
    (world) =>
      Effect.gen(function*() {
        const journal = yield* Journal
        const client = yield* join(world, "ada")
        const sent = yield* Effect.forkChild(client.rpc.recall({ n: 1 }))
        yield* world.until(journal.until("hold 1"))
        yield* drop(world, client)
        yield* world.until(journal.until("disconnect ada Lost"))
        const queued = yield* Effect.forkChild(client.rpc.note({ n: 2 }))
        yield* Effect.yieldNow
        yield* journal.gate.open
        yield* comeBack(world, client)

        assert.strictEqual(yield* world.until(Fiber.join(sent)), 1)
        assert.strictEqual(yield* world.until(Fiber.join(queued)), 2)
        assert.deepStrictEqual(journal.entries.filter((line) => /^(hold|held|note|interrupted)/.test(line)), [
          "hold 1",
          "interrupted 1",
          "hold 1",
          "held 1",
          "note 2"
        ])
      }),
    { hostOptions, liveOptions: hostOptions }
  )

  scenario("an idempotent call that was interrupted while away is not sent again", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      const sent = yield* Effect.forkChild(client.rpc.recall({ n: 1 }))
      yield* world.until(journal.until("hold 1"))
      yield* drop(world, client)
      yield* Fiber.interrupt(sent)
      yield* journal.gate.open
      yield* comeBack(world, client)
      yield* client.rpc.note({ n: 2 })

      assert.strictEqual(journal.entries.filter((line) => line === "hold 1").length, 1)
      assert.strictEqual(yield* client.queued, 0)
    }), { hostOptions, liveOptions: hostOptions })

  scenario("the handler of a lost call is interrupted", (world) =>
    Effect.gen(function*() {
      const journal = yield* Journal
      const client = yield* join(world, "ada")
      yield* Effect.forkChild(Effect.ignore(client.rpc.hold({ n: 1 })))
      yield* world.until(journal.until("hold 1"))
      yield* world.network.cut

      yield* world.until(journal.until("interrupted 1"))
      yield* world.until(journal.until("disconnect ada Lost"))
    }), { hostOptions, liveOptions: hostOptions })

  scenario(
    "running event streams are subscribed again, and a gap is announced once per loss",
    (world) =>
      Effect.gen(function*() {
        const lobby = yield* ChatApp.room
        const client = yield* join(world, "ada")
        const heard = yield* ChatApp.collect(client.events.said)
        const gaps = yield* ChatApp.collect(client.gaps)
        yield* client.rpc.touch()
        for (let n = 1; n <= 3; n++) {
          yield* drop(world, client)
          yield* comeBack(world, client)
          yield* lobby.say({ n })
          yield* client.rpc.touch()
        }

        assert.deepStrictEqual(heard.values, [1, 2, 3])
        assert.strictEqual(gaps.values.length, 3)
        assert.deepStrictEqual(
          gaps.values.slice(1).map((gap) => gap.previous),
          gaps.values.slice(0, 2).map((gap) => gap.current)
        )
      }),
    { hostOptions, liveOptions: hostOptions }
  )

  scenario("a subscription is in force when the gap is announced", (world) =>
    Effect.gen(function*() {
      const lobby = yield* ChatApp.room
      const client = yield* join(world, "ada", { subscribe: ["said"] })
      const heard = yield* ChatApp.collect(client.events.said)
      const fetched = yield* Effect.forkChild(
        client.gaps.pipe(Stream.mapEffect(() => lobby.say({ n: 9 })), Stream.take(1), Stream.runDrain)
      )
      yield* Effect.yieldNow
      yield* world.network.cut
      yield* world.until(Fiber.join(fetched))
      yield* client.rpc.touch()

      assert.deepStrictEqual(heard.values, [9])
    }), { hostOptions, liveOptions: hostOptions })

  scenario("a streaming call fails with an unknown outcome", (world) =>
    Effect.gen(function*() {
      const client = yield* join(world, "ada")
      const stream = yield* Effect.forkChild(Effect.flip(Stream.runDrain(client.rpc.trickle({ upTo: 5 }))))
      yield* Effect.yieldNow
      yield* client.rpc.touch()
      yield* world.network.cut

      assert.strictEqual((yield* world.until(Fiber.join(stream))).reason._tag, "OutcomeUnknown")
    }), { hostOptions, liveOptions: hostOptions })
})

describe("a room that is too busy for the replay buffer", () => {
  const Busy = ChatApp.layer({ bufferFrames: 64 })

  // 43
  it.onEachHost("ends the connection of a client that is away; it returns fresh with one gap, and stays", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const lobby = yield* ChatApp.room
      const client = yield* ChatApp.join("ada", { subscribe: ["said"] })
      const heard = yield* ChatApp.collect(client.events.said)
      const gaps = yield* ChatApp.collect(client.gaps)
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.settle
      yield* lobby.sayAll({ from: 1, to: 500 })
      yield* ChatApp.settle
      assert.strictEqual(journal.entries.at(-1), "disconnect ada SlowConsumer")

      yield* network.heal
      yield* ChatApp.pass("1 second")
      yield* lobby.say({ n: 501 })
      yield* ChatApp.pass("2 minutes")

      assert.deepStrictEqual(heard.values, [501])
      assert.strictEqual(gaps.values.length, 1)
      assert.strictEqual(journal.entries.filter((line) => line === "connect ada").length, 2)
      assert.strictEqual(yield* ChatApp.tagOf(client), "Connected")
    }).pipe(Effect.provide(Busy)))
})

describe("a server that starts again without storage", () => {
  // 29
  it.onEachHost("gets the client back as a fresh one: queued calls run, sent ones do not run again, one gap", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const journal = yield* Journal
      const first = yield* ChatApp.startServer()
      const client = yield* ChatApp.join("ada")
      const id = yield* ChatApp.idOf(client)
      const heard = yield* ChatApp.collect(client.events.said)
      const gaps = yield* ChatApp.collect(client.gaps)
      const sent = yield* Effect.forkChild(Effect.flip(client.rpc.hold({ n: 1 })))
      yield* ChatApp.settle
      yield* network.refuse
      yield* network.cut
      yield* ChatApp.settle
      const queued = yield* Effect.forkChild(client.rpc.note({ n: 2 }))
      const stopping = yield* Effect.forkChild(first.stop)
      yield* ChatApp.pass("20 seconds")
      yield* Fiber.join(stopping)

      const second = yield* ChatApp.startServer()
      yield* network.heal
      yield* ChatApp.pass("1 second")
      yield* ChatRoom.client("lobby").pipe(
        Effect.flatMap((lobby) => lobby.say({ n: 3 })),
        Effect.provideService(ActorHost, second.host)
      )
      yield* ChatApp.settle

      assert.strictEqual((yield* Fiber.join(sent)).reason._tag, "OutcomeUnknown")
      assert.strictEqual(yield* Fiber.join(queued), 2)
      assert.notStrictEqual(yield* ChatApp.idOf(client), id)
      assert.deepStrictEqual((yield* second.members).map(({ subscriptions }) => subscriptions), [["said"]])
      assert.deepStrictEqual(heard.values, [3])
      assert.deepStrictEqual(gaps.values.map((gap) => gap.previous), [id])
      assert.strictEqual(journal.entries.filter((line) => line === "hold 1").length, 1)
      assert.strictEqual(journal.entries.filter((line) => line === "note 2").length, 1)
    }).pipe(Effect.provide(ChatApp.layerServerless)))

  it.onEachHost(
    "tells its clients when it closes, lets the running call finish, and they come to the next one",
    () =>
      Effect.gen(function*() {
        const network = yield* TestNetwork
        const journal = yield* Journal
        const first = yield* ChatApp.startServer()
        const client = yield* ChatApp.join("ada")
        const running = yield* Effect.forkChild(client.rpc.hold({ n: 1 }))
        yield* ChatApp.settle
        const waiting = yield* Effect.forkChild(Effect.flip(client.rpc.note({ n: 2 })))
        yield* ChatApp.settle

        const stopping = yield* Effect.forkChild(first.stop)
        yield* ChatApp.pass("5 seconds")
        yield* journal.gate.open
        yield* ChatApp.settle
        yield* Fiber.join(stopping)
        assert.strictEqual(journal.entries.at(-1), "disconnect ada Draining")
        const second = yield* ChatApp.startServer()
        yield* ChatApp.pass("1 second")

        assert.strictEqual(yield* Fiber.join(running), 1)
        const refused = yield* Fiber.join(waiting)
        assert.deepStrictEqual([refused.reason._tag, refused.executed], ["NotExecuted", "no"])
        assert.strictEqual((yield* second.members).length, 1)
        assert.strictEqual(yield* network.live, 1)
        assert.notInclude(journal.entries, "note 2")
      }).pipe(Effect.provide(ChatApp.layerServerless)),
    {
      notInCluster: "the engine cuts the tunnels of a node's sockets when that node closes; see `cluster/Nodes.test.ts`"
    }
  )
})
