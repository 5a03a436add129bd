// Several nodes in one process, with a test clock: what happens to clients when nodes come, leave, crash or hang.
import { assert, describe } from "@effect/vitest"
import { Clock, Context, Effect, Fiber, Metric, Queue, Schedule, Stream, SubscriptionRef } from "effect"
import { Sharding } from "effect/cluster"
import * as ActorHost from "../../src/ActorHost.ts"
import * as TunnelRpcs from "../../src/cluster/TunnelRpcs.ts"
import * as Metrics from "../../src/Metrics.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy, untilSimulated as until } from "../support/World.ts"

const awaitStatus = awaitStatusBy(until)

type Room = Rooms.Backstage

const nodes = MemoryCluster.testWith(Rooms.layer)

const backstage = (node: MemoryCluster.Node<Room>) => Context.get(node.services, Rooms.Backstage)

const starts = (cluster: MemoryCluster.Cluster<Room>, key: string) =>
  Effect.map(
    Effect.forEach(cluster.nodes(), (node) => backstage(node).entriesOf("start ")),
    (entries) => entries.flat().filter((entry) => entry === `start ${key}`).length
  )

const idOf = (client: { readonly status: SubscriptionRef.SubscriptionRef<any> }) =>
  Effect.map(awaitStatus(client as never, "Connected"), (status: any) => status.id as string)

describe("placement", () => {
  nodes(
    "an actor lives on one node, and is reached through all",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(two)
        const clients = []
        for (const [name, node] of [["ada", one], ["ben", two], ["cyd", three]] as const) {
          clients.push(yield* Rooms.join(name, { key }).pipe(Effect.provideContext(cluster.clientOf(node))))
        }
        for (const client of clients) yield* idOf(client)
        assert.sameMembers([...(yield* until(clients[0]!.rpc.names()))], ["ada", "ben", "cyd"])
        assert.strictEqual(yield* starts(cluster, key), 1)
        const size = (node: MemoryCluster.Node<Room>) => Context.get(node.services, ActorHost.ActorHost).size
        assert.deepStrictEqual([yield* size(one), yield* size(two), yield* size(three)], [0, 1, 0])
      })
  )

  nodes(
    "a direct message and a broadcast reach clients of other nodes",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        const ben = yield* Rooms.join("ben", { key, subscribe: ["said", "whispered"] }).pipe(
          Effect.provideContext(cluster.clientOf(three))
        )
        const said = yield* Rooms.hear(ben.events.said)
        const whispered = yield* Rooms.hear(ben.events.whispered)
        yield* idOf(ben)
        yield* until(ada.rpc.whisper({ to: "ben", text: "psst" }))
        yield* until(ada.rpc.say({ text: "hello", toOthers: false }))
        assert.deepStrictEqual(yield* until(Queue.take(whispered)), { from: "ada", text: "psst" })
        assert.deepStrictEqual(yield* until(Queue.take(said)), { from: "ada", text: "hello" })
      })
  )

  nodes(
    "an actor that nobody uses stops, and later its entity is forgotten",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        yield* idOf(ada)
        yield* ada.disconnect()
        yield* until(backstage(one).awaitEntry(`stop ${key}`))
        const entities = Context.get(one.services, Sharding.Sharding).activeEntityCount
        const gone = Effect.repeat(Effect.andThen(Effect.sleep("1 second"), entities), {
          until: (count) => count === 0
        })
        assert.strictEqual(yield* until(gone), 0)
      })
  )

  nodes("a suspended connection keeps its actor where it is", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
      const id = yield* idOf(ada)
      yield* two.front.refuse
      yield* two.front.cut
      yield* until(Effect.sleep("50 seconds"))
      yield* two.front.heal
      assert.strictEqual(yield* idOf(ada), id)
      assert.deepStrictEqual(yield* backstage(one).entriesOf("stop", "onDisconnect"), [])
    }), { host: { resumeWindow: "2 minutes" } })
})

