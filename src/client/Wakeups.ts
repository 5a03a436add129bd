/**
 * The signals of a platform as one client sees them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { PlatformSignals, Signal } from "../PlatformSignals.ts"

/**
 * When the platform last said "wake", and whether it has suspended the client.
 *
 * @category models
 * @since 0.1.0
 */
export class Wakeups {
  /** When the last wake was, in monotonic nanoseconds. */
  last = 0n
  /** How many wakes there were. */
  count = 0
  private readonly clock: Clock.Clock
  private readonly woken = Latch.makeUnsafe(false)
  private readonly running = Latch.makeUnsafe(true)
  private readonly halted = Latch.makeUnsafe(false)
  private readonly listeners = new Set<() => void>()

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  get isSuspended(): boolean {
    return this.halted.isOpen()
  }

  /** Completes with the next wake. */
  get next(): Effect.Effect<void> {
    return this.woken.await
  }

  /** Completes, within the signal, when the client is suspended. */
  get suspended(): Effect.Effect<void> {
    return this.halted.await
  }

  /** Completes when the client is not suspended. */
  get resumed(): Effect.Effect<void> {
    return this.running.await
  }

  /** Calls a listener with each wake while the scope is open. */
  onWake(listener: () => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => this.listeners.add(listener)),
      () => Effect.sync(() => this.listeners.delete(listener))
    ))
  }

  /** Takes in a signal; those who wait for it go on within the call. */
  take(signal: Signal): void {
    if (signal === "suspend") {
      this.running.closeUnsafe()
      this.halted.openUnsafe()
      return
    }
    if (signal === "wake" && this.isSuspended) return
    this.count++
    this.last = this.clock.monotonicTimeNanosUnsafe()
    this.halted.closeUnsafe()
    this.running.openUnsafe()
    this.woken.openUnsafe()
    this.woken.closeUnsafe()
    for (const listener of this.listeners) listener()
  }
}

/**
 * Listens to a platform in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen: (signals: PlatformSignals) => Effect.Effect<Wakeups, never, Scope.Scope> = Effect.fnUntraced(
  function*(signals) {
    const wakeups = new Wakeups(yield* Clock.Clock)
    yield* signals.listen((signal) => wakeups.take(signal))
    return wakeups
  }
)

/**
 * Waits until a monotonic time in nanoseconds. If there were wakes after the first `seen`, it only waits until
 * `earliest`, which may have passed already.
 *
 * **Details**
 *
 * A wake is also a reason to look at the clock anew: timers may have stood still meanwhile, while time went on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sleepUntil = Effect.fnUntraced(function*(
  wakeups: Wakeups,
  options: { readonly end: bigint; readonly earliest: bigint; readonly seen: number }
): Effect.fn.Return<void> {
  while (true) {
    const end = wakeups.count > options.seen ? options.earliest : options.end
    const left = end - (yield* Clock.monotonicTimeNanos)
    if (left <= 0n) return
    yield* Effect.raceFirst(Effect.sleep(Duration.nanos(left)), wakeups.next)
  }
})
