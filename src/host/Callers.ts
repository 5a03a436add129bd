/**
 * The turns that wait for the calls of other nodes: a call that would wait for itself is found here too.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { CallError } from "../CallError.ts"
import type { WireTurn } from "../session/Frame.ts"
import * as InternalCalls from "./InternalCalls.ts"
import type { ServerCall } from "./ServerCall.ts"
import { CallChain } from "./Turn.ts"
import { type HeldTurn, release, WaitGraph } from "./WaitGraph.ts"

/**
 * What a node knows of turns, its own and those of others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turns {
  readonly waits: WaitGraph
  readonly chains: {
    /** The chain of a call that has come in; what stands for it is kept until `forget`. */
    readonly fromWire: (chain: ReadonlyArray<WireTurn>) => ReadonlyArray<HeldTurn>
    readonly forget: (chain: ReadonlyArray<WireTurn>) => void
    /** A node says that one of its turns was given back. */
    readonly release: (turn: string) => void
  }
}

/**
 * The turns of a host that no other node calls.
 *
 * @category constants
 * @since 0.1.0
 */
export const noTurns: Turns = {
  waits: new WaitGraph(),
  chains: { fromWire: () => [], forget: () => {}, release: () => {} }
}

interface Options {
  /** The instance, as `type/key`. */
  readonly address: string
  /** Whether it takes turns at all. */
  readonly waitsForTurn: boolean
  /** Called when a session has no calls any more. */
  readonly onIdle: () => void
}

/**
 * Notes who waits for the calls of other nodes to one instance.
 *
 * @category models
 * @since 0.1.0
 */
export class Callers {
  private readonly turns: Turns
  private readonly options: Options

  constructor(turns: Turns, options: Options) {
    this.turns = turns
    this.options = options
  }

  /** A session has no calls any more. */
  rest(): void {
    this.options.onIdle()
  }

  /** Notes the turns that wait for a call until it is settled; returns the failure of one that would wait for itself. */
  enter(call: ServerCall, wire: ReadonlyArray<WireTurn>): CallError | undefined {
    if (wire.length === 0) return undefined
    const { chains, waits } = this.turns
    const chain = chains.fromWire(wire)
    const leaves = [() => chains.forget(wire)]
    call.chain = chain
    call.onSettled = () => {
      call.onSettled = undefined
      call.chain = undefined
      for (const leave of leaves) leave()
    }
    const { address, waitsForTurn } = this.options
    if (!waitsForTurn) return undefined
    for (let i = 1; i < chain.length; i++) leaves.push(waits.add(chain[i - 1]!, chain[i]!.address))
    const caller = chain.at(-1)!
    if (waits.closesCircle(caller, address)) return InternalCalls.cycle(chain, address)
    leaves.push(waits.add(caller, address))
    return undefined
  }

  /** A node says that one of its turns was given back. */
  release(turn: string): void {
    this.turns.chains.release(turn)
  }
}

/**
 * Takes the turn that made a call for given back: nothing is heard of its node any more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const giveUp = (call: ServerCall): void => {
  const caller = call.chain?.at(-1)
  call.onSettled?.()
  if (caller !== undefined) release(caller)
}

/**
 * Puts the turns that wait for a call before those of its handler. Nobody waits any more for one that was answered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withChain = (
  call: ServerCall | undefined,
  context: Context.Context<never>
): Context.Context<never> =>
  call?.chain === undefined
    ? context
    : Context.add(context, CallChain, [...call.chain, ...Context.get(context, CallChain)])
