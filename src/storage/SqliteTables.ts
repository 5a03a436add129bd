/// <reference types="node" />
/**
 * Instances in the tables of a SQLite database.
 *
 * @since 0.1.0
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite"
import type { Address, Changes, Stored, StoredState, Wake } from "../ActorStorage.ts"
import * as SafeText from "./SafeText.ts"

/**
 * Reads and changes instances. All of it is synchronous and throws what SQLite throws.
 *
 * @category models
 * @since 0.1.0
 */
export class SqliteTables {
  private readonly database: DatabaseSync
  private readonly statements: ReturnType<typeof prepare>

  constructor(database: DatabaseSync) {
    this.database = database
    this.statements = prepare(database)
  }

  read({ key, type }: Address): Omit<Stored, "fence"> {
    const { alarms, connections, instance, journal } = this.statements
    const found = instance.get(SafeText.encode(type), SafeText.encode(key))
    if (found === undefined) return { state: undefined, connections: new Map(), journal: [], alarms: [] }
    const id = found["id"]!
    return {
      state: stateOf(found),
      connections: new Map(connections.all(id).map((row) => [name(row["id"]), String(row["record"])])),
      journal: journal.all(id).map((row) => ({
        connection: name(row["connection"]),
        call: Number(row["call"]),
        reply: String(row["reply"])
      })),
      alarms: alarms.all(id).map((row) => ({
        id: name(row["id"]),
        at: Number(row["at"]),
        rpc: name(row["rpc"]),
        payload: String(row["payload"])
      }))
    }
  }

  wakes(type: string, limit: number): ReadonlyArray<Wake> {
    return this.statements.wakes.all(SafeText.encode(type), limit).map((row) => ({
      type,
      key: name(row["key"]),
      at: Number(row["wake_at"])
    }))
  }

  /** Makes all changes in one transaction; where it throws, `rollback` has to follow. */
  write(commits: ReadonlyArray<{ readonly address: Address; readonly changes: Changes }>): void {
    this.database.exec("BEGIN IMMEDIATE")
    for (const { address, changes } of commits) this.apply(address, changes)
    this.database.exec("COMMIT")
  }

  /** Takes back a transaction that is still open: some failures have ended it already. */
  rollback(): void {
    if (this.database.isTransaction) this.database.exec("ROLLBACK")
  }

  private apply(address: Address, changes: Changes): void {
    const statements = this.statements
    const id = this.idOf(SafeText.encode(address.type), SafeText.encode(address.key), changes.state)
    let removes = false
    for (const { call, connection, reply } of changes.answered) {
      statements.answer.run(id, SafeText.encode(connection), call, reply)
    }
    for (const { call, connection } of changes.trimmed) {
      removes = true
      statements.trim.run(id, SafeText.encode(connection), call)
    }
    for (const [connection, record] of changes.connections) {
      if (record !== null) statements.putConnection.run(id, SafeText.encode(connection), record)
      else {
        removes = true
        statements.removeConnection.run(id, SafeText.encode(connection))
        statements.removeCalls.run(id, SafeText.encode(connection))
      }
    }
    for (const [alarm, stored] of changes.alarms) {
      if (stored !== null) {
        statements.putAlarm.run(id, SafeText.encode(alarm), stored.at, SafeText.encode(stored.rpc), stored.payload)
      } else {
        removes = true
        statements.removeAlarm.run(id, SafeText.encode(alarm))
      }
    }
    if (changes.wakeAt !== undefined) statements.wake.run(changes.wakeAt, id)
    if (removes || changes.wakeAt === null) statements.removeEmpty.run(id)
  }

  private idOf(type: string, key: string, state: StoredState | undefined): SQLOutputValue {
    const row = state === undefined
      ? this.statements.id.get(type, key) ?? this.statements.insert.get(type, key)
      : this.statements.putState.get(type, key, state.version, state.value)
    return row!["id"]!
  }
}

const name = (value: SQLOutputValue | undefined): string => SafeText.decode(String(value))

const stateOf = (row: Record<string, SQLOutputValue>): StoredState | undefined =>
  row["state"] === null ? undefined : { version: Number(row["state_version"]), value: String(row["state"]) }

const prepare = (database: DatabaseSync) => {
  const sql = (text: string): StatementSync => database.prepare(text)
  return {
    instance: sql("SELECT id, state_version, state FROM instance WHERE type = ? AND key = ?"),
    connections: sql("SELECT id, record FROM connection WHERE instance = ?"),
    journal: sql("SELECT connection, call, reply FROM journal WHERE instance = ? ORDER BY connection, call"),
    alarms: sql("SELECT id, at, rpc, payload FROM alarm WHERE instance = ? ORDER BY at"),
    wakes: sql("SELECT key, wake_at FROM instance WHERE type = ? AND wake_at IS NOT NULL ORDER BY wake_at LIMIT ?"),
    id: sql("SELECT id FROM instance WHERE type = ? AND key = ?"),
    insert: sql("INSERT INTO instance (type, key) VALUES (?, ?) RETURNING id"),
    putState: sql(
      `INSERT INTO instance (type, key, state_version, state) VALUES (?, ?, ?, ?)
      ON CONFLICT (type, key) DO UPDATE SET state_version = excluded.state_version, state = excluded.state
      RETURNING id`
    ),
    wake: sql("UPDATE instance SET wake_at = ? WHERE id = ?"),
    answer: sql("INSERT OR REPLACE INTO journal (instance, connection, call, reply) VALUES (?, ?, ?, ?)"),
    trim: sql("DELETE FROM journal WHERE instance = ? AND connection = ? AND call = ?"),
    removeCalls: sql("DELETE FROM journal WHERE instance = ? AND connection = ?"),
    putConnection: sql("INSERT OR REPLACE INTO connection (instance, id, record) VALUES (?, ?, ?)"),
    removeConnection: sql("DELETE FROM connection WHERE instance = ? AND id = ?"),
    putAlarm: sql("INSERT OR REPLACE INTO alarm (instance, id, at, rpc, payload) VALUES (?, ?, ?, ?, ?)"),
    removeAlarm: sql("DELETE FROM alarm WHERE instance = ? AND id = ?"),
    removeEmpty: sql(
      `DELETE FROM instance WHERE id = ?1 AND state IS NULL AND wake_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM connection WHERE instance = ?1)
      AND NOT EXISTS (SELECT 1 FROM journal WHERE instance = ?1)
      AND NOT EXISTS (SELECT 1 FROM alarm WHERE instance = ?1)`
    )
  }
}