describe("the node of a socket", () => {
  nodes("needs no actors of its own", 2, (cluster, one) =>
    Effect.gen(function*() {
      const gateway = yield* cluster.start(3, "gateway")
      const key = cluster.keyOn(one)
      const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(gateway)))
      yield* idOf(ada)
      const room = yield* Effect.provideContext(Rooms.Room.client(key), gateway.services)
      assert.deepStrictEqual(yield* until(room.roll()), ["ada"])
      assert.strictEqual(yield* Context.get(gateway.services, ActorHost.ActorHost).size, 0)
    }))

  nodes(
    "crashes: its client resumes through another one, nothing lost and nothing twice",
    3,
    (cluster, one, two, three) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key, subscribe: ["said"] }).pipe(
          Effect.provideContext(cluster.clientOf(two, three))
        )
        const said = yield* Rooms.hear(ada.events.said)
        const id = yield* idOf(ada)
        const waiting = yield* Effect.forkChild(ada.rpc.waitBeside({ gate: "door" }), { startImmediately: true })
        yield* until(backstage(one).awaitEntry("wait door"))

        yield* two.crash
        const ring = Effect.andThen(
          Rooms.Room.client(key),
          (room) => room.ring({ text: "while away" })
        ).pipe(Effect.provideContext(one.services))
        yield* until(ring)
        yield* backstage(one).gate("door").open

        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
        assert.deepStrictEqual(yield* until(Queue.take(said)), { from: "bell", text: "while away" })
        assert.strictEqual(yield* idOf(ada), id)
        assert.deepStrictEqual(yield* backstage(one).entriesOf("onConnect", "onDisconnect", "passed"), [
          "onConnect ada",
          "passed door"
        ])
      })
  )

  nodes(
    "hangs: the actor suspends the connection after the tunnel's time, not the session's",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        yield* idOf(ada)
        yield* two.freeze
        const suspended = yield* Effect.forkChild(backstage(one).awaitEntry("onSuspend ada"))
        yield* until(Effect.sleep("16 seconds"))
        assert.isDefined(suspended.pollUnsafe())
      }),
    {
      host: {
        heartbeatInterval: "5 minutes",
        tunnelHeartbeatInterval: "5 seconds",
        tunnelHeartbeatTimeout: "10 seconds"
      }
    }
  )

  nodes(
    "drains: its sockets close over the window and their sessions go on through another one",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two, one)))
        const id = yield* idOf(ada)
        const host = Context.get(two.services, ActorHost.ActorHost)
        const away = yield* Effect.forkChild(awaitStatus(ada, "Waiting"), { startImmediately: true })
        yield* until(host.drain({ window: "1 second" }))
        const { cause } = yield* until(Fiber.join(away))
        assert.include(String(cause), "4017")
        assert.isTrue(yield* host.isDraining)
        assert.isFalse(yield* Context.get(one.services, ActorHost.ActorHost).isDraining)
        assert.strictEqual(yield* until(Effect.map(ada.rpc.whoami(), (me) => me.id as string)), id)
        assert.deepStrictEqual(yield* backstage(one).entriesOf("onDisconnect"), [])
        assert.strictEqual(yield* one.front.live, 1)
      })
  )

  nodes("drains its sockets evenly over the window", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const ends: Array<number> = []
      for (const name of ["ada", "ben", "cyd", "dan", "eve"]) {
        const member = yield* Rooms.join(name, { key }).pipe(Effect.provideContext(cluster.clientOf(two, one)))
        yield* idOf(member)
        yield* SubscriptionRef.changes(member.status).pipe(
          Stream.filter((status) => status._tag === "Waiting"),
          Stream.take(1),
          Stream.runForEach(() => Effect.map(Clock.currentTimeMillis, (now) => ends.push(now))),
          Effect.forkScoped
        )
      }
      const begun = yield* Clock.currentTimeMillis
      yield* until(Context.get(two.services, ActorHost.ActorHost).drain({ window: "5 seconds" }))
      assert.deepStrictEqual(ends.map((at) => at - begun), [0, 1_000, 2_000, 3_000, 4_000])
    }))
})

