/**
 * How a durable instance begins: from what is stored of it.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { ActorStorage, type Address, type JournalEntry, type StoredAlarm } from "../ActorStorage.ts"
import { ActorUnavailable } from "../CallError.ts"
import type { Durability, Registration } from "../internal/actorHost.ts"
import * as ConnectionRecord from "./ConnectionRecord.ts"
import * as StoredValues from "./StoredValues.ts"

/**
 * A connection of an earlier epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecoveredConnection {
  readonly id: string
  readonly stored: ConnectionRecord.StoredRecord
  readonly state: unknown
  /** The replies that its client may not have, by call. */
  readonly replies: ReadonlyArray<readonly [call: number, reply: string]>
}

/**
 * What is stored of an instance, decoded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recovered {
  readonly storage: ActorStorage["Service"]
  readonly durability: Durability
  readonly values: StoredValues.StoredValues
  readonly address: Address
  readonly fence: number
  /** `undefined` where none was stored. */
  readonly state: { readonly value: unknown } | undefined
  readonly connections: ReadonlyArray<RecoveredConnection>
  /** The ids of all connections that are recorded, and of those that cannot be read. */
  readonly recorded: ReadonlyArray<string>
  readonly unreadable: ReadonlyArray<string>
  readonly alarms: ReadonlyArray<StoredAlarm>
}

/**
 * Loads an instance, which fences off its earlier incarnations. A state that
 * cannot be read fails, and nothing is overwritten; a connection that cannot
 * be read is logged and left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function*(
  registration: Registration,
  durability: Durability,
  key: string
): Effect.fn.Return<Recovered, ActorUnavailable, Scope.Scope> {
  const storage = Context.getUnsafe(registration.context as Context.Context<any>, ActorStorage)
  const address: Address = { type: registration.actor.type, key }
  const name = `${address.type}/${address.key}`
  const stored = yield* Effect.mapError(
    storage.load(address),
    (error) => new ActorUnavailable({ actor: name, explanation: error.message })
  )
  const values = StoredValues.make(registration, durability)
  const journal = Arr.groupBy(stored.journal, ({ connection }) => connection)
  const connections: Array<RecoveredConnection> = []
  const unreadable: Array<string> = []
  for (const [id, text] of stored.connections) {
    const connection = yield* readConnection(values, id, text, journal[id] ?? [])
    if (connection === undefined) unreadable.push(id)
    else connections.push(connection)
  }
  return {
    storage,
    durability,
    values,
    address,
    fence: stored.fence,
    state: stored.state === undefined ? undefined : { value: yield* values.decodeState(stored.state, name) },
    connections,
    unreadable,
    recorded: Array.from(stored.connections.keys()),
    alarms: stored.alarms
  }
})

const readConnection = (
  values: StoredValues.StoredValues,
  id: string,
  text: string,
  journal: ReadonlyArray<JournalEntry>
): Effect.Effect<RecoveredConnection | undefined> =>
  Effect.suspend(() => {
    const record = ConnectionRecord.decode(text)
    if (Exit.isFailure(record)) return unreadable(id, record.cause)
    const { node, state } = record.value
    return (node === true ? Effect.succeed(null) : values.decodeConnectionState(state)).pipe(
      Effect.map((state): RecoveredConnection => ({
        id,
        stored: record.value,
        state,
        replies: journal.map(({ call, reply }) => [call, reply] as const)
      })),
      Effect.catch((error) => unreadable(id, error))
    )
  })

const unreadable = (connection: string, cause: unknown): Effect.Effect<undefined> =>
  Effect.as(
    Effect.annotateLogs(
      Effect.logWarning("a stored connection cannot be read; its client will get a fresh one", cause),
      { connection }
    ),
    undefined
  )
