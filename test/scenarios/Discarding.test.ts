import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { Backstage, failure, join, scenario } from "../support/Rooms.ts"

describe("a call whose result is discarded", () => {
  scenario("completes when its handler begins, not before its turn", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, gate } = yield* Backstage
      const ada = yield* join("ada")
      const first = yield* Effect.forkChild(ada.rpc.wait({ gate: "first" }), { startImmediately: true })
      yield* world.until(awaitEntry("wait first"))
      const second = yield* Effect.forkChild(ada.rpc.wait({ gate: "second" }, { discard: true }), {
        startImmediately: true
      })
      // A stream runs beside the turns: when it has answered, the server has taken both calls in.
      yield* world.until(Stream.runDrain(ada.rpc.count({ to: 1 })))
      assert.isUndefined(second.pollUnsafe())

      yield* gate("first").open
      yield* world.until(Fiber.join(first))
      yield* world.until(Fiber.join(second))

      assert.deepStrictEqual(yield* entriesOf("passed"), ["passed first"])
      yield* gate("second").open
      yield* world.until(awaitEntry("passed second"))
    }))

  scenario("fails if its connection ends before its turn, and then never runs", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, gate, hooks } = yield* Backstage
      let end: Effect.Effect<void> = Effect.void
      hooks.onConnect = (connection) =>
        Effect.sync(() => {
          if (connection.state.name === "bob") end = connection.disconnect("enough")
        })
      const ada = yield* join("ada")
      const bob = yield* join("bob")
      yield* world.until(bob.rpc.whoami())
      const first = yield* Effect.forkChild(ada.rpc.wait({ gate: "first" }), { startImmediately: true })
      yield* world.until(awaitEntry("wait first"))
      const second = yield* Effect.forkChild(
        failure(bob.rpc.wait({ gate: "second" }, { discard: true }), "NotExecuted"),
        { startImmediately: true }
      )
      yield* world.until(Stream.runDrain(bob.rpc.count({ to: 1 })))

      yield* end

      yield* world.until(Fiber.join(second))
      yield* gate("first").open
      yield* world.until(Fiber.join(first))
      assert.deepStrictEqual(yield* entriesOf("wait second"), [])
    }))
})
