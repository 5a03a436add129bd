import { assert, describe } from "@effect/vitest"
import { Clock, Effect, Fiber, Queue, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import { Status } from "../../src/ConnectionStatus.ts"
import * as DisconnectReason from "../../src/DisconnectReason.ts"
import * as Link from "../../src/session/Link.ts"
import { Backstage, failure, hear, join, Room, scenario, Unwelcome } from "../support/Rooms.ts"

/** The room as an app knows it that was built from another version of the contract. */
class OtherRoom extends Actor.make("Room", {
  params: { name: Schema.String, level: Schema.String },
  rpcs: [
    Rpc.make("dance"),
    Rpc.make("echo", { payload: { text: Schema.Finite }, success: Schema.String }),
    Rpc.make("names", { success: Schema.Array(Schema.String) }),
    Rpc.make("history", { success: Schema.Finite })
  ]
}) {}

class Nowhere extends Actor.make("Nowhere", { rpcs: [Rpc.make("echo")] }) {}

describe("params (1)", () => {
  scenario("they arrive decoded in onBeforeConnect", () =>
    Effect.gen(function*() {
      const { hooks } = yield* Backstage
      const seen = yield* Queue.unbounded<unknown>()
      hooks.onBeforeConnect = ({ params }) => Effect.as(Queue.offer(seen, params), params)
      yield* join("ada")
      assert.deepStrictEqual(yield* Queue.take(seen), { name: "ada", level: 3 })
    }))

  scenario(
    "those that do not decode end the client with InvalidParams before any hook",
    ({ awaitStatus }) =>
      Effect.gen(function*() {
        const { entries } = yield* Backstage
        const ada = yield* OtherRoom.connect("lobby", { params: { name: "ada", level: "high" } })
        const { reason } = yield* awaitStatus(ada, "Disconnected")
        assert.strictEqual(reason._tag, "InvalidParams")
        assert.include(reason._tag === "InvalidParams" ? reason.message : "", "level")
        const { reason: later } = yield* failure(ada.rpc.dance(), "Disconnected")
        assert.strictEqual(later._tag, "InvalidParams")
        assert.deepStrictEqual(yield* entries, ["start lobby"])
      })
  )
})

describe("the connection's state (2)", () => {
  scenario(
    "is what onBeforeConnect returned, in handlers and in the list, for each connection its own",
    () =>
      Effect.gen(function*() {
        const { hooks } = yield* Backstage
        hooks.onBeforeConnect = ({ params }) => Effect.succeed({ name: `${params.name}!`, level: params.level * 2 })
        const ada = yield* join("ada")
        const ben = yield* Room.connect("lobby", { params: { name: "ben", level: 20 } })
        const adaSelf = yield* ada.rpc.whoami()
        const benSelf = yield* ben.rpc.whoami()
        assert.deepStrictEqual([adaSelf.name, adaSelf.level, benSelf.name, benSelf.level], ["ada!", 6, "ben!", 40])
        assert.notStrictEqual(adaSelf.id, benSelf.id)
        assert.deepStrictEqual(yield* ada.rpc.names(), ["ada!", "ben!"])
      })
  )
})

describe("a rejection (3)", () => {
  scenario(
    "reaches the client as its type, and settles all that waits and all that comes",
    ({ awaitStatus }) =>
      Effect.gen(function*() {
        const { gate, hooks } = yield* Backstage
        hooks.onBeforeConnect = ({ params: { name } }) =>
          Effect.andThen(gate("door").await, Effect.fail(new Unwelcome({ name, since: 1984 })))
        const mallory = yield* join("mallory")
        const waiting = yield* Effect.forkChild(failure(mallory.rpc.echo({ text: "hi" }), "Rejected"))
        const listening = yield* Effect.forkChild(failure(Stream.runDrain(mallory.events.said), "Rejected"))
        yield* gate("door").open

        const { rejection } = yield* awaitStatus(mallory, "Rejected")
        assert.instanceOf(rejection, Unwelcome)
        assert.deepStrictEqual([rejection.name, rejection.since], ["mallory", 1984])
        assert.strictEqual((yield* Fiber.join(waiting)).rejection.since, 1984)
        assert.strictEqual((yield* Fiber.join(listening)).rejection.since, 1984)
        assert.strictEqual((yield* failure(mallory.rpc.names(), "Rejected")).rejection.since, 1984)
        assert.strictEqual((yield* failure(Stream.runDrain(mallory.events.tick), "Rejected")).rejection.since, 1984)
        assert.strictEqual(yield* mallory.queued, 0)
      })
  )

  scenario("is final: the client does not dial again", ({ awaitStatus, memory }) =>
    Effect.gen(function*() {
      const network = yield* memory
      const mallory = yield* join("mallory")
      yield* awaitStatus(mallory, "Rejected")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* network.dials, 1)
      assert.strictEqual(yield* network.live, 0)
    }), { only: "memory" })

  scenario(
    "a defect of the hook is masked and logged, and neither actor nor client are done",
    (world) =>
      Effect.gen(function*() {
        const { hooks } = yield* Backstage
        const ben = yield* join("ben")
        const before = yield* ben.rpc.whoami()
        hooks.onBeforeConnect = () => Effect.die(new Error("the password is 1234"))
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const { cause } = yield* world.awaitStatus(ada, "Waiting")
        assert.deepStrictEqual(cause, DisconnectReason.InternalError.make({}))
        const error = (yield* world.logs).find(({ level }) => level === "Error")
        assert.match(error!.text, /onBeforeConnect failed.*the password is 1234/s)

        delete hooks.onBeforeConnect
        assert.strictEqual((yield* world.until(ada.rpc.whoami())).name, "ada")
        assert.strictEqual((yield* ben.rpc.whoami()).id, before.id)
      })
  )
})

describe("the connection list (4)", () => {
  scenario("has a connection in onConnect and not while onBeforeConnect runs", () =>
    Effect.gen(function*() {
      const { awaitEntry, gate, hooks } = yield* Backstage
      const inHook = yield* Queue.unbounded<number>()
      const size = Effect.map(Effect.flatMap(Room.Connections, ({ all }) => all), ({ size }) => size)
      const note = Effect.flatMap(size, (n) => Queue.offer(inHook, n))
      const ben = yield* join("ben")
      yield* ben.rpc.whoami()
      hooks.onBeforeConnect = ({ params }) => Effect.as(Effect.andThen(note, gate("door").await), params)
      hooks.onConnect = () => note
      const ada = yield* join("ada")
      yield* awaitEntry("onBeforeConnect ada")
      assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
      yield* gate("door").open
      assert.deepStrictEqual(yield* ada.rpc.names(), ["ben", "ada"])
      assert.deepStrictEqual(yield* Queue.takeAll(inHook), [1, 2])
    }))

  scenario("a refused client causes no other hook", ({ awaitStatus }) =>
    Effect.gen(function*() {
      const { entries } = yield* Backstage
      const ben = yield* join("ben")
      yield* ben.rpc.whoami()
      const mallory = yield* join("mallory")
      yield* awaitStatus(mallory, "Rejected")
      assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
      assert.deepStrictEqual(yield* entries, [
        "start lobby",
        "onBeforeConnect ben",
        "onConnect ben",
        "onBeforeConnect mallory"
      ])
    }))

  scenario(
    "a client that goes while onBeforeConnect runs interrupts it and causes no other hook",
    () =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, hooks, write } = yield* Backstage
        hooks.onBeforeConnect = () => Effect.onInterrupt(Effect.never, () => write("interrupted"))
        const ada = yield* join("ada")
        yield* awaitEntry("onBeforeConnect ada")
        yield* ada.disconnect()
        yield* awaitEntry("interrupted")
        delete hooks.onBeforeConnect
        const ben = yield* join("ben")
        assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect", "onConnect ada"), [])
      })
  )

  scenario(
    "a client that leaves inside onConnect causes one onDisconnect",
    ({ awaitStatus }) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, hooks } = yield* Backstage
        hooks.onConnect = ({ state: { name } }) => name === "ada" ? Effect.never : Effect.void
        const ada = yield* join("ada")
        yield* awaitEntry("onConnect ada")
        yield* awaitStatus(ada, "Connected")
        yield* ada.disconnect("changed my mind")
        yield* awaitEntry("onDisconnect")
        const ben = yield* join("ben")
        assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada ClientLeft"])
      })
  )

  scenario(
    "a client whose socket breaks inside onConnect causes one onDisconnect",
    ({ network, reconnect, until }) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, hooks } = yield* Backstage
        hooks.onConnect = () => Effect.never
        const ada = yield* join("ada", { reconnect })
        yield* awaitEntry("onConnect ada")
        delete hooks.onConnect
        yield* network.cut
        yield* until(awaitEntry("onDisconnect ada"))
        assert.deepStrictEqual(yield* until(ada.rpc.names()), ["ada"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect", "onConnect"), [
          "onConnect ada",
          "onDisconnect ada Lost",
          "onConnect ada"
        ])
      }),
    { hostOptions: { resumeWindow: 0 } }
  )

  scenario("both sides that close at once cause one onDisconnect", () =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf } = yield* Backstage
      const ada = yield* join("ada")
      const ben = yield* join("ben")
      yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami()])
      yield* Effect.all([ben.rpc.kick({ name: "ada" }), ada.disconnect()], { concurrency: "unbounded" })
      yield* awaitEntry("onDisconnect ada")
      assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
      assert.lengthOf(yield* entriesOf("onDisconnect"), 1)
    }))
})

