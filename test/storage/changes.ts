/**
 * What tests store.
 *
 * @since 0.1.0
 */
import type { ActorStorage } from "../../src/index.ts"

/** The changes that a test names, and none besides. */
export const changes = (some: {
  readonly state?: string | ActorStorage.StoredState
  readonly connections?: Record<string, string | null> | ReadonlyMap<string, string | null>
  readonly answered?: ReadonlyArray<readonly [connection: string, call: number, reply: string]>
  readonly trimmed?: ReadonlyArray<readonly [connection: string, call: number]>
  readonly alarms?: ReadonlyArray<ActorStorage.StoredAlarm | string>
  readonly wakeAt?: number | null
}): ActorStorage.Changes => ({
  ...(some.state !== undefined && {
    state: typeof some.state === "string" ? { version: 1, value: some.state } : some.state
  }),
  connections: some.connections instanceof Map ? some.connections : new Map(Object.entries(some.connections ?? {})),
  answered: (some.answered ?? []).map(([connection, call, reply]) => ({ connection, call, reply })),
  trimmed: (some.trimmed ?? []).map(([connection, call]) => ({ connection, call })),
  alarms: new Map(
    (some.alarms ?? []).map((alarm) => typeof alarm === "string" ? [alarm, null] : [alarm.id, alarm])
  ),
  ...(some.wakeAt !== undefined && { wakeAt: some.wakeAt })
})

export const room = (key: string): ActorStorage.Address => ({ type: "Room", key })
