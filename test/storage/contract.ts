/**
 * What every storage of actors must do. Run over each of them by a test file of its own.
 *
 * @since 0.1.0
 */
import { assert, type Vitest } from "@effect/vitest"
import { Effect, Exit, Fiber, Metric, Schema, Scope } from "effect"
import { ActorStorage } from "../../src/index.ts"
import * as StorageMetrics from "../../src/storage/StorageMetrics.ts"
import { changes, room } from "./changes.ts"

type Storage = ActorStorage.ActorStorage["Service"]

/**
 * How a test comes by a storage: an effect that makes an empty one, whose result opens it. It can be opened again when
 * the scope of the first has closed, and holds then what it held before.
 *
 * @category models
 * @since 0.1.0
 */
export type Setting<R = never> = Effect.Effect<
  Effect.Effect<Storage, ActorStorage.StorageError, Scope.Scope>,
  never,
  R | Scope.Scope
>

const alarm = (id: string, at: number): ActorStorage.StoredAlarm => ({ id, at, rpc: "ring", payload: `{"id":${at}}` })

/** What is stored, without the fence, in a form that compares. */
const plain = ({ alarms, connections, journal, state }: ActorStorage.Stored) => ({
  state,
  connections: Object.fromEntries(connections),
  journal: journal.map(({ call, connection, reply }) => [connection, call, reply]),
  alarms
})

export const read = (storage: Storage, address: ActorStorage.Address) =>
  Effect.scoped(Effect.map(storage.load(address), plain))

/** Loads, commits without waiting between, and lets go. */
export const put = (storage: Storage, address: ActorStorage.Address, ...all: ReadonlyArray<ActorStorage.Changes>) =>
  Effect.scoped(Effect.gen(function*() {
    const { fence } = yield* storage.load(address)
    yield* Effect.forEach(all, (each) => storage.commit(address, fence, each), {
      concurrency: "unbounded",
      discard: true
    })
  }))

const nothing = { state: undefined, connections: {}, journal: [], alarms: [] }

const stateOf = (value: string) => ({ ...nothing, state: { version: 1, value } })

const failureOf = <A, R>(effect: Effect.Effect<A, ActorStorage.StorageError, R>) =>
  Effect.map(Effect.flip(effect), ({ failure }) => failure)

/** Names that have broken other systems; no two of them are the same. */
const hostile = [
  "",
  " ",
  "\0",
  "a\0b",
  "a",
  "A",
  "a ",
  "\ud800",
  "\ud801",
  "\udc00",
  "\ufffd",
  "\u001bd800",
  "\u001b\ud800",
  "\u001b",
  "\\",
  "\\ud800",
  "%",
  "_",
  "'; DROP TABLE instance; --",
  "\"",
  "$1",
  "?1",
  "__proto__",
  "constructor",
  "null",
  "0",
  "1",
  "01",
  "1:a",
  "\u00e9",
  "e\u0301",
  "\u{1F600}",
  "\u{10FFFF}",
  "\n",
  "\r\n",
  "a/b/../c",
  "x".repeat(3_000),
  Array.from({ length: 5_000 }, (_, i) => String.fromCharCode(33 + (i * i * 7919) % 90)).join("")
]

/**
 * The suite.
 *
 * @category tests
 * @since 0.1.0
 */
