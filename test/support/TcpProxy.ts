/**
 * A TCP proxy on the loopback interface that cuts, freezes, delays and refuses what travels through it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

const host = "127.0.0.1"

/** Chunks that a direction reads ahead before its source feels back-pressure. */
const readAhead = 16

/**
 * A running proxy.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpProxy {
  /** Where clients connect to, on 127.0.0.1. */
  readonly port: number
  /** Destroys every connection on both sides; what is on its way is lost. */
  readonly cut: Effect.Effect<void>
  /** Holds everything in both directions, ends of connections included; new connections are accepted and held too. */
  readonly freeze: Effect.Effect<void>
  /** Destroys new connections at once; those that exist stay. */
  readonly refuse: Effect.Effect<void>
  /** Delays each chunk by this time in either direction (default 0); order is kept. */
  readonly latency: (duration: Duration.Input) => Effect.Effect<void>
  /** Cuts after this many more bytes have passed, counted over all connections and both directions. */
  readonly cutAfterBytes: (bytes: number) => Effect.Effect<void>
  /** Ends freeze, refuse, latency and a pending `cutAfterBytes`; what was held goes on in order. */
  readonly heal: Effect.Effect<void>
  /** The number of connections that pass through the proxy. */
  readonly connections: Effect.Effect<number>
}

/** The end of a stream, in order after its data: `end` as the peer ended it, `lost` when it broke. */
type Ending = "end" | "lost"

interface Parcel {
  readonly due: number
  readonly content: Uint8Array | Ending
}

/** What the directions of all connections share. */
interface Faults {
  readonly flowing: Latch.Latch
  latency: number
  bytesLeft: number
  refused: boolean
}

/**
 * Starts a proxy in front of `targetPort` on 127.0.0.1; it stops with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly targetPort: number
}): Effect.fn.Return<TcpProxy, never, Scope.Scope> {
  const faults: Faults = {
    flowing: Latch.makeUnsafe(true),
    latency: 0,
    bytesLeft: Number.POSITIVE_INFINITY,
    refused: false
  }
  const connections = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(connections)()
  const cut = () => {
    faults.bytesLeft = Number.POSITIVE_INFINITY
    for (const fiber of connections) fiber.interruptUnsafe()
  }
  const cutAll = Effect.andThen(Effect.sync(cut), FiberSet.awaitEmpty(connections))
  const refuse = Effect.sync(() => {
    faults.refused = true
  })
  const server = yield* listen((client) => {
    if (faults.refused) client.destroy()
    else run(relay(client, options.targetPort, faults, cut))
  })
  yield* Effect.addFinalizer(() => Effect.andThen(refuse, cutAll))
  return {
    port: (server.address() as Net.AddressInfo).port,
    cut: cutAll,
    freeze: Effect.sync(() => faults.flowing.closeUnsafe()),
    refuse,
    latency: (duration) =>
      Effect.sync(() => {
        faults.latency = Duration.toMillis(duration)
      }),
    cutAfterBytes: (bytes) =>
      Effect.sync(() => {
        faults.bytesLeft = bytes
        if (bytes <= 0) cut()
      }),
    heal: Effect.sync(() => {
      faults.refused = false
      faults.latency = 0
      faults.bytesLeft = Number.POSITIVE_INFINITY
      faults.flowing.openUnsafe()
    }),
    connections: FiberSet.size(connections)
  }
})

const listen = (onConnection: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection)
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(0, host, () => resume(Effect.succeed(server)))
      return Effect.sync(() => server.close())
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

/** Carries one connection until both of its directions have ended, one of them broke, or it is interrupted. */
const relay = (client: Net.Socket, targetPort: number, faults: Faults, cut: () => void) =>
  Effect.gen(function*() {
    yield* own(client)
    const upstream = yield* own(Net.connect({ port: targetPort, host, allowHalfOpen: true }))
    const context = { faults, cut }
    yield* Effect.all([forward(client, upstream, context), forward(upstream, client, context)], {
      concurrency: "unbounded"
    })
  }).pipe(Effect.scoped, Effect.ignore)

/** Destroys the socket with the scope. Its errors are heard as its close; without a listener they would be thrown. */
const own = (socket: Net.Socket) =>
  Effect.acquireRelease(
    Effect.sync(() => socket.on("error", () => {})),
    () => Effect.sync(() => socket.destroy())
  )

const forward = Effect.fnUntraced(function*(
  source: Net.Socket,
  sink: Net.Socket,
  { cut, faults }: { readonly cut: () => void; readonly faults: Faults }
) {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const parcels = yield* Queue.unbounded<Parcel>()
  const push = (content: Parcel["content"]) => {
    Queue.offerUnsafe(parcels, { due: clock.currentTimeMillisUnsafe() + faults.latency, content })
    if (Queue.sizeUnsafe(parcels) >= readAhead) source.pause()
  }
  source.on("data", push).on("end", () => push("end")).on("close", () => push("lost")).resume()

  while (true) {
    const { content, due } = yield* Queue.take(parcels)
    if (source.isPaused()) source.resume()
    const wait = due - clock.currentTimeMillisUnsafe()
    if (wait > 0) yield* Effect.sleep(wait)
    yield* faults.flowing.await
    if (content === "lost") return yield* Effect.fail("lost" as const)
    if (content === "end") return yield* endOf(sink)
    yield* write(sink, content.subarray(0, faults.bytesLeft))
    faults.bytesLeft -= content.length
    if (faults.bytesLeft <= 0) cut()
  }
})

const endOf = (sink: Net.Socket) => Effect.callback<void>((resume) => void sink.end(() => resume(Effect.void)))

/** Completes when the system has taken the bytes: a slow reader behind `sink` holds its source back. */
const write = (sink: Net.Socket, bytes: Uint8Array) =>
  Effect.callback<void, "lost">((resume) =>
    void sink.write(bytes, (error) => resume(error ? Effect.fail("lost") : Effect.void))
  )
