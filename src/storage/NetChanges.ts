/**
 * What several commits of one load come to, for storages that write them as sets.
 *
 * @since 0.1.0
 */
import type { Changes, JournalEntry, StoredAlarm, StoredState } from "../ActorStorage.ts"

/**
 * The sum of commits that follow each other. Each row that it touches is either put or removed, never both.
 *
 * @category models
 * @since 0.1.0
 */
export class NetChanges {
  state: StoredState | undefined
  wakeAt: number | null | undefined
  readonly connections = new Map<string, string | null>()
  readonly answered = new Map<string, JournalEntry>()
  readonly trimmed = new Map<string, { readonly connection: string; readonly call: number }>()
  readonly alarms = new Map<string, StoredAlarm | null>()

  /**
   * Adds a later commit. Returns `false` and adds nothing where it needs what is here to be written first: it brings back
   * a connection whose calls are to be removed.
   */
  add(changes: Changes): boolean {
    if (this.bringsBack(changes)) return false
    if (changes.state !== undefined) this.state = changes.state
    if (changes.wakeAt !== undefined) this.wakeAt = changes.wakeAt
    for (const entry of changes.answered) {
      this.answered.set(keyOf(entry), entry)
      this.trimmed.delete(keyOf(entry))
    }
    for (const entry of changes.trimmed) {
      this.answered.delete(keyOf(entry))
      this.trimmed.set(keyOf(entry), entry)
    }
    for (const [connection, record] of changes.connections) {
      this.connections.set(connection, record)
      if (record === null) this.forgetCalls(connection)
    }
    for (const [alarm, stored] of changes.alarms) this.alarms.set(alarm, stored)
    return true
  }

  private bringsBack(changes: Changes): boolean {
    const removed = (connection: string) => this.connections.get(connection) === null
    return changes.answered.some(({ connection }) => removed(connection)) ||
      Array.from(changes.connections).some(([connection, record]) => record !== null && removed(connection))
  }

  private forgetCalls(connection: string): void {
    for (const calls of [this.answered, this.trimmed]) {
      for (const [key, entry] of calls) if (entry.connection === connection) calls.delete(key)
    }
  }
}

const keyOf = ({ call, connection }: { readonly connection: string; readonly call: number }): string =>
  `${call}:${connection}`
