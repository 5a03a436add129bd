/**
 * The options of `toLayer`: how a host runs an actor, and what is stored of it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

/**
 * How a host runs the instances of an actor.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions {
  /**
   * How many handlers of one instance run at a time. Streaming RPCs and `Rpc.fork` run beside and don't count.
   * Default: 1.
   */
  readonly concurrency?: number | "unbounded" | undefined
  /** How long an instance stays without connections and calls before it stops. Default: 1 minute. */
  readonly maxIdleTime?: Duration.Input | undefined
}

/**
 * When what an actor has changed is stored.
 *
 * **Details**
 *
 * `"commit"`: before anybody hears of it. State, connection states, alarms and the reply of a call are one commit, and all
 * that the actor emits leaves after every earlier one. After a crash nothing that was answered is lost, and a call that is
 * sent again is answered without running again. That holds for handlers that take turns, with `concurrency: 1`; those that
 * run beside others (`Rpc.fork`, streams, another `concurrency`) run at most once.
 *
 * `{ interval }`: every so often, and when the actor stops. Answers leave at once, so that a crash takes back up to an
 * interval of what was answered: for state that changes many times a second and may be a little old.
 *
 * @category models
 * @since 0.1.0
 */
export type Durability = "commit" | { readonly interval: Duration.Input }

/**
 * How an actor outlives its process.
 *
 * @category models
 * @since 0.1.0
 */
export interface DurableOptions<out D extends Durability | undefined, in out RM> extends LayerOptions {
  /**
   * Stores the state, the connections and the alarms of each instance in the `ActorStorage`. The state is stored as a
   * whole at each commit: keep it to tens of kilobytes. Default: none, they live in memory.
   */
  readonly durability?: D
  /** The version of the state's schema; raise it when stored states of before don't decode any more. Default: 1. */
  readonly version?: number | undefined
  /**
   * Turns the encoded state of another version into one of this version. Without it a state that doesn't decode keeps its
   * instance from starting; nothing is overwritten. Default: none.
   */
  readonly migrate?: ((encoded: unknown, from: number) => Effect.Effect<unknown, unknown, RM>) | undefined
}
