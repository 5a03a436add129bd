import { assert, describe, it } from "@effect/vitest"
import { CallQueue } from "../../src/client/CallQueue.ts"

const make = (...ids: ReadonlyArray<number>) => {
  const queue = new CallQueue<{ readonly id: number }>()
  for (const id of ids) queue.add({ id })
  return queue
}

const drain = (queue: CallQueue<{ readonly id: number }>) => {
  const ids: Array<number> = []
  for (let call = queue.take(); call !== undefined; call = queue.take()) ids.push(call.id)
  return ids
}

describe("a queue of calls", () => {
  it("gives them back in the order in which they came, without those that were taken out", () => {
    const queue = make(1, 2, 3, 4)

    assert.isTrue(queue.remove(3))
    assert.isFalse(queue.remove(3))

    assert.deepStrictEqual(queue.all.map(({ id }) => id), [1, 2, 4])
    assert.deepStrictEqual(drain(queue), [1, 2, 4])
    assert.strictEqual(queue.size, 0)
  })

  it("goes on after it was empty, whether its calls were taken one by one or all at once", () => {
    const queue = make()
    for (let round = 0; round < 100; round++) {
      assert.isUndefined(queue.take())
      for (let id = 0; id < round; id++) queue.add({ id })
      if (round % 3 === 0) assert.strictEqual(queue.takeAll().length, round)
      queue.add({ id: 7 })
      queue.add({ id: 1_000 })
      assert.isTrue(queue.remove(7))
      const first = round % 3 === 0 ? [] : Array.from({ length: round }, (_, id) => id).filter((id) => id !== 7)
      assert.deepStrictEqual(drain(queue), [...first, 1_000])
    }
  })

  it("gives back a call that was taken out and added again after those that came meanwhile", () => {
    const queue = make(1, 2)
    const call = queue.take()!
    queue.add({ id: 3 })
    queue.add(call)

    assert.deepStrictEqual(drain(queue), [2, 3, 1])
  })
})
