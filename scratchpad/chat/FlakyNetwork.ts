/**
 * A network that one can unplug: a TCP proxy on this machine.
 */
import { Effect, type Scope } from "effect"
import * as Net from "node:net"
import { host } from "./ChatServer.ts"

export interface FlakyNetwork {
  /** Where clients dial instead of the server. */
  readonly port: number
  /** Destroys every connection and, until `plug`, each new one. */
  readonly unplug: Effect.Effect<void>
  readonly plug: Effect.Effect<void>
}

/** Starts the proxy in front of `targetPort`; it stops with its scope. */
export const make = Effect.fnUntraced(
  function*(targetPort: number): Effect.fn.Return<FlakyNetwork, never, Scope.Scope> {
    const sockets = new Set<Net.Socket>()
    let plugged = true
    const setPlugged = (value: boolean) =>
      Effect.sync(() => {
        plugged = value
        if (!plugged) sockets.forEach((socket) => socket.destroy())
      })

    const server = yield* listen((client) => {
      if (!plugged) return void client.destroy()
      const upstream = Net.connect(targetPort, host)
      link(client, upstream, sockets)
      link(upstream, client, sockets)
    })
    yield* Effect.addFinalizer(() => setPlugged(false))
    return {
      port: (server.address() as Net.AddressInfo).port,
      unplug: setPlugged(false),
      plug: setPlugged(true)
    }
  }
)

const link = (source: Net.Socket, sink: Net.Socket, sockets: Set<Net.Socket>) => {
  sockets.add(source)
  source.pipe(sink)
  // Its errors are heard as its close; without a listener they would be thrown.
  source.on("error", () => {}).on("close", () => {
    sockets.delete(source)
    sink.destroy()
  })
}

const listen = (onConnection: (client: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer(onConnection)
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(0, host, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )
