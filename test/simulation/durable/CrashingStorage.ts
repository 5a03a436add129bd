/**
 * A storage that survives its users: each life of the host has its own way to it, which ends when that life does.
 */
import { Effect, Latch, Semaphore } from "effect"
import { ActorStorage } from "../../../src/index.ts"

type Storage = ActorStorage.ActorStorage["Service"]

/** Faults of the storage, for all lives. */
export interface StorageFaults {
  readonly passing: Latch.Latch
  /** What the next commit does: fails before it is stored, or after. */
  nextCommit: "fail" | "lose" | undefined
  failLoad: boolean
}

export const makeFaults = (): StorageFaults => ({
  passing: Latch.makeUnsafe(true),
  nextCommit: undefined,
  failLoad: false
})

const unavailable = new ActorStorage.StorageError({ failure: "Unavailable", message: "the simulation says so" })

/** The way of one life to the storage; after `kill` nothing of it reaches the storage. */
export const makeLife = (inner: Storage, faults: StorageFaults) => {
  const order = Semaphore.makeUnsafe(1)
  const broken = new Set<number>()
  let dead = false

  const reach = (address: ActorStorage.Address, fence: number, changes: ActorStorage.Changes) =>
    Effect.suspend(() => {
      if (dead) return Effect.fail(unavailable)
      if (broken.has(fence)) return Effect.fail(ActorStorage.fenced(address))
      const fault = faults.nextCommit
      faults.nextCommit = undefined
      if (fault === undefined) return inner.commit(address, fence, changes)
      broken.add(fence)
      return fault === "fail"
        ? Effect.fail(unavailable)
        : Effect.andThen(inner.commit(address, fence, changes), Effect.fail(unavailable))
    })

  const storage: Storage = {
    load: (address) =>
      Effect.suspend(() => {
        const fails = dead || faults.failLoad
        faults.failLoad = false
        return fails ? Effect.fail(unavailable) : inner.load(address)
      }),
    wakes: (type, limit) => Effect.suspend(() => dead ? Effect.fail(unavailable) : inner.wakes(type, limit)),
    commit: (address, fence, changes) =>
      order.withPermit(
        Effect.andThen(
          Effect.suspend(() => dead ? Effect.void : faults.passing.await),
          Effect.suspend(() => reach(address, fence, changes))
        )
      )
  }
  return {
    storage,
    kill: () => {
      dead = true
    }
  }
}
