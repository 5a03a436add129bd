/**
 * Plain inserts, and commits of a storage without actors around it.
 */
import { Effect, type Layer, ManagedRuntime } from "effect"
import { statSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { ActorStorage } from "../../../src/index.ts"
import * as SqliteStorage from "../../../src/SqliteStorage.ts"
import { reply, type Setting, state } from "./Setting.ts"

export type Synchronous = "full" | "normal"

/** Inserts of the same text a second, so many a transaction, by `node:sqlite` alone. */
export const plain = (setting: Setting, synchronous: Synchronous, perTransaction: number) => (): number => {
  const database = new DatabaseSync(setting.newFile())
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
    CREATE TABLE entry (id INTEGER PRIMARY KEY, state TEXT, reply TEXT)`)
  const insert = database.prepare("INSERT INTO entry (state, reply) VALUES (?, ?)")
  const start = performance.now()
  let done = 0
  while (performance.now() - start < setting.millis) {
    if (perTransaction > 1) database.exec("BEGIN")
    for (let i = 0; i < perTransaction; i++) insert.run(state, reply)
    if (perTransaction > 1) database.exec("COMMIT")
    done += perTransaction
  }
  const result = done / (performance.now() - start) * 1000
  database.close()
  return result
}

export type StorageLayer = Layer.Layer<ActorStorage.ActorStorage, unknown>

const using = async <A>(
  layer: StorageLayer,
  use: (storage: ActorStorage.ActorStorage["Service"]) => Effect.Effect<A, unknown>
) => {
  const runtime = ManagedRuntime.make(layer)
  try {
    return await runtime.runPromise(Effect.flatMap(ActorStorage.ActorStorage, use))
  } finally {
    await runtime.dispose()
  }
}

const changes = (call: number): ActorStorage.Changes => ({
  state: { version: 1, value: state },
  connections: new Map(),
  answered: [{ connection: "c", call, reply }],
  trimmed: [{ connection: "c", call: call - 1 }],
  alarms: new Map()
})

/** So many actors, each with one commit at a time: state, a reply to keep, and one to forget. */
export const commits = (setting: Setting, layer: () => StorageLayer, actors: number) => () =>
  using(layer(), (storage) =>
    Effect.scoped(Effect.gen(function*() {
      const loads = yield* Effect.forEach(Array.from({ length: actors }, (_, i) => `${i}`), (key) =>
        Effect.map(storage.load({ type: "Room", key }), ({ fence }) => ({ address: { type: "Room", key }, fence })))
      const start = performance.now()
      let done = 0
      yield* Effect.forEach(loads, ({ address, fence }) =>
        Effect.gen(function*() {
          for (let call = 1; performance.now() - start < setting.millis; call++) {
            yield* storage.commit(address, fence, changes(call))
            done++
          }
        }), { concurrency: "unbounded", discard: true })
      return done / (performance.now() - start) * 1000
    })))

/** The bytes of the file for each of so many actors that have a state and one reply. */
export const bytesEach = async (setting: Setting, count: number): Promise<number> => {
  const filename = setting.newFile()
  await using(
    SqliteStorage.layer({ filename, synchronous: "normal" }),
    (storage) =>
      Effect.forEach(Array.from({ length: count }, (_, i) => `room ${i}`), (key) =>
        Effect.scoped(Effect.flatMap(
          storage.load({ type: "Room", key }),
          ({ fence }) => storage.commit({ type: "Room", key }, fence, { ...changes(1), trimmed: [] })
        )), { concurrency: 500, discard: true })
  )
  return statSync(filename).size / count
}
