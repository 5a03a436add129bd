import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { InOrder } from "../../src/session/InOrder.ts"

/** Acts on numbers: an odd one waits until it is let go. */
const setUp = Effect.fnUntraced(function*(options: { readonly closed?: boolean } = {}) {
  const scope = yield* Scope.make()
  const done: Array<number> = []
  const gates = new Map([1, 3, 5].map((n) => [n, Deferred.makeUnsafe<void>()]))
  const inOrder = new InOrder<number>({
    scope,
    context: Context.empty(),
    act: (n) => {
      const gate = gates.get(n)
      return Effect.andThen(
        gate === undefined ? Effect.void : Deferred.await(gate),
        Effect.sync(() => void done.push(n))
      )
    }
  }, { closed: options.closed ?? false })
  const letGo = (n: number) => Effect.andThen(Deferred.succeed(gates.get(n)!, undefined), TestClock.adjust(0))
  return { inOrder, done, letGo, scope }
})

describe("InOrder", () => {
  it.effect("does at once what takes no time", () =>
    Effect.gen(function*() {
      const { done, inOrder } = yield* setUp()
      inOrder.offer(2)
      inOrder.offer(4)
      assert.deepStrictEqual(done, [2, 4])
    }))

  it.effect("holds back what comes after one that takes its time", () =>
    Effect.gen(function*() {
      const { done, inOrder, letGo } = yield* setUp()
      for (const n of [2, 1, 4, 3, 6]) inOrder.offer(n)
      assert.deepStrictEqual(done, [2])
      assert.strictEqual(inOrder.size, 3)
      yield* letGo(1)
      assert.deepStrictEqual(done, [2, 1, 4])
      yield* letGo(3)
      assert.deepStrictEqual(done, [2, 1, 4, 3, 6])
    }))

  it.effect("does nothing before it is opened", () =>
    Effect.gen(function*() {
      const { done, inOrder } = yield* setUp({ closed: true })
      inOrder.offer(2)
      inOrder.offer(4)
      assert.deepStrictEqual(done, [])
      inOrder.open()
      assert.deepStrictEqual(done, [2, 4])
    }))

  it.effect("gives back what was not begun", () =>
    Effect.gen(function*() {
      const { done, inOrder, letGo } = yield* setUp()
      for (const n of [1, 2, 3, 4]) inOrder.offer(n)
      assert.strictEqual(inOrder.take((n) => n > 1), 2)
      assert.strictEqual(inOrder.take((n) => n === 1), undefined)
      assert.deepStrictEqual(inOrder.takeAll(), [3, 4])
      yield* letGo(1)
      assert.deepStrictEqual(done, [1])
    }))

  it.effect("leaves what comes after an interrupted item undone", () =>
    Effect.gen(function*() {
      const { done, inOrder, scope } = yield* setUp()
      for (const n of [1, 2]) inOrder.offer(n)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(0)
      inOrder.offer(4)
      assert.deepStrictEqual(done, [])
    }))

  it.effect("goes on after an item that dies", () =>
    Effect.gen(function*() {
      const done: Array<number> = []
      const inOrder = new InOrder<number>({
        scope: yield* Effect.scope,
        context: Context.empty(),
        act: (n) => n === 1 ? Effect.die("broken") : Effect.sync(() => done.push(n))
      })
      for (const n of [1, 2]) inOrder.offer(n)
      assert.deepStrictEqual(done, [2])
    }))
})
