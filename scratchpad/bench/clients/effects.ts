/**
 * What the two clients that are Effects have in common: calls are made by fibers, as an app makes them.
 */
import { NodeWS } from "@effect/platform-node"
import { Effect, Exit, Layer, Scope } from "effect"
import * as Socket from "effect/socket/Socket"
import { type Note, text } from "../contracts/work.ts"
import type { Peer } from "./Peer.ts"

/** `ws`, as for every other client here; compression off. */
export const WebSocketLayer: Layer.Layer<Socket.WebSocketConstructor> = Layer.succeed(Socket.WebSocketConstructor)(
  (url) => new NodeWS.WebSocket(url, { perMessageDeflate: false })
)

export const fromEffect = (options: {
  readonly echo: (note: Note) => Effect.Effect<Note, unknown>
  readonly shout: (note: Note) => Effect.Effect<void, unknown>
  readonly scope: Scope.Closeable
}): Omit<Peer, "slow"> => {
  const { echo, scope, shout } = options
  const one = Effect.fnUntraced(function*(more: () => boolean, settled: ((millis: number) => void) | undefined) {
    while (more()) {
      const since = performance.now()
      const reply = yield* echo({ text, number: 1 })
      if (reply.number !== 2) throw new Error("a wrong reply")
      settled?.(performance.now() - since)
    }
  })
  return {
    call: () => Effect.runPromise(echo({ text, number: 0 })),
    shout: (note) => Effect.runPromise(shout(note)),
    drive: (inFlight, more, settled) =>
      Effect.runPromise(
        Effect.forEach(Array.from({ length: inFlight }), () => one(more, settled), {
          concurrency: "unbounded",
          discard: true
        })
      ),
    close: () => void Effect.runFork(Scope.close(scope, Exit.void))
  }
}