describe("calls and onConnect (5)", () => {
  scenario(
    "no call of a connection runs before its onConnect has succeeded, and it holds up nobody else",
    () =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf, gate, hooks } = yield* Backstage
        const ada = yield* join("ada")
        const echo = yield* Effect.forkChild(ada.rpc.echo({ text: "early" }))
        yield* Fiber.join(echo)
        hooks.onConnect = () => gate("door").await
        const ben = yield* join("ben")
        const early = yield* Effect.forkChild(ben.rpc.echo({ text: "early" }))
        yield* awaitEntry("onConnect ben")
        // Beside the turns, since onConnect holds one.
        yield* Effect.forkChild(ada.rpc.waitBeside({ gate: "ada" }))
        yield* awaitEntry("wait ada")
        assert.deepStrictEqual(yield* entriesOf("ben echoes"), [])
        yield* gate("door").open
        assert.strictEqual(yield* Fiber.join(early), "early")
      })
  )

  scenario("an onConnect that dies is masked and logged, and ends the connection", (world) =>
    Effect.gen(function*() {
      const { entriesOf, hooks } = yield* Backstage
      hooks.onConnect = () => Effect.die(new Error("the password is 1234"))
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const { cause } = yield* world.awaitStatus(ada, "Waiting")
      delete hooks.onConnect
      assert.deepStrictEqual(cause, DisconnectReason.InternalError.make({}))
      assert.deepStrictEqual(yield* world.until(ada.rpc.names()), ["ada"])
      assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada InternalError"])
      const error = (yield* world.logs).find(({ level }) => level === "Error")
      assert.match(error!.text, /onConnect failed.*the password is 1234/s)
    }))

  scenario("an onConnect that dies refuses the calls that wait for it", ({ settle }) =>
    Effect.gen(function*() {
      const { entriesOf, gate, hooks } = yield* Backstage
      hooks.onConnect = () => Effect.andThen(gate("door").await, Effect.die("no"))
      const ada = yield* join("ada")
      const call = yield* Effect.forkChild(failure(ada.rpc.echo({ text: "hi" }), "NotExecuted"))
      yield* settle
      yield* gate("door").open
      assert.strictEqual((yield* Fiber.join(call)).cause, "ConnectionEnded")
      assert.deepStrictEqual(yield* entriesOf("ada echoes"), [])
    }), { only: "memory" })
})

describe("events of onConnect (6)", () => {
  scenario(
    "reach the client that asked for them at connect time, whenever it begins to consume",
    () =>
      Effect.gen(function*() {
        const { hooks } = yield* Backstage
        hooks.onConnect = (connection) =>
          Effect.andThen(
            connection.send("greeted", { name: connection.state.name }),
            Room.Connections.use((connections) => connections.broadcast("tick"))
          )
        const ada = yield* join("ada", { subscribe: ["greeted", "tick"] })
        const ben = yield* join("ben", { subscribe: ["tick"] })
        yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami()])
        const [greeted, ticks] = [yield* hear(ada.events.greeted), yield* hear(ada.events.tick)]
        assert.deepStrictEqual(yield* Queue.take(greeted), { name: "ada" })
        yield* Queue.take(ticks)
        // Asked for too late: it was sent before.
        const late = yield* hear(ben.events.greeted)
        yield* ben.rpc.whoami()
        assert.strictEqual(yield* Queue.size(late), 0)
      })
  )

  scenario(
    "what is sent as soon as the list tells of a connection arrives, and after the welcome",
    () =>
      Effect.gen(function*() {
        const { hooks } = yield* Backstage
        hooks.onConnect = (host) =>
          host.state.name === "ada"
            ? Room.Connections.use(({ changes }) =>
              changes.pipe(
                Stream.runForEach(({ _tag, connection }) =>
                  _tag === "Connected" ? connection.send("greeted", { name: connection.state.name }) : Effect.void
                ),
                Effect.forkScoped({ startImmediately: true }),
                Effect.asVoid
              )
            )
            : host.send("greeted", { name: `${host.state.name} again` })
        const ada = yield* join("ada")
        yield* ada.rpc.whoami()
        const ben = yield* join("ben", { subscribe: ["greeted"] })
        const greeted = yield* hear(ben.events.greeted)
        assert.deepStrictEqual(yield* Queue.takeN(greeted, 2), [{ name: "ben" }, { name: "ben again" }])
      })
  )
})

