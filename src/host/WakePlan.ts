/**
 * When an instance is to be woken if it is not live then.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Changes, StoredAlarm } from "../ActorStorage.ts"

/** How long after its last commit an instance with connections is looked after if its process is gone. */
const leastHorizon = Duration.minutes(5)

/**
 * Follows what is stored of an instance: its alarms wake it on time; one with
 * connections is looked after some time after its last sign of life.
 *
 * @category models
 * @since 0.1.0
 */
export class WakePlan {
  /** The connections and alarms that are stored, as of the last commit that was made. */
  private readonly recorded: Set<string>
  private readonly alarms: Map<string, number>
  private readonly horizon: number
  private planned: number | null | undefined

  constructor(options: {
    /** The ids of the connections that are recorded. */
    readonly recorded: Iterable<string>
    readonly alarms: Iterable<StoredAlarm>
    readonly resumeWindow: Duration.Duration
  }) {
    this.recorded = new Set(options.recorded)
    this.alarms = new Map(Array.from(options.alarms, ({ at, id }) => [id, at]))
    this.horizon = Math.max(Duration.toMillis(options.resumeWindow), Duration.toMillis(leastHorizon))
  }

  /**
   * Takes note of changes that are about to be stored, and says what is to be stored with them. `isForced` has the time
   * written anew though the one that was written before would do.
   */
  next(changes: Pick<Changes, "connections" | "alarms">, now: number, isForced: boolean): Pick<Changes, "wakeAt"> {
    for (const [id, record] of changes.connections) {
      if (record === null) this.recorded.delete(id)
      else this.recorded.add(id)
    }
    for (const [id, alarm] of changes.alarms) {
      if (alarm === null) this.alarms.delete(id)
      else this.alarms.set(id, alarm.at)
    }
    let next: number | null = this.recorded.size > 0 ? now + this.horizon : null
    for (const at of this.alarms.values()) next = next === null ? at : Math.min(next, at)
    if (!isForced && changes.alarms.size === 0 && this.isGood(next, now)) return {}
    this.planned = next
    return { wakeAt: next }
  }

  /** Whether what was planned before does as well, so that a busy instance does not write it with every commit. */
  private isGood(next: number | null, now: number): boolean {
    const { planned } = this
    if (planned === next) return true
    return this.recorded.size > 0 && typeof planned === "number" && next !== null && planned <= next &&
      planned > now + this.horizon / 2
  }
}
