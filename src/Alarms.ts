/**
 * Calls that an actor makes to itself at a later time, as the service
 * `Actor.Alarms`.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"

/**
 * What an alarm passes to its RPC: nothing where the RPC takes nothing.
 *
 * @category utility types
 * @since 0.1.0
 */
export type PayloadArgs<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: Rpc.PayloadConstructor<R>]
  : [payload: Rpc.PayloadConstructor<R>]

/**
 * An alarm that is set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Alarm {
  readonly id: string
  /** When it is due. */
  readonly at: DateTime.Utc
  /** The name of the internal RPC that it calls. */
  readonly rpc: string
}

/**
 * The alarms of one actor instance. Each calls one of the actor's internal RPCs when it is due.
 *
 * **Details**
 *
 * The alarms of a durable actor are stored, and wake it when it sleeps: each runs at least once, and its change of state
 * is committed once. An alarm is spent when its handler has ended, however it ended; a failure is logged. `set` and
 * `cancel` join the commit of the turn in which they are called. In an actor without storage they live as long as its
 * memory, which they keep alive.
 *
 * A handler that a crash has cut short runs again, on a state that knows nothing of its first run; so does one that
 * outlasts the `kickGrace` of a host that closes. With a `concurrency` above 1 and in `Rpc.fork` it finds what it had
 * changed by then.
 *
 * One that was due while no process was there runs when there is one again. A time that lies in the past is due at once.
 * Where the clock is set, or the machine sleeps, an alarm runs within a minute of its time by the clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Alarms<Internal extends Rpc.Any> {
  /**
   * Sets the alarm of this id, in the place of one that was set before. `at` is a moment: five minutes from now is
   * `DateTime.add(yield* DateTime.now, { minutes: 5 })`. Dies on a payload that does not encode.
   */
  readonly set: <Tag extends Internal["_tag"]>(
    id: string,
    at: DateTime.DateTime,
    rpc: Tag,
    ...payload: PayloadArgs<Rpc.ExtractTag<Internal, Tag>>
  ) => Effect.Effect<void>
  /** Takes the alarm of this id back; returns whether there was one that had not begun. */
  readonly cancel: (id: string) => Effect.Effect<boolean>
  /** The alarms that are set and have not begun, those due first at first. */
  readonly all: Effect.Effect<ReadonlyArray<Alarm>>
}
