/**
 * Wakes the instances of a durable actor: those with an alarm that is due, and
 * those whose process has gone while they had connections.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { ActorStorage } from "../ActorStorage.ts"
import type { ActorUnavailable } from "../CallError.ts"
import type { Registration } from "../internal/actorHost.ts"

/** How many instances are looked up at once, and how many are started side by side. */
const batch = 256
const parallel = 16

/** The pauses between questions to storage, in milliseconds: while there is nothing to do, while there is, and the least. */
const defaultPause = 60_000
const busyPause = 1_000
const leastPause = 50

/**
 * Asks storage for the instances to wake while the current scope is open.
 *
 * **Details**
 *
 * A live instance runs its alarms itself. One that went to sleep says when it is to be woken, and the pause ends then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function*(
  registration: Registration,
  { asleep, isOwn = () => true, longestPause = defaultPause, wake: wakeInstance }: {
    /** Starts the instance under a key, wherever it is to live. */
    readonly wake: (key: string) => Effect.Effect<void, ActorUnavailable>
    /** Opened when an instance has gone to sleep. */
    readonly asleep: Latch.Latch
    /** Whether the instance under a key is this host's to wake. Default: all are. */
    readonly isOwn?: ((key: string) => boolean) | undefined
    /** How often storage is asked at least, in milliseconds. Default: a minute. */
    readonly longestPause?: number | undefined
  }
): Effect.fn.Return<void, never, Scope.Scope> {
  const { type } = registration.actor
  const storage = Context.getUnsafe(registration.context as Context.Context<any>, ActorStorage)
  // Instances that could not be started: they are not to keep others from being woken.
  const failing = new Set<string>()

  const wake = (key: string): Effect.Effect<void> =>
    wakeInstance(key).pipe(
      Effect.matchCauseEffect({
        onSuccess: () => Effect.sync(() => failing.delete(key)),
        onFailure: (cause) =>
          Effect.suspend(() => {
            const isNew = !failing.has(key)
            failing.add(key)
            return isNew
              ? Effect.annotateLogs(Effect.logError("an actor could not be woken", cause), { actor: type, key })
              : Effect.void
          })
      }),
      Effect.asVoid
    )

  const round = Effect.gen(function*() {
    const wakes = yield* storage.wakes(type, batch + failing.size)
    const now = yield* Clock.currentTimeMillis
    const due = wakes.filter(({ at, key }) => at <= now && isOwn(key))
    yield* Effect.forEach(due, ({ key }) => wake(key), { concurrency: parallel, discard: true })
    const next = wakes.find(({ at }) => at > now)
    const pause = due.length > 0 ? busyPause : next === undefined ? longestPause : next.at - now
    return Math.min(pause, longestPause)
  }).pipe(
    Effect.catch((error) => Effect.as(Effect.logError("storage cannot tell which actors to wake", error), longestPause))
  )
  const rounds = Effect.gen(function*() {
    asleep.closeUnsafe()
    const pause = yield* round
    yield* Effect.sleep(Math.min(pause, leastPause))
    yield* Effect.timeoutOption(asleep.await, Math.max(0, pause - leastPause))
  })
  yield* rounds.pipe(Effect.forever, Effect.forkScoped)
})