describe("time limits of hooks (7)", () => {
  scenario(
    "a hanging onBeforeConnect refuses the connection at its limit and frees everything",
    ({ awaitStatus, memory, settle }) =>
      Effect.gen(function*() {
        const { entriesOf, hooks, write } = yield* Backstage
        const network = yield* memory
        hooks.onBeforeConnect = () => Effect.onInterrupt(Effect.never, () => write("interrupted"))
        const ada = yield* join("ada")
        yield* settle
        yield* TestClock.adjust("9999 millis")
        assert.deepStrictEqual(yield* SubscriptionRef.get(ada.status), Status.Connecting({ attempt: 0 }))
        yield* TestClock.adjust("1 milli")
        const { cause } = yield* awaitStatus(ada, "Waiting")
        assert.deepStrictEqual(cause, DisconnectReason.InternalError.make({}))
        assert.strictEqual(yield* Clock.currentTimeMillis, 10_000)
        assert.deepStrictEqual(yield* entriesOf("interrupted", "onDisconnect"), ["interrupted"])
        assert.strictEqual(yield* network.live, 0)
      }),
    { only: "memory" }
  )

  scenario(
    "a hanging onConnect ends the connection at its limit and gives its turn back",
    (world) =>
      Effect.gen(function*() {
        const { entriesOf, hooks } = yield* Backstage
        hooks.onConnect = () => Effect.never
        const ada = yield* join("ada", { reconnect: world.reconnect })
        const { cause } = yield* world.awaitStatus(ada, "Waiting")
        assert.deepStrictEqual(cause, DisconnectReason.InternalError.make({}))
        delete hooks.onConnect
        assert.deepStrictEqual(yield* world.until(ada.rpc.names()), ["ada"])
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect ada InternalError"])
      })
  )

  scenario(
    "a hanging onDisconnect gives its turn back and lets the actor go on",
    ({ logs, until }) =>
      Effect.gen(function*() {
        const { awaitEntry, hooks, write } = yield* Backstage
        hooks.onDisconnect = () => Effect.onInterrupt(Effect.never, () => write("interrupted"))
        const ada = yield* join("ada")
        const ben = yield* join("ben")
        yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami()])
        yield* ada.disconnect()
        yield* until(awaitEntry("interrupted"))
        assert.deepStrictEqual(yield* ben.rpc.names(), ["ben"])
        assert.match((yield* logs).find(({ level }) => level === "Error")!.text, /onDisconnect took longer/)
        delete hooks.onDisconnect
      })
  )

  scenario("a socket that says no hello is closed at its limit", ({ dial, memory }) =>
    Effect.gen(function*() {
      const network = yield* memory
      yield* Link.fromSocket(yield* dial, { maxBytes: 1024 })
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* network.live, 1)
      yield* TestClock.adjust("1 milli")
      assert.strictEqual(yield* network.live, 0)
    }), { only: "memory" })

  scenario(
    "clients above the limit of connections wait outside and come in when there is room",
    (world) =>
      Effect.gen(function*() {
        const ada = yield* join("ada")
        yield* ada.rpc.whoami()
        const ben = yield* join("ben", { reconnect: world.reconnect })
        const { cause } = yield* world.awaitStatus(ben, "Waiting")
        assert.deepStrictEqual(cause, DisconnectReason.Draining.make({}))
        yield* ada.disconnect()
        assert.deepStrictEqual(yield* world.until(ben.rpc.names()), ["ben"])
      }),
    { hostOptions: { maxConnections: 1 } }
  )
})

