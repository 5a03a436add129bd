import { assert, describe, it } from "@effect/vitest"
import { type HeldTurn, WaitGraph } from "../../src/host/WaitGraph.ts"

const turn = (address: string): HeldTurn => ({ address, isHeld: true })

describe("WaitGraph", () => {
  it("finds a call of an actor into itself", () => {
    assert.isTrue(new WaitGraph().closesCircle(turn("a"), "a"))
  })

  it("finds a circle over any number of actors", () => {
    const waits = new WaitGraph()
    waits.add(turn("a"), "b")
    waits.add(turn("b"), "c")
    assert.isTrue(waits.closesCircle(turn("c"), "a"))
    assert.isTrue(waits.closesCircle(turn("b"), "a"))
    assert.isFalse(waits.closesCircle(turn("d"), "a"))
    assert.isFalse(waits.closesCircle(turn("a"), "c"))
  })

  it("forgets a call that has ended, and not another one between the same actors", () => {
    const waits = new WaitGraph()
    const first = waits.add(turn("a"), "b")
    const second = waits.add(turn("a"), "b")
    first()
    assert.isTrue(waits.closesCircle(turn("b"), "a"))
    second()
    assert.isFalse(waits.closesCircle(turn("b"), "a"))
  })

  it("minds no turn that was given back, be it of the caller or on the way", () => {
    const waits = new WaitGraph()
    assert.isFalse(waits.closesCircle({ address: "a", isHeld: false }, "a"))
    const given = turn("a")
    waits.add(given, "b")
    given.isHeld = false
    assert.isFalse(waits.closesCircle(turn("b"), "a"))
  })

  it("ends on a graph that has circles already", () => {
    const waits = new WaitGraph()
    waits.add(turn("a"), "b")
    waits.add(turn("b"), "a")
    assert.isFalse(waits.closesCircle(turn("c"), "a"))
  })
})
