import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Exit, Layer, Random, Schedule } from "effect"
import { readFileSync } from "node:fs"
import * as ActorClient from "../src/ActorClient.ts"
import * as ActorHost from "../src/ActorHost.ts"
import * as ActorServer from "../src/ActorServer.ts"
import * as ClientSettings from "../src/client/ClientSettings.ts"
import * as ClusterSettings from "../src/cluster/ClusterSettings.ts"
import * as Drain from "../src/host/Drain.ts"
import * as Settings from "../src/host/Settings.ts"
import { layerDefaults } from "../src/internal/makeActor.ts"
import * as PostgresStorage from "../src/PostgresStorage.ts"
import * as Reconnect from "../src/Reconnect.ts"
import * as SqliteStorage from "../src/SqliteStorage.ts"
import { TestNetwork } from "../src/testing/TestNetwork.ts"
import * as Rooms from "./support/Rooms.ts"

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

/** The names and defaults of a table of the page, by its heading or the name of its first column. */
const tableOf = (heading: string): Record<string, string> => {
  const [, after = ""] = read("docs/SETTINGS.md").split(heading)
  const rows = after.trim().split("\n\n")[0]!.split("\n").slice(2)
  return Object.fromEntries(rows.map((row) => {
    const [, name = "", value = ""] = row.split("|").map((cell) => cell.trim().replaceAll("`", ""))
    return [name, value]
  }))
}

const show = (value: unknown): string => {
  if (value === Reconnect.policy) return "Reconnect.policy"
  if (value === Infinity) return "unlimited"
  return typeof value === "number" ? value.toLocaleString("en-US") : String(value)
}

const showAll = (defaults: object): Record<string, string> =>
  Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, show(value)]))

/** What the doc comments of an interface say. */
const documented = (path: string, name: string): Record<string, string> => {
  const body = read(path).split(`export interface ${name}`)[1]!.split("\n}")[0]!
  const options = body.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\?:/g)
  return Object.fromEntries(Array.from(options, ([, comment = "", option = ""]) => {
    const text = comment.replaceAll(/\s*\n\s*\*\s*/g, " ")
    return [option, /Default: ([^.,]*(?:[.,]\w[^.,]*)*)[.,]/.exec(text)?.[1]?.replaceAll("`", "") ?? "none is said"]
  }))
}

describe("docs/SETTINGS.md", () => {
  it("names every option of a host with its default", () => {
    assert.deepStrictEqual(tableOf("## Host\n"), showAll(Settings.defaults))
  })

  it("names every option that a host in a cluster has more, with its default", () => {
    assert.deepStrictEqual(tableOf("the cluster itself.\n"), showAll(ClusterSettings.defaults))
  })

  it("names every option of draining with its default", () => {
    assert.deepStrictEqual(tableOf("## Draining\n"), showAll(Drain.defaults))
  })

  it("names every option of clients with its default", () => {
    assert.deepStrictEqual(tableOf("## Clients\n"), showAll(ClientSettings.defaults))
    const numbers = Object.entries(Reconnect.defaults).map(([name, value]) => [`reconnect.${name}`, value])
    assert.deepStrictEqual(tableOf("can be set:\n"), Object.fromEntries(numbers))
  })

  it("names every option of an actor with its default", () => {
    const durable = documented("src/internal/layerOptions.ts", "DurableOptions<")
    assert.deepStrictEqual(tableOf("## Actors\n"), { ...showAll(layerDefaults), ...durable })
  })

  it("names every option of storages with its default", () => {
    assert.deepStrictEqual(tableOf("the `filename`.\n"), showAll(SqliteStorage.defaults))
    assert.deepStrictEqual(tableOf("## Storage in PostgreSQL\n"), showAll(PostgresStorage.defaults))
  })

  it("says the same as the doc comments of the options", () => {
    assert.deepStrictEqual(documented("src/SqliteStorage.ts", "SqliteOptions"), tableOf("the `filename`.\n"))
    assert.deepStrictEqual(
      documented("src/PostgresStorage.ts", "PostgresOptions"),
      tableOf("## Storage in PostgreSQL\n")
    )
    assert.deepStrictEqual(documented("src/host/Settings.ts", "HostOptions"), tableOf("## Host\n"))
    assert.deepStrictEqual(documented("src/internal/actorHost.ts", "DrainOptions"), tableOf("## Draining\n"))
    assert.deepStrictEqual(documented("src/internal/layerOptions.ts", "LayerOptions"), showAll(layerDefaults))
    const { subscribe, ...client } = documented("src/Client.ts", "ConnectOptions<")
    assert.strictEqual(subscribe, "none")
    assert.deepStrictEqual(client, tableOf("## Clients\n"))
  })
})

const constantCase = (name: string) =>
  name.replaceAll(/[A-Z.]/g, (letter) => `_${letter}`).replace("_.", "_").toUpperCase()

const environment = (env: Record<string, string>) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env }).pipe(ConfigProvider.constantCase))

/** A value for each option, other than its default, as text and as what it reads as. */
const others = (group: string, defaults: object) => {
  const env: Record<string, string> = {}
  const expected: Record<string, unknown> = {}
  Object.entries(defaults).forEach(([name, value], i) => {
    if (value === Reconnect.policy) return
    const isCount = typeof value === "number"
    const isChoice = value === "suspend"
    env[`TETHER_${group}_${constantCase(name)}`] = isChoice ? "fail" : isCount ? `${i + 7}` : `${i + 7} seconds`
    expected[name] = isChoice ? "fail" : isCount ? i + 7 : Duration.seconds(i + 7)
  })
  return { env, expected }
}

