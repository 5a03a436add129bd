/**
 * The calls that were made through the atoms of a client: each runs once and to its end, whoever still looks.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"

/**
 * A call that was made through the atoms and has not ended: it waits in the queue, or for its reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Pending<Rpcs extends Rpc.Any> = Rpcs extends Rpc.Rpc<
  infer Tag,
  infer _Payload,
  infer _Success,
  infer _Error,
  infer _Middleware,
  infer _Requires
> ? {
    /** Tells it from the others of the same client; a later one has a higher number. */
    readonly id: number
    /** The RPC that is called. */
    readonly tag: Tag
    readonly payload: Rpc.PayloadConstructor<Rpcs>
  }
  : never

/**
 * A call that has not ended, with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /** Tells it from the others of the same client; a later one has a higher number. */
  readonly id: number
  /** The RPC that is called. */
  readonly tag: string
  readonly payload: unknown
}

/**
 * Runs calls and knows which of them have not ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Commands {
  /** Oldest first. */
  readonly pending: SubscriptionRef.SubscriptionRef<ReadonlyArray<Command>>
  /** Runs a call in the scope of all and waits for it; who is interrupted only stops waiting. */
  readonly run: <A, E, R>(command: Omit<Command, "id">, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * Makes a place for calls in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Commands, never, Scope.Scope> = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const pending = yield* SubscriptionRef.make<ReadonlyArray<Command>>([])
  let nextId = 0

  const run: Commands["run"] = (command, call) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const id = nextId++
        yield* SubscriptionRef.update(pending, (commands) => [...commands, { id, ...command }])
        const fiber = yield* call.pipe(
          Effect.ensuring(SubscriptionRef.update(pending, (commands) => commands.filter((one) => one.id !== id))),
          Effect.forkIn(scope, { startImmediately: true })
        )
        return yield* restore(Fiber.join(fiber))
      })
    )
  return { pending, run }
})
