import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Queue, Scope } from "effect"
import * as Net from "node:net"
import * as TcpProxy from "./TcpProxy.ts"

/** One side of a TCP connection: the bytes so far as text, and how it ended. */
const attach = Effect.fnUntraced(function*(socket: Net.Socket) {
  const chunks = yield* Queue.unbounded<string>()
  const ended = yield* Deferred.make<"end" | "close">()
  socket.setEncoding("utf8")
  socket.on("error", () => {})
  socket.on("data", (chunk: string) => Queue.offerUnsafe(chunks, chunk))
  socket.on("end", () => Deferred.doneUnsafe(ended, Exit.succeed("end")))
  socket.on("close", () => Deferred.doneUnsafe(ended, Exit.succeed("close")))
  yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))

  /** Waits until exactly `expected` has arrived since the last call. */
  const receive = Effect.fnUntraced(function*(expected: string) {
    let text = ""
    while (text.length < expected.length) text += yield* Queue.take(chunks)
    assert.strictEqual(text, expected)
  })
  return { socket, receive, unread: Queue.size(chunks), ended: Deferred.await(ended) }
})
type Side = Effect.Success<ReturnType<typeof attach>>

const listen = Effect.fnUntraced(function*(onConnection: (socket: Net.Socket) => void) {
  return yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true }, onConnection)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
})

/** A server behind a proxy; `connect` gives both sides of a new connection once the server has it. */
const setUp = Effect.gen(function*() {
  const accepted = yield* Queue.unbounded<Net.Socket>()
  const server = yield* listen((socket) => Queue.offerUnsafe(accepted, socket))
  const proxy = yield* TcpProxy.make({ targetPort: (server.address() as Net.AddressInfo).port })
  const dial = Effect.suspend(() => attach(Net.connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true })))
  const connect = Effect.gen(function*() {
    const client: Side = yield* dial
    const server: Side = yield* attach(yield* Queue.take(accepted))
    return { client, server }
  })
  return { accepted, connect, dial, proxy }
})

/** A round trip past the proxy's faults: whatever could have arrived by now has been seen by the event loop. */
const turn = Effect.gen(function*() {
  const done = yield* Deferred.make<void>()
  const server = yield* listen((socket) => socket.end("x"))
  const socket = Net.connect((server.address() as Net.AddressInfo).port, "127.0.0.1")
  socket.on("close", () => Deferred.doneUnsafe(done, Exit.void)).resume()
  yield* Deferred.await(done)
}).pipe(Effect.scoped, Effect.repeat({ times: 2 }))

describe("TcpProxy", () => {
  it.live("carries bytes both ways and ends each way with its side", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      assert.strictEqual(yield* proxy.connections, 1)

      client.socket.end("up")
      yield* server.receive("up")
      assert.strictEqual(yield* server.ended, "end")
      server.socket.end("down")
      yield* client.receive("down")
      assert.strictEqual(yield* client.ended, "end")
    }))

  it.live("cuts every connection on both sides", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const first = yield* connect
      const second = yield* connect

      yield* proxy.cut

      yield* Effect.all([first.client.ended, first.server.ended, second.client.ended, second.server.ended])
      assert.strictEqual(yield* proxy.connections, 0)
      const third = yield* connect
      third.client.socket.write("again")
      yield* third.server.receive("again")
    }))

  it.live("delivers nothing while frozen and everything in order when healed", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.freeze

      client.socket.write("one,")
      server.socket.write("down")
      client.socket.write("two")
      yield* turn
      assert.deepStrictEqual([yield* server.unread, yield* client.unread], [0, 0])

      yield* proxy.heal
      yield* server.receive("one,two")
      yield* client.receive("down")
    }))

  it.live("lets no end of a connection pass while frozen", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.freeze
      const ended = yield* Effect.forkChild(server.ended)

      client.socket.destroy()
      yield* turn
      assert.isUndefined(ended.pollUnsafe())

      yield* proxy.heal
      yield* Fiber.join(ended)
    }))

  it.live("cuts a frozen connection", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.freeze
      client.socket.write("lost")

      yield* proxy.cut

      yield* Effect.all([client.ended, server.ended])
      assert.strictEqual(yield* server.unread, 0)
    }))

  it.live("refuses new connections, keeps the others and lets later ones in", () =>
    Effect.gen(function*() {
      const { accepted, connect, dial, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.refuse

      const refused = yield* dial
      yield* refused.ended
      assert.strictEqual(yield* Queue.size(accepted), 0)
      client.socket.write("still here")
      yield* server.receive("still here")

      yield* proxy.heal
      yield* connect
      assert.strictEqual(yield* proxy.connections, 2)
    }))

  it.live("delays by the latency and keeps the order when it changes on the way", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.latency("60 millis")
      const start = yield* Clock.currentTimeMillis
      client.socket.write("slow,")
      yield* turn
      yield* proxy.latency(0)
      client.socket.write("fast")

      yield* server.receive("slow,fast")
      assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 59)
    }))

  it.live("cuts in the middle of a message after a number of bytes", () =>
    Effect.gen(function*() {
      const { connect, proxy } = yield* setUp
      const { client, server } = yield* connect
      yield* proxy.cutAfterBytes(7)

      client.socket.write("hello world")

      yield* server.receive("hello w")
      yield* Effect.all([client.ended, server.ended])
      assert.strictEqual(yield* server.unread, 0)
    }))

  it.live("holds a writer back whose reader does not read", () =>
    Effect.gen(function*() {
      const { connect } = yield* setUp
      const { client, server } = yield* connect
      const chunks = 512
      let written = 0
      const all = yield* Deferred.make<void>()
      client.socket.pause()
      // One chunk at a time: writes made together would complete together, however far they have come.
      const writeNext = () =>
        server.socket.write(new Uint8Array(64 * 1024), () => {
          if (++written < chunks) writeNext()
          else Deferred.doneUnsafe(all, Exit.void)
        })
      writeNext()
      for (let idle = 0, before = 0; idle < 20; idle = written === before ? idle + 1 : 0) {
        before = written
        yield* turn
      }
      assert.isAbove(written, 0)
      assert.isBelow(written, chunks)

      client.socket.on("data", () => {}).resume()
      yield* Deferred.await(all)
    }))

  it.live("destroys its connections and frees its port when its scope closes", () =>
    Effect.gen(function*() {
      const accepted = yield* Queue.unbounded<Net.Socket>()
      const server = yield* listen((socket) => Queue.offerUnsafe(accepted, socket))
      const scope = yield* Scope.make()
      const targetPort = (server.address() as Net.AddressInfo).port
      const proxy = yield* Scope.provide(TcpProxy.make({ targetPort }), scope)
      const client = yield* attach(Net.connect(proxy.port, "127.0.0.1"))
      const other = yield* attach(yield* Queue.take(accepted))

      yield* Scope.close(scope, Exit.void)

      yield* Effect.all([client.ended, other.ended])
      const late = yield* attach(Net.connect(proxy.port, "127.0.0.1"))
      assert.strictEqual(yield* late.ended, "close")
    }))
})