describe("config", () => {
  it.effect("of a host reads every option", () =>
    Effect.gen(function*() {
      const { env, expected } = others("HOST", Settings.defaults)
      const options = yield* Effect.provide(ActorHost.config, environment(env))
      assert.deepStrictEqual({ ...options }, expected)
    }))

  it.effect("of draining reads every option", () =>
    Effect.gen(function*() {
      const { env, expected } = others("DRAIN", Drain.defaults)
      const options = yield* Effect.provide(ActorServer.drainConfig, environment(env))
      assert.deepStrictEqual({ ...options }, expected)
    }))

  it.effect("of clients reads every option", () =>
    Effect.gen(function*() {
      const { env, expected } = others("CLIENT", ClientSettings.defaults)
      const { reconnect, ...options } = yield* Effect.provide(ActorClient.config, environment(env))
      assert.isUndefined(reconnect)
      assert.deepStrictEqual(options, expected)
    }))

  it.effect("of storages reads every option", () =>
    Effect.gen(function*() {
      const sqlite = others("SQLITE", SqliteStorage.defaults)
      const inFile = { ...sqlite.env, TETHER_SQLITE_FILENAME: "actors.db", TETHER_SQLITE_SYNCHRONOUS: "normal" }
      assert.deepStrictEqual(
        { ...yield* Effect.provide(SqliteStorage.config, environment(inFile)) },
        { ...sqlite.expected, filename: "actors.db", synchronous: "normal" } as object
      )
      const postgres = others("POSTGRES", PostgresStorage.defaults)
      const options = yield* Effect.provide(PostgresStorage.config, environment(postgres.env))
      assert.deepStrictEqual({ ...options }, postgres.expected)
      const missing = SqliteStorage.layerConfig().pipe(Layer.provide(environment({})))
      assert.match(String(yield* Effect.exit(Effect.scoped(Layer.build(missing)))), /ConfigError.*[^]*"filename"/)
    }))

  it.effect("that is not there leaves the defaults", () =>
    Effect.gen(function*() {
      const options = yield* Effect.provide(ActorHost.config, environment({}))
      assert.deepStrictEqual(Settings.make(options), Settings.make())
      assert.deepStrictEqual(Settings.make(), Settings.make(Settings.defaults))
    }))

  it.effect("that does not read fails the layer and names the option", () =>
    Effect.gen(function*() {
      for (
        const [option, value] of [
          ["maxConnections", "many"],
          ["bufferBytes", "-1"],
          ["resumeWindow", "soon"]
        ] as const
      ) {
        const env = { [`TETHER_HOST_${constantCase(option)}`]: value }
        const layer = ActorHost.layerLocalConfig().pipe(Layer.provide(environment(env)))
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
        assert.isTrue(Exit.isFailure(exit), option)
        assert.match(String(exit), new RegExp(`ConfigError.*[^]*"${option}"`))
      }
    }))

  it.effect("makes a reconnect schedule of the numbers given, and of the default ones for the rest", () =>
    Effect.gen(function*() {
      const env = { TETHER_CLIENT_RECONNECT_FLOOR: "2 seconds", TETHER_CLIENT_RECONNECT_CAP: "3 seconds" }
      const { reconnect } = yield* Effect.provide(ActorClient.config, environment(env))
      const step = yield* Schedule.toStep(reconnect!)
      const lost = { cause: undefined, attempt: 1, connectedFor: Duration.zero }
      for (let i = 0; i < 20; i++) {
        const [, delay] = yield* step(0, lost)
        assert.isTrue(Duration.toMillis(delay) >= 2_000 && Duration.toMillis(delay) <= 3_000, String(delay))
      }
    }).pipe(Random.withSeed("reconnect")))
})

describe("the defaults of clients", () => {
  const app = Rooms.layer.pipe(
    Layer.provideMerge(TestNetwork.layer),
    Layer.provide(ActorHost.layerLocal())
  )

  const fill = Effect.fnUntraced(function*(options: Parameters<typeof Rooms.join>[1]) {
    const network = yield* TestNetwork
    yield* network.refuse
    const ada = yield* Rooms.join("ada", options)
    yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(Effect.exit(ada.rpc.names())))
    yield* Effect.yieldNow
    return (yield* Rooms.failure(ada.rpc.names(), "QueueFull")).capacity
  }, Effect.scoped)

  it.effect("come from the config, and an option of one client goes before them", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* fill({}), 2)
      assert.strictEqual(yield* fill({ queueCapacity: 3 }), 3)
    }).pipe(Effect.provide([
      app,
      ActorClient.layerDefaultsConfig().pipe(Layer.provide(environment({
        TETHER_CLIENT_QUEUE_CAPACITY: "2",
        TETHER_CLIENT_ON_QUEUE_FULL: "fail"
      })))
    ])))

  it.effect("are set in code as well", () =>
    fill({}).pipe(
      Effect.map((capacity) => assert.strictEqual(capacity, 1)),
      Effect.provide([app, ActorClient.layerDefaults({ queueCapacity: 1, onQueueFull: "fail" })])
    ))
})