describe("an entity", () => {
  nodes(
    "runs nothing of its actor when a tunnel is opened, as the engine does again after a crash",
    1,
    (cluster, one) =>
      Effect.gen(function*() {
        const client = yield* Effect.provideContext(TunnelRpcs.makeEntity("Room").client, one.services)
        const frames = yield* client(cluster.keyOn(one)).Open({ tunnel: "t", use: "Socket", headers: {} }, {
          asQueue: true
        })
        assert.strictEqual((yield* until(Queue.take(frames)))[0], "opened")
        yield* until(Effect.sleep("1 second"))
        assert.strictEqual(yield* Context.get(one.services, ActorHost.ActorHost).size, 0)
        assert.deepStrictEqual(yield* backstage(one).entriesOf(""), [])
      })
  )

  nodes("takes nothing that is meant for another life of the actor, or for a tunnel that it does not have", 1, (
    cluster,
    one
  ) =>
    Effect.gen(function*() {
      const entity = TunnelRpcs.makeEntity("Room")
      const client = yield* Effect.provideContext(entity.client, one.services)
      const frames = yield* client(cluster.keyOn(one)).Open({ tunnel: "t", use: "Socket", headers: {} }, {
        asQueue: true
      })
      const opened = yield* until(Queue.take(frames))
      assert.strictEqual(opened[0], "opened")
      const push = (tunnel: string, incarnation: string) =>
        client(cluster.keyOn(one)).Push({ tunnel, incarnation, index: 0, messages: [] }).pipe(
          Effect.flip,
          Effect.map((error) => error._tag === "TunnelBroken" ? error.cause : error._tag),
          until
        )
      assert.strictEqual(yield* push("t", "another"), "OtherIncarnation")
      assert.strictEqual(yield* push("u", String(opened[1])), "UnknownTunnel")
    }))
})

