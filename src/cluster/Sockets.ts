/**
 * The sockets that this node has accepted, and how it sends them away.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
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
    const pause = Duration.divideUnsafe(Duration.fromInputUnsafe(options.window ?? "10 seconds"), all.length)
    for (const link of all) {
      if (!links.has(link)) continue
      yield* link.close(EndCode.rerouted, "the node leaves; dial another one")
      yield* link.abort
      yield* Effect.sleep(pause)
    }
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
