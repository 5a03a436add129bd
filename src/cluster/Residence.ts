/**
 * Whether an entity is in use on this node, and what is done when it has to go.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"

/**
 * The stay of an entity on this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Residence {
  /** Keeps the entity from being put to sleep while the scope is open. */
  readonly occupy: Effect.Effect<void, never, Scope.Scope>
  /** Runs in the request that keeps the entity; its interruption is how the entity learns that it has to go. */
  readonly held: (hold: number) => Effect.Effect<void>
  /** Whether the entity has to go: nothing starts here any more. */
  readonly isLeft: () => boolean
}

/**
 * Makes the stay, which ends with the current scope at the latest. `hold`
 * sends the entity a request whose handler is `held`; `leave` ends everything
 * that goes on in the entity, and runs once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly hold: (hold: number) => Effect.Effect<void>
  readonly leave: Effect.Effect<void>
}): Effect.fn.Return<Residence, never, Scope.Scope> {
  const scope = yield* Effect.scope
  let users = 0
  let isLeft = false
  // Tells the request that is meant from one that was given up a moment ago.
  let hold = 0

  const leave = yield* Effect.cached(Effect.suspend(() => {
    isLeft = true
    return options.leave
  }))
  yield* Effect.addFinalizer(() => leave)
  const holding = yield* FiberHandle.make()
  const startLeaving = leave.pipe(
    Effect.uninterruptible,
    Effect.forkIn(scope, { startImmediately: true }),
    Effect.asVoid
  )
  const leaveIf = (isMeant: () => boolean) => Effect.suspend(() => isMeant() && !isLeft ? startLeaving : Effect.void)

  const start = Effect.suspend(() => {
    const current = ++hold
    // Ends by itself only where the entity cannot be kept: then it is elsewhere already, or about to go.
    return FiberHandle.run(
      holding,
      Effect.andThen(options.hold(current), leaveIf(() => hold === current && users > 0))
    )
  })
  const release = Effect.suspend(() => {
    if (--users > 0) return Effect.void
    hold++
    return FiberHandle.clear(holding)
  })

  return {
    occupy: Effect.uninterruptible(Effect.suspend(() => {
      users++
      return Effect.andThen(Effect.addFinalizer(() => release), users === 1 && !isLeft ? start : Effect.void)
    })),
    held: (current) => Effect.onInterrupt(Effect.never, () => leaveIf(() => hold === current)),
    isLeft: () => isLeft
  }
})