export const contract = <R>(it: { readonly effect: Vitest.Tester<R | Scope.Scope> }, setting: Setting<R>): void => {
  const opened = Effect.flatten(setting)

  it.effect("knows nothing of an instance that was never stored", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      assert.deepStrictEqual(yield* read(storage, room("a")), nothing)
      assert.deepStrictEqual(yield* storage.wakes("Room", 10), [])
    }))

  it.effect("gives back all that was stored, also when it is opened again", () =>
    Effect.gen(function*() {
      const open = yield* setting
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open
        yield* put(
          storage,
          room("a"),
          changes({
            state: { version: 7, value: "{\"n\":1}" },
            connections: { c1: "{\"user\":\"ada\"}", c2: "{}" },
            answered: [["c1", 2, "two"], ["c1", 1, "one"], ["c2", Number.MAX_SAFE_INTEGER, "last"]],
            alarms: [alarm("late", 4_102_444_800_000), alarm("early", 1)],
            wakeAt: 1
          })
        )
      }))
      const storage = yield* open
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        state: { version: 7, value: "{\"n\":1}" },
        connections: { c1: "{\"user\":\"ada\"}", c2: "{}" },
        journal: [["c1", 1, "one"], ["c1", 2, "two"], ["c2", Number.MAX_SAFE_INTEGER, "last"]],
        alarms: [alarm("early", 1), alarm("late", 4_102_444_800_000)]
      })
      assert.deepStrictEqual(yield* storage.wakes("Room", 10), [{ type: "Room", key: "a", at: 1 }])
    }))

  it.effect("leaves alone what a commit does not name", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const first = changes({
        state: "1",
        connections: { c1: "1" },
        answered: [["c1", 1, "one"]],
        alarms: [alarm("a", 5)],
        wakeAt: 5
      })
      yield* put(storage, room("a"), first, changes({}), changes({ connections: { c2: "2" } }))
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        state: { version: 1, value: "1" },
        connections: { c1: "1", c2: "2" },
        journal: [["c1", 1, "one"]],
        alarms: [alarm("a", 5)]
      })
      assert.deepStrictEqual(yield* storage.wakes("Room", 10), [{ type: "Room", key: "a", at: 5 }])
    }))

  it.effect("replaces states, records, replies and alarms", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      yield* put(
        storage,
        room("a"),
        changes({ state: "1", connections: { c: "1" }, answered: [["c", 1, "1"]], alarms: [alarm("a", 1)] }),
        changes({
          state: { version: 2, value: "2" },
          connections: { c: "2" },
          answered: [["c", 1, "2"]],
          alarms: [alarm("a", 2)]
        })
      )
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        state: { version: 2, value: "2" },
        connections: { c: "2" },
        journal: [["c", 1, "2"]],
        alarms: [alarm("a", 2)]
      })
    }))

  it.effect("trims single calls, and with a connection all of its calls", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      yield* put(
        storage,
        room("a"),
        changes({
          connections: { c1: "1", c2: "2" },
          answered: [["c1", 1, "1"], ["c1", 2, "2"], ["c2", 1, "1"], ["c2", 2, "2"]]
        }),
        changes({ connections: { c1: null, unknown: null }, trimmed: [["c2", 1], ["c2", 9], ["unknown", 1]] })
      )
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        ...nothing,
        connections: { c2: "2" },
        journal: [["c2", 2, "2"]]
      })
    }))

  it.effect("keeps nothing of what one commit both adds and removes", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      yield* put(
        storage,
        room("a"),
        changes({
          connections: { gone: null, here: "1" },
          answered: [["gone", 1, "1"], ["here", 1, "1"], ["here", 2, "2"]],
          trimmed: [["here", 1]]
        })
      )
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        ...nothing,
        connections: { here: "1" },
        journal: [["here", 2, "2"]]
      })
    }))

  it.effect("removes alarms, and everything in the end", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      yield* put(
        storage,
        room("a"),
        changes({ alarms: [alarm("a", 1), alarm("b", 2)], connections: { c: "1" }, wakeAt: 1 }),
        changes({ alarms: ["a", "unknown"], wakeAt: 2 })
      )
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        ...nothing,
        connections: { c: "1" },
        alarms: [alarm("b", 2)]
      })
      yield* put(storage, room("a"), changes({ alarms: ["b"], connections: { c: null }, wakeAt: null }))
      assert.deepStrictEqual(yield* read(storage, room("a")), nothing)
      yield* put(storage, room("a"), changes({ state: "again" }))
      assert.deepStrictEqual(yield* read(storage, room("a")), stateOf("again"))
    }))

  it.effect("tells whom to wake, the earliest first, of one actor and no more than asked for", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const times = { c: 30, a: 4_102_444_800_000, d: 40, b: 20, none: null, changed: 5 }
      for (const [key, wakeAt] of Object.entries(times)) yield* put(storage, room(key), changes({ state: key, wakeAt }))
      yield* put(storage, room("changed"), changes({ wakeAt: 50 }), changes({ state: "still 50" }))
      yield* put(storage, room("d"), changes({ wakeAt: null }))
      yield* put(storage, { type: "Other", key: "a" }, changes({ wakeAt: 1 }))

      const wake = (key: string, at: number) => ({ type: "Room", key, at })
      const all = [wake("b", 20), wake("c", 30), wake("changed", 50), wake("a", 4_102_444_800_000)]
      assert.deepStrictEqual(yield* storage.wakes("Room", 10), all)
      assert.deepStrictEqual(yield* storage.wakes("Room", 2), all.slice(0, 2))
      assert.deepStrictEqual(yield* storage.wakes("Other", 10), [{ type: "Other", key: "a", at: 1 }])
      assert.deepStrictEqual(yield* storage.wakes("Nobody", 10), [])
    }))

  it.effect("refuses commits of an earlier load, and stores nothing of them", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const first = yield* storage.load(room("a"))
      yield* storage.commit(room("a"), first.fence, changes({ state: "first" }))
      const second = yield* storage.load(room("a"))
      assert.deepStrictEqual(plain(second), stateOf("first"))

      const late = changes({ state: "late", connections: { c: "late" }, answered: [["c", 1, "late"]], wakeAt: 1 })
      assert.strictEqual(yield* failureOf(storage.commit(room("a"), first.fence, late)), "Fenced")
      yield* storage.commit(room("a"), second.fence, changes({ state: "second" }))
      assert.strictEqual(yield* failureOf(storage.commit(room("a"), first.fence, late)), "Fenced")
      assert.deepStrictEqual(yield* read(storage, room("a")), stateOf("second"))
      assert.deepStrictEqual(yield* storage.wakes("Room", 10), [])
    }))

  it.effect("refuses the fence of another instance, and one that was never given out", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const one = yield* storage.load(room("a"))
      const other = yield* storage.load(room("b"))
      yield* storage.commit(room("a"), one.fence, changes({ state: "a" }))
      for (const fence of [other.fence, one.fence + 1_000, 0, -1]) {
        assert.strictEqual(yield* failureOf(storage.commit(room("a"), fence, changes({ state: "x" }))), "Fenced")
      }
      assert.strictEqual(yield* failureOf(storage.commit(room("never"), one.fence, changes({ state: "x" }))), "Fenced")
      assert.deepStrictEqual(yield* read(storage, room("a")), stateOf("a"))
      assert.deepStrictEqual(yield* read(storage, room("never")), nothing)
    }))

  it.effect("holds a load as long as its scope, which ends no later one", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const scope = yield* Scope.make()
      const first = yield* storage.load(room("a")).pipe(Scope.provide(scope))
      const second = yield* storage.load(room("a"))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* failureOf(storage.commit(room("a"), first.fence, changes({ state: "1" }))), "Fenced")
      yield* storage.commit(room("a"), second.fence, changes({ state: "2" }))

      const released = yield* Effect.scoped(storage.load(room("a")))
      assert.strictEqual(yield* failureOf(storage.commit(room("a"), released.fence, changes({ state: "3" }))), "Fenced")
      assert.deepStrictEqual(yield* read(storage, room("a")), stateOf("2"))
    }))

  it.effect("gives no fence twice, also when nothing was stored under it", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const fences = yield* Effect.replicateEffect(
        Effect.scoped(Effect.map(storage.load(room("a")), ({ fence }) => fence)),
        20
      )
      assert.strictEqual(new Set(fences).size, 20)
    }))

  it.effect("fails a fenced commit alone: its neighbours of the same moment succeed", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const loads = yield* Effect.forEach(["a", "b", "c"], (key) => storage.load(room(key)))
      yield* storage.load(room("b"))
      const exits = yield* Effect.forEach(
        ["a", "b", "c"],
        (key, i) => Effect.exit(storage.commit(room(key), loads[i]!.fence, changes({ state: key, wakeAt: i }))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
      assert.deepStrictEqual((yield* storage.wakes("Room", 10)).map(({ key }) => key), ["a", "c"])
    }))

  it.effect("stores the commits of an instance in the order in which they were made, without waiting between", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const { fence } = yield* storage.load(room("a"))
      yield* Effect.forEach(
        Array.from({ length: 300 }, (_, i) => i),
        (i) =>
          storage.commit(
            room("a"),
            fence,
            changes({
              state: `${i}`,
              connections: { c: `${i}`, odd: i % 2 === 0 ? null : "odd" },
              answered: [["c", i, `${i}`]],
              trimmed: i < 5 ? [] : [["c", i - 5]],
              alarms: [i % 2 === 0 ? alarm("a", i) : "a"]
            })
          ),
        { concurrency: "unbounded", discard: true }
      )
      assert.deepStrictEqual(yield* read(storage, room("a")), {
        state: { version: 1, value: "299" },
        connections: { c: "299", odd: "odd" },
        journal: [295, 296, 297, 298, 299].map((i) => ["c", i, `${i}`]),
        alarms: []
      })
    }))

  it.effect("keeps many instances apart that are stored at the same time, in few transactions", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const keys = Array.from({ length: 400 }, (_, i) => `room ${i}`)
      const loads = yield* Effect.forEach(keys, (key) => storage.load(room(key)), { concurrency: 16 })
      const before = yield* Metric.value(StorageMetrics.transactions)
      yield* Effect.forEach(
        keys,
        (key, i) => storage.commit(room(key), loads[i]!.fence, changes({ state: key, connections: { [key]: key } })),
        { concurrency: "unbounded", discard: true }
      )
      const after = yield* Metric.value(StorageMetrics.transactions)
      assert.isBelow(after.count - before.count, 40)
      const stored = yield* Effect.forEach(keys, (key) => read(storage, room(key)), { concurrency: 16 })
      for (const [i, key] of keys.entries()) {
        assert.deepStrictEqual(stored[i], { ...stateOf(key), connections: { [key]: key } })
      }
    }))

  it.effect("takes any names apart: of actors, keys, connections, alarms and RPCs", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const addresses = [
        ...hostile.map(room),
        ...hostile.map((type) => ({ type, key: "a" })),
        { type: "ab", key: "c" },
        { type: "a", key: "bc" }
      ]
      const connections = new Map(hostile.map((name) => [name, JSON.stringify(name)]))
      const alarms = hostile.map((name, i) => ({ id: name, at: i, rpc: name, payload: JSON.stringify(name) }))
      yield* Effect.forEach(addresses, (address, i) =>
        put(
          storage,
          address,
          changes({
            state: `${i}`,
            connections,
            alarms,
            answered: hostile.map((name) => [name, i, JSON.stringify(name)]),
            wakeAt: i
          })
        ), { concurrency: 8, discard: true })
      for (const [i, address] of addresses.entries()) {
        const stored = yield* Effect.scoped(storage.load(address))
        assert.deepStrictEqual(stored.state, { version: 1, value: `${i}` })
        assert.deepStrictEqual(stored.connections, connections)
        assert.deepStrictEqual(stored.alarms, alarms)
        assert.strictEqual(stored.journal.length, hostile.length)
        for (const { call, connection, reply } of stored.journal) {
          assert.deepStrictEqual([call, reply], [i, JSON.stringify(connection)])
        }
      }
      assert.deepStrictEqual(
        (yield* storage.wakes("Room", 1_000)).map(({ key }) => key),
        hostile
      )
    }), 60_000)

  it.effect("takes values of many megabytes, beside small ones", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      const big = JSON.stringify("\u{1F600}\0\ud800 \\ \" '".repeat(200_000))
      const loads = yield* Effect.forEach(["a", "b", "c"], (key) => storage.load(room(key)))
      const values = [
        changes({ state: "a" }),
        changes({ state: big, answered: [["c", 1, big]] }),
        changes({ state: "c" })
      ]
      yield* Effect.forEach(
        ["a", "b", "c"],
        (key, i) => storage.commit(room(key), loads[i]!.fence, values[i]!),
        { concurrency: "unbounded" }
      )
      const stored = yield* read(storage, room("b"))
      assert.isTrue(stored.state?.value === big && stored.journal[0]![2] === big)
      assert.deepStrictEqual(yield* read(storage, room("c")), stateOf("c"))
    }), 60_000)

  it.effect("stores an interrupted commit whole or not at all", () =>
    Effect.gen(function*() {
      const storage = yield* opened
      for (let yields = 0; yields < 10; yields++) {
        const address = room(`${yields}`)
        const { fence } = yield* storage.load(address)
        const commit = yield* Effect.forkChild(
          storage.commit(address, fence, changes({ state: "1", connections: { c: "1" }, answered: [["c", 1, "1"]] })),
          { startImmediately: true }
        )
        for (let i = 0; i < yields; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(commit)
        const later = yield* storage.load(address)
        yield* storage.commit(address, later.fence, changes({ alarms: [alarm("later", 1)] }))
        const { alarms, ...rest } = yield* read(storage, address)
        assert.deepStrictEqual(alarms, [alarm("later", 1)])
        assert.deepInclude(
          [
            JSON.stringify([undefined, {}, []]),
            JSON.stringify([{ version: 1, value: "1" }, { c: "1" }, [["c", 1, "1"]]])
          ],
          JSON.stringify([rest.state, rest.connections, rest.journal])
        )
      }
    }))

  it.effect.prop(
    "does with any changes what the storage in memory does",
    [Schema.Array(Schema.Array(AnyChanges))],
    ([rooms]) =>
      Effect.gen(function*() {
        const storage = yield* opened
        const model = yield* Effect.provide(ActorStorage.ActorStorage, ActorStorage.layerMemory)
        for (const [i, all] of rooms.entries()) {
          // The second half meets what the first half has stored; each half may be summed up.
          const half = all.length >> 1
          for (const each of [storage, model]) {
            yield* put(each, room(`${i}`), ...all.slice(0, half).map(changes))
            yield* put(each, room(`${i}`), ...all.slice(half).map(changes))
          }
          const [stored, expected] = yield* Effect.forEach([storage, model], (each) => read(each, room(`${i}`)))
          assert.deepStrictEqual(unordered(stored!), unordered(expected!))
        }
        const [wakes, expected] = yield* Effect.forEach([storage, model], (each) => each.wakes("Room", 100))
        assert.deepStrictEqual(wakes!.map(({ at }) => at), expected!.map(({ at }) => at))
        assert.sameDeepMembers([...wakes!], [...expected!])
      }),
    { arbitrary: { runs: 6 }, timeout: 60_000 }
  )
}

/** Alarms of one time and the calls of several connections have no order. */
const unordered = ({ alarms, journal, ...rest }: ReturnType<typeof plain>) => ({
  ...rest,
  alarms: new Set(alarms.map((alarm) => JSON.stringify(alarm))),
  journal: new Set(journal.map((entry) => JSON.stringify(entry)))
})

const Few = Schema.Literals(["a", "b", "\0"])
const Call = Schema.Literals([1, 2, 3])

const AnyChanges = Schema.Struct({
  state: Schema.optionalKey(Schema.Literals(["1", "2"])),
  connections: Schema.Record(Few, Schema.NullOr(Schema.Literals(["1", "2"]))),
  answered: Schema.Array(Schema.Tuple([Few, Call, Schema.Literals(["1", "2"])])),
  trimmed: Schema.Array(Schema.Tuple([Few, Call])),
  alarms: Schema.Array(
    Schema.Union([Few, Schema.Struct({ id: Few, at: Call, rpc: Few, payload: Schema.Literals(["1"]) })])
  ),
  wakeAt: Schema.optionalKey(Schema.NullOr(Call))
})
