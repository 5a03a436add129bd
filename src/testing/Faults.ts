/**
 * What a test can do to an in-memory network and to each of its links.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * One of the two ways of a link: the uplink carries what the client writes, the downlink what the server writes.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "uplink" | "downlink"

/**
 * The faults that a link and a whole network have in common.
 *
 * **Details**
 *
 * A message is on its way from its write until it arrives at the other end, where a pull reads it. Without latency and
 * faults it arrives with the write. What has arrived is always read, also by a pull after the link has died.
 *
 * On a network each fault applies to all live links. `latency`, `stall` and `cutAfter` also apply to the links dialled
 * later, until `heal`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faults {
  /**
   * Kills the link at once on both ends: what is on its way is lost, pulls fail with close code 1006 and so do writes.
   */
  readonly cut: Effect.Effect<void>
  /**
   * Holds everything that is on its way or written later, in both directions, closes included; neither end notices.
   * Only `cut` passes.
   */
  readonly freeze: Effect.Effect<void>
  /**
   * As `freeze`, for what the client sends only: a half-open path.
   */
  readonly freezeUplink: Effect.Effect<void>
  /**
   * As `freeze`, for what the server sends only: a half-open path.
   */
  readonly freezeDownlink: Effect.Effect<void>
  /**
   * Stops the client's reader: its pulls wait, also for what has arrived already, and messages pile up on the server's
   * side of it.
   */
  readonly stall: Effect.Effect<void>
  /**
   * Sets the time that a message written from now on takes in either direction (default 0).
   *
   * **Details**
   *
   * Order is kept: after a change to a shorter latency a message still waits for those before it. What is on its way
   * keeps the time that it started with.
   */
  readonly latency: (duration: Duration.Input) => Effect.Effect<void>
  /**
   * Cuts right after `messages` more messages have arrived, counted in both directions or in the given one.
   *
   * **Details**
   *
   * The last of them is still read. On a network the messages of all links count together, and all links are cut. 0
   * cuts at once. A later `cutAfter` replaces an earlier one.
   */
  readonly cutAfter: (messages: number, direction?: Direction) => Effect.Effect<void>
  /**
   * Ends every fault: delivers in order what was held and has had its time, resumes stalled readers, sets the latency
   * to 0 and forgets a pending `cutAfter`. A dead link stays dead.
   */
  readonly heal: Effect.Effect<void>
}

/**
 * A live link: one socket of a client and its counterpart on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link extends Faults {
  /**
   * The number of the dial that opened the link, from 1 on.
   */
  readonly id: number
}

/**
 * A network whose links a test can count and hurt, all together or one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network extends Faults {
  /**
   * As for a link; dials hang too, until `heal` lets them pass. So they do when only one direction is frozen.
   */
  readonly freeze: Effect.Effect<void>
  /**
   * Makes dials fail with a `SocketOpenError` until `heal`. Those that hang in a frozen network fail too. Live links
   * stay.
   */
  readonly refuse: Effect.Effect<void>
  /**
   * The live links, oldest first. A link is live until both of its ends have ended: one that a client gave up in a
   * frozen network lives on for the server.
   */
  readonly links: Effect.Effect<ReadonlyArray<Link>>
  /**
   * The number of live links.
   */
  readonly live: Effect.Effect<number>
  /**
   * The number of dials so far, refused and hanging ones included.
   */
  readonly dials: Effect.Effect<number>
  /**
   * When each dial began, oldest first, in milliseconds of the `Clock`.
   */
  readonly dialTimes: Effect.Effect<ReadonlyArray<number>>
}

/**
 * The synchronous form of `Faults`: each takes effect in one step, so no fiber sees a fault half done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controls {
  readonly cut: () => void
  readonly freeze: (direction?: Direction) => void
  readonly stall: () => void
  readonly delay: (duration: Duration.Input) => void
  readonly cutAfter: (messages: number, direction?: Direction) => void
  readonly heal: () => void
}

/**
 * Wraps controls as effects.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromControls = (controls: Controls): Faults => ({
  cut: Effect.sync(controls.cut),
  freeze: Effect.sync(() => controls.freeze()),
  freezeUplink: Effect.sync(() => controls.freeze("uplink")),
  freezeDownlink: Effect.sync(() => controls.freeze("downlink")),
  stall: Effect.sync(controls.stall),
  latency: (duration) => Effect.sync(() => controls.delay(duration)),
  cutAfter: (messages, direction) => Effect.sync(() => controls.cutAfter(messages, direction)),
  heal: Effect.sync(controls.heal)
})