describe("several clients (8)", () => {
  scenario("a direct message reaches exactly one", () =>
    Effect.gen(function*() {
      const [ada, ben, cem] = [yield* join("ada"), yield* join("ben"), yield* join("cem")]
      const heard = [
        yield* hear(ada.events.whispered),
        yield* hear(ben.events.whispered),
        yield* hear(cem.events.whispered)
      ]
      yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami(), cem.rpc.whoami()])
      assert.isTrue(yield* ada.rpc.whisper({ to: "ben", text: "psst" }))
      assert.deepStrictEqual(yield* Queue.take(heard[1]!), { from: "ada", text: "psst" })
      // An event to a client goes before the replies that it gets later.
      yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami(), cem.rpc.whoami()])
      assert.deepStrictEqual(yield* Effect.all(heard.map(Queue.size)), [0, 0, 0])
    }))

  scenario("a broadcast reaches all that are subscribed, and nobody else", () =>
    Effect.gen(function*() {
      const [ada, ben, cem] = [yield* join("ada"), yield* join("ben"), yield* join("cem")]
      const heard = [yield* hear(ada.events.said), yield* hear(ben.events.said)]
      const listening = yield* hear(cem.events.tick)
      yield* Effect.all([ada.rpc.whoami(), ben.rpc.whoami(), cem.rpc.whoami()])
      yield* ada.rpc.say({ text: "hi", toOthers: false })
      for (const queue of heard) assert.deepStrictEqual(yield* Queue.take(queue), { from: "ada", text: "hi" })
      const late = yield* hear(cem.events.said)
      yield* cem.rpc.whoami()
      assert.deepStrictEqual([yield* Queue.size(listening), yield* Queue.size(late)], [0, 0])
    }))

  scenario("except leaves the sender out", () =>
    Effect.gen(function*() {
      const [ada, ben] = [yield* join("ada", { subscribe: ["said"] }), yield* join("ben", { subscribe: ["said"] })]
      const [adaHeard, benHeard] = [yield* hear(ada.events.said), yield* hear(ben.events.said)]
      yield* ben.rpc.whoami()
      yield* ada.rpc.say({ text: "to you", toOthers: true })
      yield* ada.rpc.say({ text: "to all", toOthers: false })
      assert.deepStrictEqual((yield* Queue.take(benHeard)).text, "to you")
      assert.deepStrictEqual((yield* Queue.take(benHeard)).text, "to all")
      assert.deepStrictEqual((yield* Queue.take(adaHeard)).text, "to all")
    }))
})

describe("what the server does not know (9)", () => {
  scenario("an unknown actor ends the client with that reason", ({ awaitStatus }) =>
    Effect.gen(function*() {
      const nobody = yield* Nowhere.connect("lobby")
      const { reason } = yield* awaitStatus(nobody, "Disconnected")
      assert.deepStrictEqual(reason, DisconnectReason.UnknownActor.make({ actor: "Nowhere" }))
      assert.strictEqual((yield* failure(nobody.rpc.echo(), "Disconnected")).reason._tag, "UnknownActor")
      assert.strictEqual(yield* Effect.flatMap(ActorHost.ActorHost, ({ size }) => size), 0)
    }))

  scenario(
    "an unknown RPC, an undecodable payload and reply: typed errors for that call alone",
    () =>
      Effect.gen(function*() {
        const ada = yield* OtherRoom.connect("lobby", { params: { name: "ada", level: "7" } })
        const results = yield* Effect.all({
          unknown: Effect.flip(ada.rpc.dance()),
          payload: failure(ada.rpc.echo({ text: 1 }), "NotExecuted"),
          reply: Effect.flip(ada.rpc.history()),
          neighbour: ada.rpc.names()
        }, { concurrency: "unbounded" })
        assert.strictEqual(results.unknown.executed, "no")
        assert.strictEqual(results.unknown.reason._tag === "NotExecuted" && results.unknown.reason.cause, "UnknownRpc")
        assert.strictEqual(results.payload.cause, "InvalidPayload")
        assert.include(results.payload.message, "text")
        assert.strictEqual(results.reply.executed, "yes")
        assert.strictEqual(results.reply.reason._tag, "InvalidReply")
        assert.deepStrictEqual(results.neighbour, ["ada"])
        assert.deepStrictEqual(yield* ada.rpc.names(), ["ada"])
      })
  )
})
