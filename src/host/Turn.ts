/**
 * Whose turn it is in an actor: unary handlers and hooks run one at a time.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { CallKey, Commits } from "./Commits.ts"
import { type HeldTurn, release } from "./WaitGraph.ts"

/**
 * The turns that led to the current fiber, outermost first: a call that waits
 * for one of them would wait for ever.
 *
 * @category references
 * @since 0.1.0
 */
export const CallChain = Context.Reference<ReadonlyArray<HeldTurn>>("effect-tether/host/CallChain", {
  defaultValue: () => []
})

/**
 * Gives out the turns of one actor instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  /** Runs an effect when it is its turn; turns are given in the order of asking. */
  readonly take: <A, E, R>(effect: Effect.Effect<A, E, R>, call?: CallKey) => Effect.Effect<A, E, R>
}

/**
 * Makes the turns of an actor; `concurrency` is how many run at once. What a
 * turn changes becomes one commit where turns run one at a time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (address: string, concurrency: number | "unbounded", commits?: Commits): Turn => {
  if (concurrency === "unbounded") return { take: (effect) => effect }
  const semaphore = Semaphore.makeUnsafe(concurrency)
  const isOneCommit = concurrency === 1 && commits !== undefined
  return {
    take: (effect, call) =>
      semaphore.withPermit(Effect.suspend(() => {
        const turn: HeldTurn = { address, isHeld: true }
        const run = isOneCommit ? commits.turn(effect, call) : effect
        return Effect.updateService(run, CallChain, (chain) => [...chain, turn]).pipe(
          Effect.ensuring(Effect.sync(() => release(turn)))
        )
      }))
  }
}

/**
 * A handler of an RPC, as `RpcServer` calls it.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (payload: any, options: any) => Rpc.WrapperOr<object>

/**
 * What goes with each run of a handler; `options` is what `RpcServer` gives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Around {
  /**
   * Adds what this call has beside the services of the actor. Not given to `RpcServer` with the call: it merges and keeps
   * the services of each caller that differ.
   */
  readonly services: (options: any) => (context: Context.Context<never>) => Context.Context<never>
  /** Runs when the handler begins. */
  readonly onStart: (options: any, beside: boolean) => Effect.Effect<void>
}

const isErasedStream = (u: unknown): u is Stream.Stream<unknown, unknown> => Stream.isStream(u)

/**
 * Makes a unary handler wait for its turn, and does what is to be done when it
 * starts. Streams and handlers wrapped in `Rpc.fork` run beside the turns.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrapHandler =
  (turn: Turn, handler: Handler, { onStart, services }: Around): Handler => (payload, options) => {
    const result = handler(payload, options)
    const unwrapped: unknown = Rpc.unwrap(result)
    if (isErasedStream(unwrapped)) {
      return Rpc.wrapMap(
        result,
        () =>
          Stream.updateContext(
            Stream.onStart(unwrapped, onStart(options, true)),
            services(options)
          )
      )
    }
    const beside = RpcSchema.isStreamSchema(options.rpc.successSchema) || (Rpc.isWrapper(result) && result.fork)
    const run = Effect.andThen(
      onStart(options, beside),
      Effect.updateContext(unwrapped as Effect.Effect<unknown, unknown>, services(options))
    )
    const call: CallKey = { client: options.client.id, request: options.requestId }
    return Rpc.wrapMap(result, () => beside ? run : turn.take(run, call))
  }
