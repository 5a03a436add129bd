/**
 * Tether's own client.
 */
import { type Context, Effect, Layer, Scope, Stream, SubscriptionRef } from "effect"
import { ActorClient, Reconnect } from "../../../src/index.ts"
import { Bench } from "../contracts/Bench.ts"
import { token } from "../contracts/work.ts"
import { fromEffect, WebSocketLayer } from "./effects.ts"
import type { Connect } from "./Peer.ts"

/** One for all clients of the process, as an app has it. */
const contexts = new Map<string, Context.Context<ActorClient.ActorClient>>()

const contextOf = (url: string) => {
  const known = contexts.get(url)
  if (known !== undefined) return Effect.succeed(known)
  const layer = ActorClient.layerWebSocket({ url: `${url}/actors` }).pipe(Layer.provide(WebSocketLayer))
  return Effect.tap(
    Layer.buildWithScope(layer, Scope.makeUnsafe()),
    (context) => Effect.sync(() => contexts.set(url, context))
  )
}

/** `redial` is the middle of the spread in which it dials again, in milliseconds. */
export const make = (settings: { readonly redial: number }): Connect => async ({ onEvent, onResume, url }) => {
  const scope = Scope.makeUnsafe()
  const open = Effect.gen(function*() {
    const context = yield* contextOf(url)
    const client = yield* Bench.connect("bench", {
      params: { token },
      subscribe: onEvent === undefined ? [] : ["said"],
      reconnect: Reconnect.fullJitter({ floor: 0, base: settings.redial * 2, cap: settings.redial * 2 })
    }).pipe(Effect.provideContext(context))
    if (onEvent !== undefined) {
      yield* Stream.runForEach(client.events.said, (note) => Effect.sync(() => onEvent(note))).pipe(
        Effect.ignore,
        Effect.forkScoped
      )
    }
    yield* SubscriptionRef.changes(client.status).pipe(
      Stream.filter((status) => status._tag === "Connected"),
      Stream.take(1),
      Stream.runDrain
    )
    if (onResume !== undefined) {
      yield* SubscriptionRef.changes(client.status).pipe(
        Stream.filter((status) => status._tag === "Connected"),
        Stream.drop(1),
        Stream.runForEach((status) => Effect.sync(() => onResume((status as any).resumed === true))),
        Effect.forkScoped
      )
    }
    return client
  })
  const client = await Effect.runPromise(Scope.provide(open, scope))
  return {
    ...fromEffect({ echo: client.rpc.echo, shout: client.rpc.shout, scope }),
    slow: (id) => Effect.runPromise(Effect.asVoid(client.rpc.slow({ id })))
  }
}
