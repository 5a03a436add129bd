// Acceptance case 41, where two chains of calls meet: neither is a circle by itself.
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Backstage, join, scenario } from "../support/Rooms.ts"

describe("circles", () => {
  scenario(
    "two actors that call each other at the same time do not wait for each other for ever",
    (world) =>
      Effect.gen(function*() {
        const { awaitEntry, gate } = yield* Backstage
        const ada = yield* join("ada", { key: "a" })
        const bob = yield* join("bob", { key: "b" })
        const one = yield* Effect.forkChild(ada.rpc.pass({ keys: ["@one", "b"] }), { startImmediately: true })
        const two = yield* Effect.forkChild(bob.rpc.pass({ keys: ["@two", "a"] }), { startImmediately: true })
        yield* world.until(Effect.andThen(awaitEntry("wait one"), awaitEntry("wait two")))

        yield* gate("one").open
        yield* gate("two").open

        // Whichever call came second closed the circle; the first one then had its turn.
        const outcomes = [yield* world.until(Fiber.join(one)), yield* world.until(Fiber.join(two))]
        assert.include(
          ["CallCycle Room/a > Room/b, arrived", "arrived, CallCycle Room/b > Room/a"],
          outcomes.join(", ")
        )
      })
  )
})
