/**
 * The storage of a cluster's nodes and shard locks, in memory and shared by all nodes of a process. Unlike the engine's
 * own, it knows who holds a lock.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import {
  ClusterError,
  MachineId,
  type Runner,
  type RunnerAddress,
  type RunnerStorage,
  type ShardId
} from "effect/cluster"

/**
 * The storage, and what can happen to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedRunners {
  readonly service: RunnerStorage.RunnerStorage["Service"]
  /** Forgets a node and its locks, and does not hear it any more: it crashed, or is cut off. */
  readonly lose: (address: RunnerAddress.RunnerAddress) => void
  /** Hears a node again that was lost. */
  readonly find: (address: RunnerAddress.RunnerAddress) => void
}

const nameOf = (address: RunnerAddress.RunnerAddress) => `${address.host}:${address.port}`

/**
 * Makes the storage, empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SharedRunners => {
  const runners = new Map<string, [Runner.Runner, boolean]>()
  const locks = new Map<string, string>()
  const lost = new Set<string>()
  let machines = 0

  const heard = <A>(address: RunnerAddress.RunnerAddress, act: (name: string) => A) =>
    Effect.suspend(() => {
      const name = nameOf(address)
      return lost.has(name)
        ? Effect.fail(new ClusterError.PersistenceError({ cause: new Error(`${name} is cut off`) }))
        : Effect.sync(() => act(name))
    })
  const held = (name: string, shards: Iterable<ShardId.ShardId>) =>
    Array.from(shards).filter((shard) => locks.get(shard.toString()) === name)

  return {
    lose: (address) => {
      const name = nameOf(address)
      lost.add(name)
      runners.delete(name)
      for (const [shard, holder] of locks) if (holder === name) locks.delete(shard)
    },
    find: (address) => {
      lost.delete(nameOf(address))
    },
    service: {
      register: (runner, healthy) =>
        heard(runner.address, (name) => {
          runners.set(name, [runner, healthy])
          return MachineId.make(machines++)
        }),
      unregister: (address) => heard(address, (name) => void runners.delete(name)),
      getRunners: Effect.sync(() => Array.from(runners.values(), ([runner, healthy]) => [runner, healthy] as const)),
      setRunnerHealth: (address, healthy) =>
        Effect.sync(() => {
          const entry = runners.get(nameOf(address))
          if (entry !== undefined) entry[1] = healthy
        }),
      acquire: (address, shards) =>
        heard(address, (name) => {
          for (const shard of shards) if (!locks.has(shard.toString())) locks.set(shard.toString(), name)
          return held(name, shards)
        }),
      refresh: (address, shards) => heard(address, (name) => held(name, shards)),
      release: (address, shard) =>
        heard(address, (name) => {
          if (locks.get(shard.toString()) === name) locks.delete(shard.toString())
        }),
      releaseAll: (address) =>
        heard(address, (name) => {
          for (const [shard, holder] of locks) if (holder === name) locks.delete(shard)
        })
    }
  }
}
