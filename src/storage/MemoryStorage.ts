/**
 * Instances in memory.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Order from "effect/Order"
import type { Address, Changes, JournalEntry, Stored, StoredAlarm, StoredState, Wake } from "../ActorStorage.ts"
import { Fences, id } from "./Fences.ts"

interface Instance {
  readonly address: Address
  readonly connections: Map<string, string>
  /** Replies by connection and call. */
  readonly journal: Map<string, Map<number, string>>
  readonly alarms: Map<string, StoredAlarm>
  state: StoredState | undefined
  wakeAt: number | null
}

/**
 * What is stored in memory; the shape of `ActorStorage` without its effects.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryStorage {
  readonly load: (address: Address) => Stored
  readonly release: (address: Address, fence: number) => void
  /** Whether the load held, so that the changes were made. */
  readonly commit: (address: Address, fence: number, changes: Changes) => boolean
  readonly wakes: (type: string, limit: number) => ReadonlyArray<Wake>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): MemoryStorage => {
  const fences = new Fences()
  const instances = new Map<string, Instance>()
  return {
    load: (address) => read(fences.take(address), instances.get(id(address))),
    release: (address, fence) => fences.drop(address, fence),
    commit: (address, fence, changes) => {
      if (!fences.holds(address, fence)) return false
      const instance = instances.get(id(address)) ?? empty(address)
      apply(instance, changes)
      if (isEmpty(instance)) instances.delete(id(address))
      else instances.set(id(address), instance)
      return true
    },
    wakes: (type, limit) => {
      const wakes = Array.from(instances.values()).flatMap(({ address, wakeAt }) =>
        address.type === type && wakeAt !== null ? [{ ...address, at: wakeAt }] : []
      )
      return Arr.sortWith(wakes, ({ at }) => at, Order.Number).slice(0, limit)
    }
  }
}

const empty = (address: Address): Instance => ({
  address,
  connections: new Map(),
  journal: new Map(),
  alarms: new Map(),
  state: undefined,
  wakeAt: null
})

const isEmpty = ({ alarms, connections, journal, state, wakeAt }: Instance): boolean =>
  state === undefined && wakeAt === null && connections.size + journal.size + alarms.size === 0

const read = (fence: number, instance: Instance | undefined): Stored => ({
  fence,
  state: instance?.state,
  connections: new Map(instance?.connections),
  journal: Array.from(instance?.journal ?? []).flatMap(([connection, calls]): Array<JournalEntry> =>
    Arr.sortWith(
      Array.from(calls, ([call, reply]) => ({ connection, call, reply })),
      ({ call }) => call,
      Order.Number
    )
  ),
  alarms: Arr.sortWith(instance?.alarms.values() ?? [], ({ at }) => at, Order.Number)
})

const apply = (instance: Instance, changes: Changes): void => {
  const { alarms, connections, journal } = instance
  if (changes.state !== undefined) instance.state = changes.state
  for (const { call, connection, reply } of changes.answered) {
    if (!journal.has(connection)) journal.set(connection, new Map())
    journal.get(connection)!.set(call, reply)
  }
  for (const { call, connection } of changes.trimmed) {
    const calls = journal.get(connection)
    if (calls?.delete(call) === true && calls.size === 0) journal.delete(connection)
  }
  for (const [connection, record] of changes.connections) {
    if (record !== null) connections.set(connection, record)
    else {
      connections.delete(connection)
      journal.delete(connection)
    }
  }
  for (const [alarm, stored] of changes.alarms) {
    if (stored === null) alarms.delete(alarm)
    else alarms.set(alarm, stored)
  }
  if (changes.wakeAt !== undefined) instance.wakeAt = changes.wakeAt
}
