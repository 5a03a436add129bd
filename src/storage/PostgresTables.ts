/**
 * Instances in the tables of a PostgreSQL database.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Address, JournalEntry, StoredAlarm, StoredState, Wake } from "../ActorStorage.ts"
import type { NetChanges } from "./NetChanges.ts"
import * as SafeText from "./SafeText.ts"

/**
 * An instance that was taken over, and its state.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claim {
  readonly id: number
  readonly fence: number
  readonly state: StoredState | undefined
}

/**
 * What else is stored of an instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface Belongings {
  readonly connections: ReadonlyMap<string, string>
  readonly journal: ReadonlyArray<JournalEntry>
  readonly alarms: ReadonlyArray<StoredAlarm>
}

/**
 * The changes of one load that are to be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Write {
  readonly claim: Claim
  readonly changes: NetChanges
}

/**
 * Reads and changes instances, one statement each.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresTables {
  /** Takes an instance over: from its end on, no write of an earlier claim succeeds. */
  readonly claim: (address: Address) => Effect.Effect<Claim, SqlError>
  /** Reads what belongs to a claimed instance; `undefined` if it was claimed again since. */
  readonly read: (claim: Claim) => Effect.Effect<Belongings | undefined, SqlError>
  /** Writes all changes whose claims hold, and returns the fences of those. Each may occur once. */
  readonly write: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlySet<number>, SqlError>
  /** Removes a claimed instance of which nothing is stored. */
  readonly removeEmpty: (claim: Claim) => Effect.Effect<void, SqlError>
  readonly wakes: (type: string, limit: number) => Effect.Effect<ReadonlyArray<Wake>, SqlError>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (client: SqlClient): PostgresTables => {
  const sql = client.withoutTransforms()
  return {
    claim: ({ key, type }) =>
      Effect.map(
        sql.unsafe<ClaimRow>(claim, [SafeText.encode(type), SafeText.encode(key)]),
        ([row]) => ({
          id: Number(row!.id),
          fence: Number(row!.fence),
          state: row!.state === null ? undefined : { version: Number(row!.state_version), value: row!.state }
        })
      ),
    read: ({ fence, id }) =>
      Effect.map(
        sql.unsafe<PartRow>(read, [id]),
        (rows) => Number(rows[0]?.number) === fence ? belongings(rows) : undefined
      ),
    write: (writes) =>
      Effect.map(
        sql.unsafe<{ readonly fence: number }>(write, toParameters(writes)),
        (rows) => new Set(rows.map(({ fence }) => Number(fence)))
      ),
    removeEmpty: ({ fence, id }) => Effect.asVoid(sql.unsafe(removeEmpty, [id, fence])),
    wakes: (type, limit) =>
      Effect.map(
        sql.unsafe<{ readonly key: string; readonly wake_at: number }>(wakes, [SafeText.encode(type), limit]),
        (rows) => rows.map((row) => ({ type, key: SafeText.decode(row.key), at: row.wake_at }))
      )
  }
}

interface ClaimRow {
  readonly id: number
  readonly fence: number
  readonly state_version: number
  readonly state: string | null
}

// Fences are never given out twice, so that an instance can be removed and come back.
const claim = `
  INSERT INTO tether_instance (digest, type, key, fence)
  VALUES (
    sha256(convert_to(octet_length($1::text) || ':' || $1::text || $2::text, 'UTF8')),
    $1::text, $2::text, nextval('tether_fence')
  )
  ON CONFLICT (digest) DO UPDATE SET fence = excluded.fence
  RETURNING id, fence, state_version, state`

interface PartRow {
  readonly part: number
  readonly name: string
  readonly number: number
  readonly value: string
  readonly rpc: string
}

// A statement of its own: one that waits for the claim of an instance would read the rest as it was before the wait.
const read = `
  SELECT 0 AS part, NULL AS name, fence::double precision AS number, NULL AS value, NULL AS rpc
  FROM tether_instance WHERE id = $1::bigint
  UNION ALL
  SELECT 1, id, NULL, record, NULL FROM tether_connection WHERE instance = $1::bigint
  UNION ALL
  SELECT 2, connection, call, reply, NULL FROM tether_journal WHERE instance = $1::bigint
  UNION ALL
  SELECT 3, id, at, payload, rpc FROM tether_alarm WHERE instance = $1::bigint
  ORDER BY part, number`

const belongings = (rows: ReadonlyArray<PartRow>): Belongings => {
  const connections = new Map<string, string>()
  const calls = new Map<string, Array<JournalEntry>>()
  const alarms: Array<StoredAlarm> = []
  for (const { name: encoded, number, part, rpc, value } of rows) {
    if (part === 0) continue
    const name = SafeText.decode(encoded)
    if (part === 1) connections.set(name, value)
    else if (part === 3) alarms.push({ id: name, at: number, rpc: SafeText.decode(rpc), payload: value })
    else {
      const ofConnection = calls.get(name) ?? []
      if (ofConnection.push({ connection: name, call: number, reply: value }) === 1) calls.set(name, ofConnection)
    }
  }
  return { connections, journal: Array.from(calls.values()).flat(), alarms }
}

