/**
 * The instances that a process has loaded from PostgreSQL, and the writing of what it commits of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { type Address, type Changes, fenced, StorageError, type Stored } from "../ActorStorage.ts"
import { id } from "./Fences.ts"
import type { Commit, Outcomes } from "./GroupCommit.ts"
import { NetChanges } from "./NetChanges.ts"
import * as PostgresError from "./PostgresError.ts"
import type { PostgresRetry } from "./PostgresRetry.ts"
import type { Claim, PostgresTables, Write } from "./PostgresTables.ts"

/**
 * A load that holds as far as this process knows; whether it does is seen in the database, with each write.
 *
 * @category models
 * @since 0.1.0
 */
export interface Load {
  readonly address: Address
  readonly claim: Claim
  /** Commits that are on their way. */
  waiting: number
  /** Whether it may be that nothing is stored. */
  empty: boolean
}

/** The commits of one load that are written together. */
interface Part extends Write {
  readonly commits: Array<Commit>
}

/**
 * @category models
 * @since 0.1.0
 */
export class PostgresLoads {
  private readonly byFence = new Map<number, Load>()
  private readonly tables: PostgresTables
  private readonly patience: PostgresRetry

  constructor(tables: PostgresTables, patience: PostgresRetry) {
    this.tables = tables
    this.patience = patience
  }

  /** Takes an instance over and reads it: two statements, as the second one has to see what the first one waited for. */
  load(address: Address): Effect.Effect<Stored, StorageError, Scope.Scope> {
    const { attempt } = this.patience
    const claim = Effect.map(
      attempt(this.tables.claim(address)),
      (claim): Load => ({ address, claim, waiting: 0, empty: claim.state === undefined })
    )
    return Effect.acquireRelease(claim, (load) => this.release(load), { interruptible: true }).pipe(
      Effect.flatMap((load) => {
        const { fence, state } = load.claim
        this.byFence.set(fence, load)
        return Effect.flatMap(
          attempt(this.tables.read(load.claim)),
          (belongings) =>
            belongings === undefined ? Effect.fail(fenced(address)) : Effect.succeed({ fence, state, ...belongings })
        )
      })
    )
  }

  /** Finds the load of a commit that is to be written next; `undefined` if it does not hold. */
  begin(address: Address, fence: number, changes: Changes): Load | undefined {
    const load = this.byFence.get(fence)
    if (load === undefined || id(load.address) !== id(address)) return undefined
    load.waiting++
    if (changes.state !== undefined) load.empty = false
    return load
  }

  /** Writes the commits of a group, those of one load together. */
  write(group: ReadonlyArray<Commit>): Effect.Effect<Outcomes> {
    const outcomes = new Map<Commit, Outcomes[number]>()
    const round = (commits: ReadonlyArray<Commit>): Effect.Effect<Outcomes> => {
      const { parts, rest } = this.gather(commits, outcomes)
      return Effect.flatMap(
        this.writeParts(parts, outcomes),
        () => rest.length > 0 ? round(rest) : Effect.succeed(group.map((commit) => outcomes.get(commit)!))
      )
    }
    return Effect.ensuring(
      round(group),
      Effect.sync(() => {
        for (const { fence } of group) {
          const load = this.byFence.get(fence)
          if (load !== undefined) load.waiting--
        }
      })
    )
  }

  /** Sums up commits by their loads; what cannot be summed up comes in the next round. */
  private gather(commits: ReadonlyArray<Commit>, outcomes: Map<Commit, Outcomes[number]>) {
    const parts = new Map<number, Part>()
    const rest: Array<Commit> = []
    const held = new Set<number>()
    for (const commit of commits) {
      const load = this.byFence.get(commit.fence)
      if (load === undefined) {
        outcomes.set(commit, Exit.fail(fenced(commit.address)))
        continue
      }
      const part: Part = parts.get(commit.fence) ?? { claim: load.claim, changes: new NetChanges(), commits: [] }
      parts.set(commit.fence, part)
      if (held.has(commit.fence) || !part.changes.add(commit.changes)) {
        held.add(commit.fence)
        rest.push(commit)
      } else {
        part.commits.push(commit)
      }
    }
    return { parts: Array.from(parts.values()), rest }
  }

  private writeParts(parts: ReadonlyArray<Part>, outcomes: Map<Commit, Outcomes[number]>): Effect.Effect<void> {
    if (parts.length === 0) return Effect.void
    const settle = (part: Part, exit: Outcomes[number]) => {
      for (const commit of part.commits) outcomes.set(commit, exit)
      if (Exit.isFailure(exit)) this.byFence.delete(part.claim.fence)
    }
    let tries = 0
    const statement = Effect.suspend(() => {
      tries++
      return this.tables.write(parts)
    })
    return Effect.matchEffect(this.patience.retry(statement), {
      onSuccess: (fences) =>
        Effect.sync(() => {
          for (const part of parts) {
            settle(part, fences.has(part.claim.fence) ? Exit.void : Exit.fail(lost(part.commits[0]!.address, tries)))
          }
        }),
      onFailure: (error) => {
        // Whose fault it is shows when each is written alone.
        if (parts.length > 1 && !PostgresError.isPassing(error)) {
          return Effect.forEach(parts, (part) => this.writeParts([part], outcomes), { discard: true })
        }
        const failed = PostgresError.toStorageError(error)
        return Effect.sync(() => parts.forEach((part) => settle(part, Exit.fail(failed))))
      }
    })
  }

  private release({ claim, empty, waiting }: Load): Effect.Effect<void> {
    this.byFence.delete(claim.fence)
    return empty && waiting === 0 ? Effect.ignore(this.patience.once(this.tables.removeEmpty(claim))) : Effect.void
  }
}

/** A write that was sent twice may have happened the first time, before the instance was loaded elsewhere. */
const lost = (address: Address, tries: number): StorageError =>
  tries === 1 ? fenced(address) : new StorageError({ failure: "Unavailable", message: fenced(address).message })
