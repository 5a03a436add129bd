import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue, Scope } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"

type Message = string | Uint8Array

/** One end of a link as a test handles it: what arrives goes into `received`, the end of the link into `ended`. */
const attach = Effect.fnUntraced(function*(socket: Socket.Socket) {
  const { pull } = yield* socket.reader
  const received: Array<Message> = []
  const ended = yield* Deferred.make<Socket.SocketError>()
  yield* pull.pipe(
    Effect.map((batch) => received.push(...batch)),
    Effect.forever,
    Effect.catch((error) => Deferred.succeed(ended, error)),
    Effect.forkScoped
  )
  return { ...(yield* socket.writer), received, ended: Deferred.await(ended) }
})
type Side = Effect.Success<ReturnType<typeof attach>>

/** A network with one acceptor that hands out the server's side of each link and holds the link until told to stop. */
const setUp = Effect.fnUntraced(function*(options?: { readonly capacity?: number }) {
  const network = yield* MemoryNetwork.make(options)
  const servers = yield* Queue.unbounded<Side>()
  yield* network.accept((socket) =>
    Effect.gen(function*() {
      const side = yield* attach(socket)
      yield* Queue.offer(servers, side)
      return yield* side.ended
    })
  )
  const connect = Effect.gen(function*() {
    const client = yield* attach(yield* network.dial)
    return { client, server: yield* Queue.take(servers) }
  })
  return { network, connect, servers }
})

/** Lets every fiber that can go on without the clock go on. */
const settle = TestClock.adjust(0)

const closeOf = (error: Socket.SocketError) =>
  error.reason._tag === "SocketCloseError" ? [error.reason.code, error.reason.closeReason] : [error.reason._tag]

