import { assert, describe, it } from "@effect/vitest"
import { CallChains } from "../../src/cluster/CallChains.ts"
import { type HeldTurn, release } from "../../src/host/WaitGraph.ts"

const hold = (address: string): HeldTurn => ({ address, isHeld: true })

describe("the turns of a chain of calls", () => {
  it("are found again where they are held", () => {
    const one = new CallChains("one")
    const two = new CallChains("two")
    const turn = hold("Room/a")
    const back = one.fromWire(two.toWire(two.fromWire(one.toWire([turn]))))
    assert.strictEqual(back[0], turn)
  })

  it("are released where they come back to, though nobody was told yet", () => {
    const one = new CallChains("one")
    const two = new CallChains("two")
    const turn = hold("Room/a")
    const abroad = two.fromWire(one.toWire([turn]))
    release(turn)
    assert.isTrue(abroad[0]!.isHeld)
    assert.deepStrictEqual(one.fromWire(two.toWire(abroad)), [{ address: "Room/a", isHeld: false }])
  })

  it("are one turn on another node, however many calls tell of it, until that is told of its release", () => {
    const one = new CallChains("one")
    const two = new CallChains("two")
    const wire = one.toWire([hold("Room/a")])
    const [first] = two.fromWire(wire)
    const [second] = two.fromWire(wire)
    assert.strictEqual(first, second)
    let told = 0
    first!.onRelease = new Set([() => told++])
    two.release(wire[0]![1])
    assert.isFalse(first!.isHeld)
    assert.strictEqual(told, 1)
    assert.deepStrictEqual(two.toWire([first!]), [["Room/a", ""]])
  })

  it("are forgotten on another node with the last call that told of them", () => {
    const one = new CallChains("one")
    const two = new CallChains("two")
    const wire = one.toWire([hold("Room/a")])
    const [copy] = two.fromWire(wire)
    two.fromWire(wire)
    two.forget(wire)
    assert.strictEqual(two.fromWire(wire)[0], copy)
    two.forget(wire)
    two.forget(wire)
    assert.notStrictEqual(two.fromWire(wire)[0], copy)
  })

  it("that were given back travel as such", () => {
    const turn = hold("Room/a")
    release(turn)
    const one = new CallChains("one")
    assert.deepStrictEqual(one.toWire([turn]), [["Room/a", ""]])
  })
})
