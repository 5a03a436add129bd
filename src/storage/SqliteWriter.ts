/**
 * The one who writes to a SQLite file: which transactions are made, and when they are known to be on the disk.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { type Address, fenced, StorageError, type Stored, type Wake } from "../ActorStorage.ts"
import { Fences } from "./Fences.ts"
import type { Commit, Outcomes } from "./GroupCommit.ts"
import type { SqliteTables } from "./SqliteTables.ts"

/**
 * Runs what SQLite does, and says what its errors mean.
 *
 * @category models
 * @since 0.1.0
 */
export type Attempt = <A>(evaluate: () => A) => Result.Result<A, StorageError>

/**
 * Loads instances and writes groups of commits, one group at a time.
 *
 * @category models
 * @since 0.1.0
 */
export class SqliteWriter {
  private readonly fences = new Fences()
  /** There while the disk is waited for: what is read meanwhile may not be on it. */
  private syncing: Deferred.Deferred<void, StorageError> | undefined
  /** Why nothing can be stored any more. */
  private broken: StorageError | undefined

  private readonly tables: SqliteTables
  private readonly sync: Effect.Effect<void, StorageError>
  private readonly attempt: Attempt

  constructor(
    tables: SqliteTables,
    sync: Effect.Effect<void, StorageError>,
    attempt: Attempt
  ) {
    this.tables = tables
    this.sync = sync
    this.attempt = attempt
  }

  load(address: Address): Effect.Effect<Stored, StorageError, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => this.fences.take(address)),
      (fence) => Effect.sync(() => this.fences.drop(address, fence))
    ).pipe(
      Effect.flatMap((fence) => {
        const read = this.attempt(() => this.tables.read(address))
        return Effect.map(Effect.fromResult(read), (stored): Stored => ({ fence, ...stored }))
      }),
      Effect.tap(() => this.settled)
    )
  }

  wakes(type: string, limit: number): Effect.Effect<ReadonlyArray<Wake>, StorageError> {
    return Effect.suspend(() => Effect.fromResult(this.attempt(() => this.tables.wakes(type, limit))))
  }

  /** Writes a group in one transaction if it can, and waits for the disk once. */
  write(group: ReadonlyArray<Commit>): Effect.Effect<Outcomes> {
    return Effect.suspend(() => {
      if (this.broken !== undefined) return Effect.succeed(group.map(() => Exit.fail(this.broken!)))
      const outcomes = this.transact(group)
      if (!outcomes.some(Exit.isSuccess)) return Effect.succeed(outcomes)
      const syncing = this.syncing = Deferred.makeUnsafe()
      return Effect.map(Effect.exit(this.sync), (exit) => {
        this.syncing = undefined
        if (Exit.isSuccess(exit)) {
          Deferred.doneUnsafe(syncing, exit)
          return outcomes
        }
        // What the system has lost it does not write again, and a later sync would not tell.
        const broken = this.broken = unsynced(exit.cause)
        Deferred.doneUnsafe(syncing, Exit.fail(broken))
        return outcomes.map((outcome) => Exit.isSuccess(outcome) ? Exit.fail(broken) : outcome)
      })
    })
  }

  /** Fails where what is in the database may never have reached the disk. */
  private get settled(): Effect.Effect<void, StorageError> {
    if (this.broken !== undefined) return Effect.fail(this.broken)
    return this.syncing === undefined ? Effect.void : Deferred.await(this.syncing)
  }

  /** All at once, so that no load comes between a fence and the commit that it let through. */
  private transact(group: ReadonlyArray<Commit>): Outcomes {
    const held = new Set(group.filter(({ address, fence }) => this.fences.holds(address, fence)))
    if (Exit.isSuccess(this.transaction(Array.from(held)))) {
      return group.map((commit) => held.has(commit) ? Exit.void : Exit.fail(fenced(commit.address)))
    }
    // Whose fault it is shows when each has a transaction of its own.
    return group.map((commit) => {
      if (!this.fences.holds(commit.address, commit.fence)) return Exit.fail(fenced(commit.address))
      const exit = this.transaction([commit])
      if (Exit.isFailure(exit)) this.fences.drop(commit.address, commit.fence)
      return exit
    })
  }

  private transaction(commits: ReadonlyArray<Commit>): Exit.Exit<void, StorageError> {
    return Result.match(this.attempt(() => this.tables.write(commits)), {
      onSuccess: () => Exit.void,
      onFailure: (error) => {
        this.attempt(() => this.tables.rollback())
        return Exit.fail(error)
      }
    })
  }
}

const unsynced = (cause: Cause.Cause<StorageError>): StorageError =>
  new StorageError({
    failure: "Unavailable",
    message: "the disk has failed, and with it what was being stored. Look after it, then start again: " +
      "what was stored before is kept",
    cause: Cause.squash(cause)
  })