/** The parameters of `write`: what is to become of the instances, and of each kind of what belongs to them. */
const toParameters = (writes: ReadonlyArray<Write>): ReadonlyArray<string> => {
  const instances: Array<object> = []
  const [put, removed, answered, trimmed, set, canceled] = Array.from({ length: 6 }, (): Array<object> => [])
  for (const { changes, claim: { fence, id } } of writes) {
    instances.push({ id, fence, state: changes.state, wake: changes.wakeAt !== undefined, wake_at: changes.wakeAt })
    for (const [name, record] of changes.connections) {
      const id = SafeText.encode(name)
      if (record === null) removed!.push({ fence, id })
      else put!.push({ fence, id, record })
    }
    for (const { call, connection, reply } of changes.answered.values()) {
      answered!.push({ fence, connection: SafeText.encode(connection), call, reply })
    }
    for (const { call, connection } of changes.trimmed.values()) {
      trimmed!.push({ fence, connection: SafeText.encode(connection), call })
    }
    for (const [name, alarm] of changes.alarms) {
      const id = SafeText.encode(name)
      if (alarm === null) canceled!.push({ fence, id })
      else set!.push({ fence, id, at: alarm.at, rpc: SafeText.encode(alarm.rpc), payload: alarm.payload })
    }
  }
  return [instances, put, removed, answered, trimmed, set, canceled].map((rows) => JSON.stringify(rows))
}

// One statement, so one transaction and one round trip for all. Its parts see the database as it was before it; none of
// them touches a row that another one touches. What belongs to a claim that no longer holds finds no row in `held`. A
// claim that comes between waits for this one's rows, or this one for it: then the fence is looked at again.
const write = `
  WITH held AS (
    UPDATE tether_instance AS i SET
      state = coalesce(w.state ->> 'value', i.state),
      state_version = coalesce((w.state ->> 'version')::bigint, i.state_version),
      wake_at = CASE WHEN w.wake THEN w.wake_at ELSE i.wake_at END
    FROM json_to_recordset($1::text::json) AS w (
      id bigint, fence bigint, state json, wake boolean, wake_at double precision
    )
    WHERE i.id = w.id AND i.fence = w.fence
    RETURNING i.id, i.fence
  ),
  put AS (
    INSERT INTO tether_connection (instance, id, record)
    SELECT held.id, c.id, c.record
    FROM json_to_recordset($2::text::json) AS c (fence bigint, id text, record text) JOIN held USING (fence)
    ON CONFLICT (instance, id) DO UPDATE SET record = excluded.record
  ),
  removed AS (
    DELETE FROM tether_connection AS t
    USING json_to_recordset($3::text::json) AS c (fence bigint, id text) JOIN held USING (fence)
    WHERE t.instance = held.id AND t.id = c.id
  ),
  forgotten AS (
    DELETE FROM tether_journal AS t
    USING json_to_recordset($3::text::json) AS c (fence bigint, id text) JOIN held USING (fence)
    WHERE t.instance = held.id AND t.connection = c.id
  ),
  answered AS (
    INSERT INTO tether_journal (instance, connection, call, reply)
    SELECT held.id, c.connection, c.call, c.reply
    FROM json_to_recordset($4::text::json) AS c (fence bigint, connection text, call bigint, reply text)
    JOIN held USING (fence)
    ON CONFLICT (instance, connection, call) DO UPDATE SET reply = excluded.reply
  ),
  trimmed AS (
    DELETE FROM tether_journal AS t
    USING json_to_recordset($5::text::json) AS c (fence bigint, connection text, call bigint) JOIN held USING (fence)
    WHERE t.instance = held.id AND t.connection = c.connection AND t.call = c.call
  ),
  alarmed AS (
    INSERT INTO tether_alarm (instance, digest, id, at, rpc, payload)
    SELECT held.id, sha256(convert_to(a.id, 'UTF8')), a.id, a.at, a.rpc, a.payload
    FROM json_to_recordset($6::text::json) AS a (
      fence bigint, id text, at double precision, rpc text, payload text
    ) JOIN held USING (fence)
    ON CONFLICT (instance, digest) DO UPDATE SET at = excluded.at, rpc = excluded.rpc, payload = excluded.payload
  ),
  canceled AS (
    DELETE FROM tether_alarm AS t
    USING json_to_recordset($7::text::json) AS a (fence bigint, id text) JOIN held USING (fence)
    WHERE t.instance = held.id AND t.digest = sha256(convert_to(a.id, 'UTF8'))
  )
  SELECT fence::double precision AS fence FROM held`

const removeEmpty = `
  DELETE FROM tether_instance AS i
  WHERE i.id = $1::bigint AND i.fence = $2::bigint AND i.state IS NULL AND i.wake_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM tether_connection WHERE instance = i.id)
  AND NOT EXISTS (SELECT 1 FROM tether_journal WHERE instance = i.id)
  AND NOT EXISTS (SELECT 1 FROM tether_alarm WHERE instance = i.id)`

const wakes = `
  SELECT key, wake_at FROM tether_instance
  WHERE md5(type) = md5($1::text) AND type = $1::text AND wake_at IS NOT NULL
  ORDER BY wake_at LIMIT $2::integer`
