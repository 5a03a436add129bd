/**
 * A stretch of an instance's life: what it has changed and what it has to say,
 * stored and let out together.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Changes, JournalEntry, StorageError, StoredAlarm, StoredState } from "../ActorStorage.ts"
import type { ConnectionRecord, Part } from "./ConnectionRecord.ts"

/**
 * A call that was answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly record: ConnectionRecord
  readonly call: number
  /** The frame that answered it. */
  readonly reply: string
}

/**
 * A segment that is not yet stored and let out.
 *
 * @category models
 * @since 0.1.0
 */
export class Segment {
  /** The state as it is at the end, if it has changed. */
  state: Effect.Effect<StoredState, StorageError> | undefined
  /** The records that have changed; `null` for those to remove. */
  readonly records = new Map<string, { readonly record: ConnectionRecord; readonly part: Part } | null>()
  readonly answers: Array<Answer> = []
  readonly alarms = new Map<string, StoredAlarm | null>()
  /** Whether the time of the next wake is written anew. */
  isRefresh = false
  /** What leaves once the segment is stored. */
  readonly emissions: Array<() => void> = []
  /** What to do instead if it never will be. */
  readonly dropped: Array<() => void> = []
  /** A turn that is going on. */
  isTurn = false
  /** The turn is over, and the answer to its call is to come. */
  isAwaited = false
  /** Nothing is added any more. */
  isSealed = false
  private isStored = false

  /** Whether it may be stored, or let out where there is nothing to store. */
  get isReady(): boolean {
    return !this.isTurn && !this.isAwaited
  }

  /** Whether there is something to store. */
  get isDirty(): boolean {
    return !this.isStored &&
      (this.state !== undefined || this.records.size > 0 || this.alarms.size > 0 || this.answers.length > 0 ||
        this.isRefresh)
  }

  markStored(): void {
    this.isStored = true
  }

  /** Completes when the segment has been let out, with `false` if it never will be. */
  get whenOut(): Effect.Effect<boolean> {
    const out = Deferred.makeUnsafe<boolean>()
    this.emissions.push(() => Deferred.doneUnsafe(out, Exit.succeed(true)))
    this.dropped.push(() => Deferred.doneUnsafe(out, Exit.succeed(false)))
    return Deferred.await(out)
  }
}

/**
 * The state as it is after several segments, oldest first, if any has changed it.
 *
 * @category getters
 * @since 0.1.0
 */
export const lastState = (segments: ReadonlyArray<Segment>): Segment["state"] =>
  Arr.findLast(segments, ({ state }) => Option.fromUndefinedOr(state)).pipe(Option.getOrUndefined)

/**
 * Puts the changes of several segments together, oldest first; `state` encodes what they have left of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fold = (segments: ReadonlyArray<Segment>, state: StoredState | undefined): Omit<Changes, "wakeAt"> => {
  const connections = new Map<string, string | null>()
  const touched = new Set<ConnectionRecord>()
  const alarms = new Map<string, StoredAlarm | null>()
  for (const segment of segments) {
    for (const [id, alarm] of segment.alarms) alarms.set(id, alarm)
    for (const [id, entry] of segment.records) {
      if (entry === null) {
        connections.set(id, null)
        continue
      }
      entry.record.folded = entry.part
      connections.set(id, entry.record.encode(entry.part))
      touched.add(entry.record)
    }
  }
  const answers = segments.flatMap((segment) => segment.answers).filter(({ record }) =>
    connections.get(record.id) !== null
  )
  for (const { call, record } of answers) {
    record.noteStored(call)
    touched.add(record)
  }
  return {
    connections,
    answered: answers.map(({ call, record, reply }): JournalEntry => ({ connection: record.id, call, reply })),
    alarms,
    trimmed: Array.from(touched).flatMap((record) => record.takeTrimmed()),
    ...(state === undefined ? {} : { state })
  }
}
