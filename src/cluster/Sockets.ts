/**
 * The sockets that this node has accepted, and how it sends them away.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Drain from "../host/Drain.ts"
import type { DrainOptions } from "../internal/actorHost.ts"
import * as EndCode from "../session/EndCode.ts"
import type { Link } from "../session/Link.ts"

/**
 * The sockets of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sockets {
  /** Keeps a socket among them while the scope is open. */
  readonly add: (link: Link) => Effect.Effect<void, never, Scope.Scope>
  readonly isDraining: () => boolean
  /** Closes all, evenly spread over the window; completes when all have ended. Their sessions go on through other nodes. */
  readonly drain: (options?: DrainOptions) => Effect.Effect<void>
}

const sendAway = (link: Link): Effect.Effect<void> =>
  Effect.andThen(link.close(EndCode.rerouted, "the node leaves; dial another one"), link.abort)

/**
 * Makes the set of sockets, empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Sockets => {
  const links = new Set<Link>()
  let isDraining = false

  const drain = Effect.fnUntraced(function*(options: DrainOptions = {}): Effect.fn.Return<void> {
    isDraining = true
    const all = Array.from(links)
    yield* Effect.logInfo(`draining ${all.length} sockets`)
    const pause = Duration.divideUnsafe(Duration.fromInputUnsafe(options.window ?? Drain.defaults.window), all.length)
    yield* Effect.forEach(
      all,
      (link) => links.has(link) ? Effect.andThen(sendAway(link), Effect.sleep(pause)) : Effect.void,
      { discard: true }
    ).pipe(
      // Servers close in finalizers, which nothing interrupts.
      Effect.interruptible,
      Effect.timeoutOrElse({
        duration: options.limit ?? Drain.defaults.limit,
        orElse: () => Effect.forEach(all, (link) => link.abort, { discard: true })
      })
    )
  })
  return {
    add: (link) =>
      Effect.acquireRelease(
        Effect.sync(() => links.add(link)),
        () => Effect.sync(() => links.delete(link))
      ),
    isDraining: () => isDraining,
    drain
  }
}
