// Acceptance case 32 over both transports: a peer that has stopped reading, spoken by hand.
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import * as Frame from "../../src/session/Frame.ts"
import * as Link from "../../src/session/Link.ts"
import { Backstage, hear, join, scenario } from "../support/Rooms.ts"
import type { World } from "../support/World.ts"

/** Enters the lobby, subscribed, and then neither reads nor acknowledges anything. */
const enterAndStopReading = Effect.fnUntraced(function*(world: World, name: string) {
  const link = yield* Link.fromSocket(yield* world.dial, { maxBytes: 1_000_000 })
  const params = { name, level: "3" }
  const hello = { protocol: Frame.version, actor: "Room", key: "lobby", params, subscriptions: ["said"], attach: 1 }
  yield* link.write(`[${Frame.encode(["hello", hello])}]`)
  yield* world.until(link.pull)
  yield* link.write(`[${Frame.encode(["ack", 0])}]`)
})

describe("a client that has stopped reading", () => {
  scenario(
    "is ended at its bound, and the events of the others go on in order",
    (world) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf } = yield* Backstage
        const ada = yield* join("ada", { subscribe: ["said"] })
        const heard = yield* hear(ada.events.said)
        yield* enterAndStopReading(world, "eve")
        yield* world.until(awaitEntry("onConnect eve"))
        const texts = Array.from({ length: 200 }, (_, i) => `line ${i}`)

        const calls = yield* Effect.forkChild(
          Effect.forEach(texts, (text) => ada.rpc.say({ text, toOthers: false }), { discard: true })
        )
        yield* world.until(Fiber.join(calls))

        const received = yield* world.until(Effect.replicateEffect(Queue.take(heard), texts.length))
        assert.deepStrictEqual(received.map(({ text }) => text), texts)
        yield* world.until(awaitEntry("onDisconnect eve"))
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect eve SlowConsumer"])
      }),
    { hostOptions: { bufferFrames: 64, heartbeatInterval: "1 minute" } }
  )
})
