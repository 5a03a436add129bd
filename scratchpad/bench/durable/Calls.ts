/**
 * Calls of durable actors, from a client to its reply, and what it takes to wake an actor that sleeps.
 */
import { Effect, Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Actor, ActorClient, ActorHost } from "../../../src/index.ts"
import * as SqliteStorage from "../../../src/SqliteStorage.ts"
import type { StorageLayer } from "./Commits.ts"
import { replyText, type Setting, text } from "./Setting.ts"

const write = { success: Schema.String }

class Room extends Actor.make("Room", {
  state: { text: Schema.String },
  rpcs: [Rpc.make("post", write)],
  internal: [Rpc.make("put", write), Rpc.make("length", { success: Schema.Int })]
}) {}

const handlers = Effect.map(Room.State, (state) => {
  const post = Effect.as(state.set({ text }), replyText)
  return Room.of({ post: () => post, put: () => post, length: () => Effect.map(state.get, ({ text }) => text.length) })
})

const options = { initialState: { text: "" } }

const rooms = (storage: StorageLayer | undefined, maxIdleTime: "1 hour" | 0 = "1 hour") => {
  const actors = storage === undefined
    ? Room.toLayer(handlers, { ...options, maxIdleTime })
    : Room.toLayer(handlers, { ...options, maxIdleTime, durability: "commit" }).pipe(Layer.provide(storage))
  return ActorClient.layerInProcess.pipe(
    Layer.provide(actors.pipe(Layer.provide(Room.layerAdmitAll))),
    Layer.provideMerge(ActorHost.layerLocal({ maxFramesPerSecond: Infinity }))
  )
}

/** Calls a second to so many actors, each with a client of its own that has so many calls in flight. */
export const calls = (
  setting: Setting,
  storage: (() => StorageLayer) | undefined,
  { actors, inFlight }: { readonly actors: number; readonly inFlight: number }
) =>
(): Promise<number> =>
  Effect.gen(function*() {
    const clients = yield* Effect.forEach(Array.from({ length: actors }, (_, i) => `${i}`), (key) => Room.connect(key))
    yield* Effect.forEach(clients, ({ rpc }) => rpc.post(), { concurrency: "unbounded" })
    const start = performance.now()
    let done = 0
    const caller = ({ rpc }: (typeof clients)[number]) =>
      Effect.gen(function*() {
        while (performance.now() - start < setting.millis) {
          yield* rpc.post()
          done++
        }
      })
    yield* Effect.forEach(clients.flatMap((client) => Array.from({ length: inFlight }, () => client)), caller, {
      concurrency: "unbounded",
      discard: true
    })
    return done / (performance.now() - start) * 1000
  }).pipe(Effect.scoped, Effect.provide(rooms(storage?.())), Effect.runPromise)

export interface Sleeping {
  /** Microseconds of a call by server code to an actor that sleeps: it is loaded, built, and answers. */
  readonly asleep: number
  /** The same call to one that is awake. */
  readonly awake: number
  /** Bytes of the heap for each actor that was awake and sleeps again. */
  readonly heap: number
}

export const sleeping = async (setting: Setting, count: number): Promise<Sleeping> => {
  const filename = setting.newFile()
  const storage = SqliteStorage.layer({ filename, synchronous: "normal" })
  const keys = Array.from({ length: count }, (_, i) => `room ${i}`)
  const ask = (key: string) => Effect.flatMap(Room.client(key), (room) => room.length())
  const timed = Effect.gen(function*() {
    const start = performance.now()
    yield* Effect.forEach(keys, ask, { discard: true })
    return (performance.now() - start) / count * 1000
  })
  await Effect.forEach(keys, (key) => Effect.flatMap(Room.client(key), (room) => room.put()), {
    concurrency: 500,
    discard: true
  }).pipe(Effect.provide(rooms(storage)), Effect.runPromise)
  const times = await Effect.all({ asleep: timed, awake: timed }).pipe(
    Effect.provide(rooms(storage)),
    Effect.runPromise
  )
  const heap = await Effect.gen(function*() {
    // What the first actors leave behind belongs to the host.
    yield* Effect.forEach(keys.slice(0, 100), ask, { discard: true })
    const before = yield* heapUsed
    yield* Effect.forEach(keys, ask, { discard: true })
    return ((yield* heapUsed) - before) / count
  }).pipe(Effect.provide(rooms(storage, 0)), Effect.runPromise)
  return { ...times, heap }
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** After all that was idle has stopped. */
const heapUsed = Effect.sleep("500 millis").pipe(
  Effect.andThen(Effect.sync(() => {
    collect()
    return process.memoryUsage().heapUsed
  }))
)
