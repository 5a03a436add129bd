import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Engine from "../../src/session/Engine.ts"

/** Runs an effect as in a browser, which has no `setImmediate`; Effect's own scheduler keeps the one it has found. */
const withoutSetImmediate = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const kept = Object.getOwnPropertyDescriptor(globalThis, "setImmediate")!
      Reflect.deleteProperty(globalThis, "setImmediate")
      return kept
    }),
    () => effect,
    (kept) => Effect.sync(() => Object.defineProperty(globalThis, "setImmediate", kept))
  )

/** What has run when the microtasks that follow are done. */
const schedule = (engine: Engine.Engine) =>
  Effect.promise(async () => {
    const ran: Array<number> = []
    engine.dispatcher.scheduleTask(() => ran.push(1), 0)
    engine.dispatcher.scheduleTask(() => ran.push(2), 0)
    assert.deepStrictEqual(ran, [])
    for (let i = 0; i < 3; i++) await Promise.resolve()
    return ran
  })

describe("an engine", () => {
  it.effect("has what is to be written leave right after what runs now, where there is no setImmediate", () =>
    Effect.gen(function*() {
      const engine = yield* withoutSetImmediate(Engine.make)
      assert.deepStrictEqual(yield* schedule(engine), [1, 2])
    }))

  it.effect("collects it until the next turn of the scheduler where there is one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* schedule(yield* Engine.make), [])
    }))
})
