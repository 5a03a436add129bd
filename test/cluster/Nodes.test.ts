// Several nodes in one process, with a test clock.
import { assert, describe, it } from "@effect/vitest"
import { Effect, References } from "effect"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy, untilSimulated as until } from "../support/World.ts"

const awaitStatus = awaitStatusBy(until)

describe("several nodes", () => {
  it.effect("a client reaches the same actor through every node", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryCluster.make({ actors: Rooms.layer })
      const one = yield* cluster.start(1)
      const two = yield* cluster.start(2)
      const ada = yield* Rooms.join("ada").pipe(Effect.provideContext(cluster.clientOf(one)))
      const ben = yield* Rooms.join("ben").pipe(Effect.provideContext(cluster.clientOf(two)))
      yield* awaitStatus(ada, "Connected")
      yield* awaitStatus(ben, "Connected")
      assert.sameMembers([...(yield* until(ada.rpc.names()))], ["ada", "ben"])
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Debug")))
})
