import { assert, describe, it } from "@effect/vitest"
import { WaitGraph } from "../../src/host/WaitGraph.ts"

describe("WaitGraph", () => {
  it("finds a call of an actor into itself", () => {
    assert.isTrue(new WaitGraph().closesCircle("a", "a"))
  })

  it("finds a circle over any number of actors", () => {
    const waits = new WaitGraph()
    waits.add("a", "b")
    waits.add("b", "c")
    assert.isTrue(waits.closesCircle("c", "a"))
    assert.isTrue(waits.closesCircle("b", "a"))
    assert.isFalse(waits.closesCircle("d", "a"))
    assert.isFalse(waits.closesCircle("a", "c"))
  })

  it("forgets a call that has ended, and not another one between the same actors", () => {
    const waits = new WaitGraph()
    const first = waits.add("a", "b")
    const second = waits.add("a", "b")
    first()
    assert.isTrue(waits.closesCircle("b", "a"))
    second()
    assert.isFalse(waits.closesCircle("b", "a"))
  })

  it("ends on a graph that has circles already", () => {
    const waits = new WaitGraph()
    waits.add("a", "b")
    waits.add("b", "a")
    assert.isFalse(waits.closesCircle("c", "a"))
  })
})
