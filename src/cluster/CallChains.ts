/**
 * The chains of calls that go from node to node: which actors wait for the
 * answer, and whether they still do.
 *
 * @since 0.1.0
 */
import { type HeldTurn, release } from "../host/WaitGraph.ts"
import type { WireTurn } from "../session/Frame.ts"

/**
 * The turns that this node has told others of, and those that others have told
 * it of.
 *
 * **Details**
 *
 * A turn has one name in the whole cluster. Where it comes back to the node that
 * holds it, the turn itself is found again, so that nobody is held to wait who
 * has answered long ago; elsewhere a copy stands for it, which is given back when
 * the node that told of it says so.
 *
 * @category models
 * @since 0.1.0
 */
export class CallChains {
  private readonly node: string
  private readonly names = new WeakMap<HeldTurn, string>()
  private readonly own = new Map<string, HeldTurn>()
  private readonly foreign = new Map<string, { readonly turn: HeldTurn; uses: number }>()
  private count = 0

  /** `node` tells the names of this node from those of all others. */
  constructor(node: string) {
    this.node = node
  }

  /** A chain as it travels. */
  toWire(chain: ReadonlyArray<HeldTurn>): ReadonlyArray<WireTurn> {
    return chain.map((turn) => [turn.address, turn.isHeld ? this.name(turn) : ""])
  }

  /** The chain of a call that has come in; its copies are kept until `forget`. */
  fromWire(chain: ReadonlyArray<WireTurn>): ReadonlyArray<HeldTurn> {
    return chain.map(([address, name]): HeldTurn => {
      if (name === "") return { address, isHeld: false }
      if (name.startsWith(`${this.node}/`)) return this.own.get(name) ?? { address, isHeld: false }
      const known = this.foreign.get(name) ?? { turn: { address, isHeld: true }, uses: 0 }
      this.foreign.set(name, known)
      this.names.set(known.turn, name)
      known.uses++
      return known.turn
    })
  }

  /** The call of a chain is settled. */
  forget(chain: ReadonlyArray<WireTurn>): void {
    for (const [, name] of chain) {
      const known = this.foreign.get(name)
      if (known !== undefined && --known.uses === 0) this.foreign.delete(name)
    }
  }

  /** Another node says that a turn was given back. */
  release(name: string): void {
    const known = this.foreign.get(name)
    if (known !== undefined) release(known.turn)
  }

  private name(turn: HeldTurn): string {
    const known = this.names.get(turn)
    if (known !== undefined) return known
    const name = `${this.node}/${++this.count}`
    this.names.set(turn, name)
    this.own.set(name, turn)
    turn.onRelease ??= new Set()
    turn.onRelease.add(() => this.own.delete(name))
    return name
  }
}
