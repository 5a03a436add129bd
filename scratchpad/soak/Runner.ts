/**
 * One client of the soak after the other, under the same name: joins, calls, drops, resumes, is kicked, leaves.
 */
import { NodeWS } from "@effect/platform-node"
import { Array, Effect, Layer, Random, Stream, SubscriptionRef } from "effect"
import { Socket } from "effect/socket"
import { type Actor, ActorClient, Reconnect } from "../../src/index.ts"
import { Marathon, rooms } from "./Marathon.ts"

/** What a runner knows of its own steps. */
export interface Tally {
  /** Steps that certainly ran, once each. */
  sure: number
  /** Steps that ran once or not at all: their answer did not come, or nobody waited for it. */
  maybe: number
}

/** What happened to all. */
export const events = { joins: 0, calls: 0, drops: 0, resumes: 0, gaps: 0, kicks: 0, leaves: 0, heard: 0 }

/** A client whose socket can be torn. */
const makeClient = (url: string, sockets: Set<NodeWS.WebSocket>) =>
  ActorClient.layerWebSocket({ url }).pipe(
    Layer.provide(Layer.succeed(Socket.WebSocketConstructor, (url) => {
      const ws = new NodeWS.WebSocket(url)
      sockets.add(ws)
      ws.once("close", () => sockets.delete(ws))
      return ws as unknown as WebSocket
    }))
  )

type Client = Actor.ClientOf<typeof Marathon>

const step = (client: Client, tally: Tally) =>
  Effect.suspend(() => {
    tally.maybe++
    return Effect.match(client.rpc.step(), {
      onSuccess: () => {
        tally.maybe--
        tally.sure++
      },
      onFailure: ({ executed }) => {
        if (executed === "no") tally.maybe--
      }
    })
  })

/** One thing that a client does. */
const act = (client: Client, tally: Tally, sockets: Set<NodeWS.WebSocket>) =>
  Effect.flatMap(Random.next, (roll) => {
    events.calls++
    if (roll < 0.45) return step(client, tally)
    if (roll < 0.55) return Effect.ignore(client.rpc.stumble())
    if (roll < 0.65) {
      return Effect.forEach(Array.range(1, 10), () => step(client, tally), {
        concurrency: "unbounded",
        discard: true
      })
    }
    if (roll < 0.7) return Effect.timeoutOption(Effect.ignore(client.rpc.rest({ millis: 200 })), "50 millis")
    if (roll < 0.72) return Effect.ignore(client.rpc.cheer())
    if (roll < 0.8) return Effect.ignore(Stream.runDrain(Stream.take(client.rpc.climb({ steps: 40 }), 20)))
    if (roll < 0.97) {
      return Effect.sync(() => {
        events.drops++
        for (const ws of sockets) ws.terminate()
      })
    }
    events.kicks++
    return Effect.ignore(client.rpc.fall(roll < 0.98 ? {} : { retryAfter: 100 }))
  })

const watch = (client: Client) =>
  SubscriptionRef.changes(client.status).pipe(
    Stream.runForEach((status) =>
      Effect.sync(() => {
        if (status._tag === "Connected" && status.resumed) events.resumes++
        if (status._tag === "Connected" && status.gap !== undefined) events.gaps++
      })
    ),
    Effect.forkScoped
  )

/** One life of a client, of `spell` milliseconds. */
const run = Effect.fnUntraced(function*(runner: number, tally: Tally, url: string, spell: number) {
  const sockets = new Set<NodeWS.WebSocket>()
  const context = yield* Layer.build(makeClient(url, sockets))
  const client = yield* Marathon.connect(String(runner % rooms), {
    params: { runner },
    subscribe: ["lap"],
    reconnect: Reconnect.fullJitter({ floor: "50 millis", base: "200 millis", cap: "2 seconds" })
  }).pipe(Effect.provideContext(context))
  events.joins++
  yield* watch(client)
  yield* client.events.lap.pipe(
    Stream.runForEach(() => Effect.sync(() => events.heard++)),
    Effect.ignore,
    Effect.forkScoped
  )
  const pause = Effect.flatMap(Random.nextBetween(100, 2_000), (millis) => Effect.sleep(millis))
  yield* Effect.forever(Effect.andThen(act(client, tally, sockets), pause)).pipe(Effect.timeoutOption(spell))
  events.leaves++
  // A scope that closes leaves; sometimes the word does not get through.
  if (yield* Random.nextBoolean) { for (const ws of sockets) ws.terminate() }
}, Effect.scoped)

/** So many dial in a second at the beginning. */
const startsPerSecond = 200

/** Runs under one name until `isOver`. */
export const runOn = (runner: number, tally: Tally, url: string, isOver: () => boolean): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* Effect.sleep(runner / startsPerSecond * 1_000)
    while (!isOver()) {
      yield* run(runner, tally, url, yield* Random.nextIntBetween(2_000, 20_000))
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 2_000))
    }
  })
