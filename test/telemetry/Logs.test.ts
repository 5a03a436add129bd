import { assert, describe } from "@effect/vitest"
import { Array, Effect, Order, Schedule } from "effect"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import { it } from "../support/Hosts.ts"
import * as Observed from "../support/Observed.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy } from "../support/World.ts"

const reconnect = Schedule.spaced("1 second")
const awaitStatus = awaitStatusBy(Observed.until)

/** A line as `level text`, with the names of its annotations; the network in memory adds its own. */
const show = ({ annotations, level, text }: Observed.Line) => {
  const names = Object.keys(annotations).filter((name) => name !== "module" && name !== "fiber")
  return `${level} ${text} (${Array.sort(names, Order.String).join(" ")})`
}

describe("the log", () => {
  it.onEachHost("of a connection's life holds one line for each thing that happened, and no secret", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const backstage = yield* Rooms.Backstage
      const { lines, received } = yield* Observed.Observed
      const all: Array<Observed.Line> = []
      const next = Effect.map(Observed.settle, () => {
        const seen = lines.splice(0)
        all.push(...seen)
        return seen.map(show)
      })

      // The name is the one param of a room that could be a secret.
      const ada = yield* Rooms.join("hunter2-ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      assert.deepStrictEqual(yield* next, ["Debug connection opened (actor connection key)"])

      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      assert.deepStrictEqual(Array.sort(yield* next, Order.String), [
        "Debug connection suspended: the socket ended (actor connection key)",
        "Debug the connection was lost: the socket closed with 1006 (actor key)"
      ])

      yield* awaitStatus(ada, "Connected")
      assert.deepStrictEqual(yield* next, ["Debug connection resumed (actor connection key)"])

      const mallory = yield* Rooms.join("mallory", { reconnect })
      yield* awaitStatus(mallory, "Rejected")
      assert.deepStrictEqual(yield* next, ["Info the actor refused a client (actor key)"])

      yield* Effect.exit(ada.rpc.die({ secret: "the cause" }))
      assert.deepInclude(lines[0], { level: "Error" })
      assert.include(lines[0]?.cause, "the cause")
      assert.deepStrictEqual(yield* next, ["Error the handler of die failed (actor connection key rpc)"])

      yield* Effect.exit(ada.rpc.fail({ code: 1 }))
      assert.deepStrictEqual(yield* next, [], "a typed failure is no fault")

      yield* ada.rpc.kick({ name: "hunter2-ada", reason: "enough" })
      yield* awaitStatus(ada, "Disconnected")
      yield* Observed.until(backstage.awaitEntry("onDisconnect hunter2-ada"))
      assert.match((yield* next).join("\n"), /^Debug connection ended: .*enough.* \(actor connection key\)$/)

      const text = JSON.stringify(all)
      const tokens = globalThis.Array.from(received.join("").matchAll(/"token":"([^"]*)"/g), ([, token]) => token!)
      assert.isAtLeast(tokens.length, 1, "a token has travelled")
      assert.isAtLeast(all.length, 6)
      for (const secret of [...tokens, "hunter2"]) assert.notInclude(text, secret)
    }).pipe(Effect.scoped, Effect.provide(Observed.layer({ tracer: false }))))

  it.onEachHost("tells a hook that dies and one that hangs as one error each, with the connection where there is one", () =>
    Effect.gen(function*() {
      const backstage = yield* Rooms.Backstage
      const { lines } = yield* Observed.Observed
      backstage.hooks.onConnect = () => Effect.die("broken")
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Waiting")
      backstage.hooks.onConnect = undefined
      yield* awaitStatus(ada, "Connected")
      const errors = lines.filter(({ level }) => level === "Error")
      assert.deepStrictEqual(errors.map(({ text }) => text), ["onConnect failed"])
      assert.hasAllKeys(errors[0]?.annotations, ["actor", "key", "connection", "hook"])
      assert.include(errors[0]?.cause, "broken")

      lines.length = 0
      backstage.hooks.onBeforeConnect = () => Effect.never
      const ben = yield* Rooms.join("ben", { reconnect })
      yield* awaitStatus(ben, "Waiting")
      const second = lines.filter(({ level }) => level === "Error" || level === "Info")
      assert.deepStrictEqual(second.map(({ text }) => text), [
        "onBeforeConnect took longer than its time limit and was interrupted"
      ])
    }).pipe(Effect.scoped, Effect.provide(Observed.layer({ tracer: false }))))

  it.onEachHost("of a client says nothing of the params that could not be made", () =>
    Effect.gen(function*() {
      const { lines } = yield* Observed.Observed
      const ada = yield* Rooms.Room.connect("lobby", {
        reconnect,
        params: Effect.fail(new Error("no session for hunter2"))
      })
      yield* awaitStatus(ada, "Waiting")
      assert.deepStrictEqual(lines.map(({ level, text }) => `${level} ${text}`), [
        "Debug a dial failed: its params could not be made"
      ])
    }).pipe(Effect.scoped, Effect.provide(Observed.layer({ tracer: false }))))

  it.onEachHost("of a handler carries actor, key and connection on the app's own lines too", () =>
    Effect.gen(function*() {
      const { lines } = yield* Observed.Observed
      const backstage = yield* Rooms.Backstage
      backstage.hooks.onConnect = () => Effect.logInfo("the app's own")
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* Observed.settle
      const own = lines.find(({ text }) => text === "the app's own")
      assert.strictEqual(own?.annotations.actor, "Room")
      assert.strictEqual(own?.annotations.key, "lobby")
      assert.isString(own?.annotations.connection)
    }).pipe(Effect.scoped, Effect.provide(Observed.layer({ tracer: false }))))
})