describe("MemoryNetwork", () => {
  it.effect("carries messages both ways as they are, in order, with no time passing", () =>
    Effect.gen(function*() {
      const { connect } = yield* setUp()
      const { client, server } = yield* connect
      const bytes = new Uint8Array([1, 2, 3])

      yield* client.write("a")
      yield* client.writeAll([bytes, "c"])
      yield* server.write("x")
      yield* settle

      assert.deepStrictEqual(server.received, ["a", bytes, "c"])
      assert.strictEqual(server.received[1], bytes)
      assert.deepStrictEqual(client.received, ["x"])
    }))

  it.effect("opens a new link at every acquisition of a reader", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const first = yield* connect
      const second = yield* connect

      yield* first.client.write("one")
      yield* second.client.write("two")
      yield* settle

      assert.deepStrictEqual(first.server.received, ["one"])
      assert.deepStrictEqual(second.server.received, ["two"])
      assert.strictEqual(yield* network.live, 2)
      assert.deepStrictEqual((yield* network.links).map((link) => link.id), [1, 2])
    }))

  it.effect("counts dials and remembers their times", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* connect
      yield* TestClock.adjust("3 seconds")
      yield* network.refuse
      yield* Effect.flip(connect)

      assert.strictEqual(yield* network.dials, 2)
      assert.deepStrictEqual(yield* network.dialTimes, [0, 3000])
    }))

  it.effect("delays each message by the latency", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.latency("100 millis")

      yield* client.write("a")
      yield* TestClock.adjust("40 millis")
      yield* client.write("b")
      yield* TestClock.adjust("59 millis")
      assert.deepStrictEqual(server.received, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(server.received, ["a"])
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(server.received, ["a", "b"])
    }))

  it.effect("takes one round trip of the latency for a dial", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* network.latency("100 millis")
      const connecting = yield* Effect.forkChild(connect)

      yield* TestClock.adjust("199 millis")
      assert.strictEqual(yield* network.live, 0)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(connecting)
      assert.strictEqual(yield* network.live, 1)
    }))

  it.effect("keeps the order when the latency changes on the way", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect

      yield* network.latency("300 millis")
      yield* client.write("slow")
      yield* network.latency("10 millis")
      yield* client.write("fast")
      yield* network.latency(0)
      yield* client.write("at once")

      yield* TestClock.adjust("299 millis")
      assert.deepStrictEqual(server.received, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(server.received, ["slow", "fast", "at once"])
    }))

  it.effect("loses what is on its way at a cut and fails both ends with 1006", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* client.write("arrived")
      yield* network.latency("100 millis")
      yield* client.write("up")
      yield* server.write("down")

      yield* network.cut
      yield* TestClock.adjust("1 second")

      assert.deepStrictEqual(server.received, ["arrived"])
      assert.deepStrictEqual(client.received, [])
      assert.deepStrictEqual(closeOf(yield* client.ended), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [1006, undefined])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("fails writes to a link that has died", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.cut

      assert.deepStrictEqual(closeOf(yield* Effect.flip(client.write("a"))), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* Effect.flip(server.writeAll(["a", "b"]))), [1006, undefined])
    }))

  it.effect("suspends writes before the first dial and between two dials", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork.make()
      const received: Array<Message> = []
      yield* network.accept((socket) =>
        Effect.flatMap(
          socket.reader,
          ({ pull }) => Effect.forever(Effect.map(pull, (batch) => received.push(...batch)))
        )
      )
      const socket = yield* network.dial
      const writer = yield* socket.writer

      yield* Effect.forkChild(writer.write("before"))
      yield* settle
      yield* Effect.scoped(Effect.andThen(socket.reader, settle))
      assert.deepStrictEqual(received, ["before"])

      const between = yield* Effect.forkChild(writer.write("between"))
      yield* settle
      assert.isUndefined(between.pollUnsafe())
      yield* socket.reader
      yield* Fiber.join(between)
      yield* settle
      assert.deepStrictEqual(received, ["before", "between"])
    }))

  it.effect("delivers the earlier messages before a close with its code and reason", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.latency("50 millis")

      yield* server.write("a")
      yield* server.write("b")
      yield* server.write(new Socket.CloseEvent(4008, "Too many requests"))
      assert.deepStrictEqual(closeOf(yield* Effect.flip(server.write("late"))), [4008, "Too many requests"])
      yield* TestClock.adjust("50 millis")

      assert.deepStrictEqual(client.received, ["a", "b"])
      assert.deepStrictEqual(closeOf(yield* client.ended), [4008, "Too many requests"])
      assert.deepStrictEqual(closeOf(yield* Effect.flip(client.write("c"))), [4008, "Too many requests"])
    }))

  it.effect("lets the end that closes read on until the other has answered", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.latency("50 millis")

      yield* server.write(new Socket.CloseEvent(4000))
      yield* TestClock.adjust("40 millis")
      yield* client.write("on the way")
      yield* TestClock.adjust("60 millis")

      assert.deepStrictEqual(server.received, ["on the way"])
      assert.deepStrictEqual(closeOf(yield* server.ended), [4000, undefined])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("ends both ends once when they close at the same time", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.latency("50 millis")

      yield* client.write(new Socket.CloseEvent(4001))
      yield* server.write(new Socket.CloseEvent(4002))
      yield* TestClock.adjust("50 millis")

      assert.deepStrictEqual(closeOf(yield* client.ended), [4002, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [4001, undefined])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("delivers nothing while frozen and everything in order when healed", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.freeze

      yield* client.write("a")
      yield* client.write("b")
      yield* server.write("x")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([server.received, client.received], [[], []])

      yield* network.heal
      yield* client.write("c")
      yield* settle
      assert.deepStrictEqual([server.received, client.received], [["a", "b", "c"], ["x"]])
    }))

  it.effect("holds messages that come due while frozen", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.latency("100 millis")
      yield* client.write("a")
      yield* TestClock.adjust("50 millis")
      yield* network.freeze
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(server.received, [])

      yield* network.heal
      yield* settle
      assert.deepStrictEqual(server.received, ["a"])
    }))

  it.effect("lets no close pass while frozen, so the other end notices only when healed", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const scope = yield* Scope.make()
      const { server } = yield* Scope.provide(connect, scope)
      yield* network.freeze

      yield* Scope.close(scope, Exit.void)
      const ended = yield* Effect.forkChild(server.ended)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(ended.pollUnsafe())
      assert.strictEqual(yield* network.live, 1)

      yield* network.heal
      assert.deepStrictEqual(closeOf(yield* Fiber.join(ended)), [1000, undefined])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("hangs dials while frozen and opens them when healed", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* network.freeze
      const connecting = yield* Effect.forkChild(connect)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(connecting.pollUnsafe())
      assert.strictEqual(yield* network.live, 0)

      yield* network.heal
      yield* Fiber.join(connecting)
      assert.strictEqual(yield* network.live, 1)
    }))

  it.effect("kills frozen links at a cut and loses what they held", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.freeze
      yield* client.write("held")

      yield* network.cut
      yield* network.heal

      assert.deepStrictEqual(closeOf(yield* client.ended), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [1006, undefined])
      assert.deepStrictEqual(server.received, [])
    }))

  it.effect("fails dials while it refuses, keeps live links and lets later dials in", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.refuse

      assert.deepStrictEqual(closeOf(yield* Effect.flip(connect)), ["SocketOpenError"])
      yield* client.write("still here")
      yield* settle
      assert.deepStrictEqual(server.received, ["still here"])

      yield* network.heal
      yield* connect
      assert.strictEqual(yield* network.live, 2)
    }))

  it.effect("fails a dial that hangs in a frozen network when it starts to refuse", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* network.freeze
      const connecting = yield* Effect.forkChild(Effect.flip(connect))
      yield* settle

      yield* network.refuse

      assert.deepStrictEqual(closeOf(yield* Fiber.join(connecting)), ["SocketOpenError"])
    }))

  it.effect("piles messages up for a stalled reader and hands them over in order when healed", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.stall

      yield* server.write("a")
      yield* server.write("b")
      yield* client.write("up")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([client.received, server.received], [[], ["up"]])

      yield* network.heal
      yield* settle
      assert.deepStrictEqual(client.received, ["a", "b"])
    }))

  it.effect("makes a stalled reader wait also for what has arrived before", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork.make()
      yield* network.accept((socket) =>
        Effect.flatMap(socket.writer, (writer) => Effect.andThen(writer.write("a"), Effect.never))
      )
      const { pull } = yield* (yield* network.dial).reader
      yield* network.stall
      const pulling = yield* Effect.forkChild(pull)
      yield* settle
      assert.isUndefined(pulling.pollUnsafe())

      yield* network.heal
      assert.deepStrictEqual(yield* Fiber.join(pulling), ["a"])
    }))

  it.effect("freezes the uplink alone: the client hears and is not heard", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.freezeUplink

      yield* client.write("up")
      yield* server.write("down")
      yield* settle
      assert.deepStrictEqual([server.received, client.received], [[], ["down"]])

      yield* network.heal
      yield* settle
      assert.deepStrictEqual(server.received, ["up"])
    }))

  it.effect("freezes the downlink alone: the client is heard and does not hear", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.freezeDownlink

      yield* client.write("up")
      yield* server.write("down")
      yield* settle
      assert.deepStrictEqual([server.received, client.received], [["up"], []])

      yield* network.heal
      yield* settle
      assert.deepStrictEqual(client.received, ["down"])
    }))

  it.effect("cuts after a number of messages, the last of which still arrives", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.cutAfter(2)

      yield* client.write("call")
      yield* server.write("reply")
      yield* settle

      assert.deepStrictEqual([server.received, client.received], [["call"], ["reply"]])
      assert.deepStrictEqual(closeOf(yield* client.ended), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [1006, undefined])
    }))

  it.effect("counts only the given direction towards a cut, and none after a heal", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const { client, server } = yield* connect
      yield* network.cutAfter(1, "downlink")
      yield* client.write("a")
      assert.strictEqual(yield* network.live, 1)
      yield* server.write("x")
      assert.strictEqual(yield* network.live, 0)

      const next = yield* connect
      yield* network.cutAfter(1)
      yield* network.heal
      yield* next.client.write("b")
      assert.strictEqual(yield* network.live, 1)
    }))

  it.effect("hurts one link and leaves the others alone", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      const ada = yield* connect
      const bob = yield* connect
      const [first, second] = yield* network.links
      assert(first !== undefined && second !== undefined)

      yield* first.freeze
      yield* ada.client.write("from ada")
      yield* bob.client.write("from bob")
      yield* settle
      assert.deepStrictEqual([ada.server.received, bob.server.received], [[], ["from bob"]])

      yield* first.heal
      yield* second.cut
      yield* settle
      assert.deepStrictEqual(ada.server.received, ["from ada"])
      assert.deepStrictEqual(closeOf(yield* bob.client.ended), [1006, undefined])
      assert.deepStrictEqual((yield* network.links).map((link) => link.id), [1])
    }))

  it.effect("stalls the readers of links dialled later too, until healed", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* network.stall
      const { client, server } = yield* connect
      yield* server.write("a")
      yield* settle
      assert.deepStrictEqual(client.received, [])

      yield* network.heal
      yield* settle
      assert.deepStrictEqual(client.received, ["a"])
    }))

  it.effect("cuts a link whose direction holds more messages than its capacity", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp({ capacity: 3 })
      const { client, server } = yield* connect
      yield* network.stall
      yield* server.writeAll(["1", "2", "3"])
      assert.strictEqual(yield* network.live, 1)

      yield* server.write("4")

      assert.strictEqual(yield* network.live, 0)
      assert.deepStrictEqual(closeOf(yield* client.ended), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [1006, undefined])
    }))

  it.effect("fails a suspended pull when the scope of its reader closes, and tells the server 1000", () =>
    Effect.gen(function*() {
      const { network, servers } = yield* setUp()
      const scope = yield* Scope.make()
      const { pull } = yield* Scope.provide((yield* network.dial).reader, scope)
      const server = yield* Queue.take(servers)
      const pulling = yield* Effect.forkChild(Effect.flip(pull))
      yield* settle
      assert.isUndefined(pulling.pollUnsafe())

      yield* Scope.close(scope, Exit.void)

      assert.deepStrictEqual(closeOf(yield* Fiber.join(pulling)), [1006, undefined])
      assert.deepStrictEqual(closeOf(yield* server.ended), [1000, undefined])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("closes with 1000, 1011 or 1001 when the handler returns, fails or is interrupted", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork.make()
      const handlers = [Effect.void, Effect.fail("no"), Effect.interrupt, Effect.die("bug")]
      let next = 0
      yield* network.accept((socket) =>
        Effect.gen(function*() {
          yield* socket.reader
          return yield* handlers[next++]!
        })
      )
      const ends = yield* Effect.forEach(handlers, () =>
        Effect.gen(function*() {
          const client = yield* attach(yield* network.dial)
          return closeOf(yield* client.ended)[0]
        }))

      assert.deepStrictEqual(ends, [1000, 1011, 1001, 1011])
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("holds dials until somebody accepts, and again after the acceptor has gone", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork.make()
      const dialling = yield* Effect.forkChild(Effect.flatMap(network.dial, attach))
      yield* settle
      assert.isUndefined(dialling.pollUnsafe())

      const acceptor = yield* Scope.make()
      yield* Scope.provide(network.accept((socket) => Effect.andThen(socket.reader, Effect.never)), acceptor)
      const client = yield* Fiber.join(dialling)
      yield* Scope.close(acceptor, Exit.void)
      assert.deepStrictEqual(closeOf(yield* client.ended), [1001, undefined])

      const again = yield* Effect.forkChild(Effect.flatMap(network.dial, attach))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(again.pollUnsafe())
      yield* network.accept(() => Effect.never)
      yield* Fiber.join(again)
      assert.strictEqual(yield* network.live, 1)
    }))

  it.effect("keeps nothing of a dial that is given up while it waits", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork.make()
      const served = yield* Queue.unbounded<number>()
      const dialling = yield* Effect.forkChild(Effect.flatMap(network.dial, attach).pipe(Effect.scoped))
      yield* settle
      yield* Fiber.interrupt(dialling)

      yield* network.accept(() => Effect.andThen(Queue.offer(served, 1), Effect.never))
      yield* settle

      assert.strictEqual(yield* Queue.size(served), 0)
      assert.strictEqual(yield* network.live, 0)
    }))

  it.effect("cuts its links and refuses dials when its scope closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const network = yield* Scope.provide(MemoryNetwork.make(), scope)
      yield* network.accept(() => Effect.never)
      const client = yield* attach(yield* network.dial)

      yield* Scope.close(scope, Exit.void)

      assert.deepStrictEqual(closeOf(yield* client.ended), [1006, undefined])
      yield* network.heal
      assert.deepStrictEqual(closeOf(yield* Effect.flip(Effect.flatMap(network.dial, attach))), ["SocketOpenError"])
    }))

  it.effect("has nothing left after 1,000 dials, however they ended", () =>
    Effect.gen(function*() {
      const { connect, network } = yield* setUp()
      yield* network.latency("10 millis")
      const visit = (index: number) =>
        Effect.gen(function*() {
          const { client, server } = yield* connect
          yield* client.write("hello")
          if (index % 4 === 1) yield* server.write(new Socket.CloseEvent(4000))
          if (index % 4 === 2) yield* client.write(new Socket.CloseEvent(4000))
          if (index % 4 === 3) yield* network.cut
          yield* Effect.sleep("1 millis")
        }).pipe(Effect.scoped, Effect.ignore)
      const visits = yield* Effect.forkChild(Effect.forEach(Array.from({ length: 1000 }, (_, i) => i), visit))

      yield* TestClock.adjust("1 minute")

      assert.isDefined(visits.pollUnsafe())
      assert.strictEqual(yield* network.dials, 1000)
      assert.strictEqual(yield* network.live, 0)
    }))
})