describe("the node of an actor", () => {
  nodes(
    "leaves: a running call is answered, then its clients come to the actor's next node",
    3,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        const id = yield* idOf(ada)
        const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }), { startImmediately: true })
        yield* until(backstage(one).awaitEntry("wait door"))

        const stopping = yield* Effect.forkChild(one.stop)
        yield* until(Effect.sleep("1 second"))
        yield* backstage(one).gate("door").open

        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
        // The client is told, over the tunnel, and does not find out by its end.
        const { cause } = yield* awaitStatus(ada, "Waiting")
        assert.strictEqual((cause as { readonly _tag: string })._tag, "Draining")
        const begun = yield* Clock.currentTimeMillis
        yield* until(Fiber.join(stopping))
        assert.isBelow((yield* Clock.currentTimeMillis) - begun, 2_000)
        assert.deepStrictEqual(yield* backstage(one).entriesOf("onDisconnect"), ["onDisconnect ada Draining"])
        const me = yield* until(ada.rpc.whoami())
        assert.notStrictEqual(me.id as string, id)
        assert.strictEqual(yield* starts(cluster, key), 1)
      })
  )

  nodes(
    "leaves while calls run and come: all that it has taken is answered, whatever it takes",
    3,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        yield* idOf(ada)
        const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }), { startImmediately: true })
        yield* until(backstage(one).awaitEntry("wait door"))
        const stopping = yield* Effect.forkChild(one.stop)
        yield* until(Effect.sleep("100 millis"))
        const late = yield* Effect.forkChild(ada.rpc.echo({ text: "late" }), { startImmediately: true })
        // Longer than a node may be silent.
        yield* until(Effect.sleep("6 seconds"))
        yield* backstage(one).gate("door").open
        assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
        assert.strictEqual(yield* until(Fiber.join(late)), "late")
        yield* until(Fiber.join(stopping))
      }),
    { host: { tunnelHeartbeatInterval: "1 second", tunnelHeartbeatTimeout: "2 seconds" } }
  )

  nodes("leaves with the sockets of its clients: their sessions are elsewhere before their actors are", 3, (
    cluster,
    one,
    two
  ) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const reconnect = Schedule.spaced("3 seconds")
      const ada = yield* Rooms.join("ada", { key, reconnect }).pipe(Effect.provideContext(cluster.clientOf(one, two)))
      yield* idOf(ada)
      const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }), { startImmediately: true })
      yield* until(backstage(one).awaitEntry("wait door"))
      const host = Context.get(one.services, ActorHost.ActorHost)
      const leaving = yield* Effect.forkChild(Effect.andThen(host.drain({ window: "10 millis" }), one.stop))
      yield* until(Effect.sleep("4 seconds"))
      yield* backstage(one).gate("door").open
      assert.strictEqual(yield* until(Fiber.join(waiting)), "door")
      yield* until(Fiber.join(leaving))
    }))

  nodes(
    "crashes: its clients start anew on the next one; what was sent is unknown, what was not runs",
    3,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        const id = yield* idOf(ada)
        const sent = yield* Effect.forkChild(Rooms.failure(ada.rpc.wait({ gate: "door" }), "OutcomeUnknown"), {
          startImmediately: true
        })
        yield* until(backstage(one).awaitEntry("wait door"))

        yield* one.crash
        yield* until(
          SubscriptionRef.changes(ada.status).pipe(
            Stream.filter((status) => status._tag !== "Connected"),
            Stream.runHead
          )
        )
        const later = yield* Effect.forkChild(ada.rpc.echo({ text: "later" }))

        yield* until(Fiber.join(sent))
        assert.strictEqual(yield* until(Fiber.join(later)), "later")
        assert.notStrictEqual(yield* idOf(ada), id)
        const owner = cluster.ownerOf(key)!
        assert.notStrictEqual(owner, one)
        assert.deepStrictEqual(yield* backstage(owner).entriesOf("wait", "ada echoes"), ["ada echoes later"])
        const count = yield* Metric.value(Metric.withAttributes(Metrics.serverTunnelsLost, { actor: "Room" }))
        assert.isAtLeast(count.count, 1)
      })
  )

  nodes(
    "is another one when a node joins: clients of what moves come back, the others notice nothing",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const keys = Array.from({ length: 12 }, (_, i) => `room ${i}`)
        const members = yield* Effect.forEach(keys, (key) =>
          Effect.gen(function*() {
            const client = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(one, two)))
            return { key, client, id: yield* idOf(client), owner: cluster.ownerOf(key) }
          }))

        yield* cluster.start(3)
        yield* until(cluster.balanced)

        let moved = 0
        for (const { client, id, key, owner } of members) {
          const hasMoved = cluster.ownerOf(key) !== owner
          if (hasMoved) moved++
          const me = yield* until(client.rpc.whoami())
          assert.strictEqual(me.id as string === id, !hasMoved, key)
          assert.strictEqual(yield* starts(cluster, key), hasMoved ? 2 : 1, key)
        }
        assert.isAbove(moved, 0)
        assert.isBelow(moved, keys.length)
      })
  )

  nodes(
    "is cut off from the others: it gives its actors up, and is of use again when it is back",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        const ada = yield* Rooms.join("ada", { key }).pipe(Effect.provideContext(cluster.clientOf(two)))
        yield* idOf(ada)
        yield* one.crash
        yield* until(backstage(one).awaitEntry(`stop ${key}`))
        assert.strictEqual(yield* until(ada.rpc.echo({ text: "on two" })), "on two")
        assert.deepStrictEqual(yield* backstage(two).entriesOf(`start ${key}`, "ada echoes"), [
          `start ${key}`,
          "ada echoes on two"
        ])
      })
  )

  nodes("has no room for one more actor: the client dials until there is", 1, (cluster, one) =>
    Effect.gen(function*() {
      const ada = yield* Rooms.join("ada", { key: "a" }).pipe(Effect.provideContext(cluster.clientOf(one)))
      yield* idOf(ada)
      const ben = yield* Rooms.join("ben", { key: "b" }).pipe(Effect.provideContext(cluster.clientOf(one)))
      const waiting = yield* awaitStatus(ben, "Waiting")
      assert.strictEqual(waiting._tag, "Waiting")
      yield* ada.disconnect()
      yield* idOf(ben)
    }), { sharding: { maxResidentEntities: 1 } })
})
