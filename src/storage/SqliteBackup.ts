/// <reference types="node" />
/**
 * Copies of the file of a SQLite storage that is in use.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { backup, type DatabaseSync } from "node:sqlite"
import { StorageError } from "../ActorStorage.ts"
import * as GroupCommit from "./GroupCommit.ts"
import * as SqliteError from "./SqliteError.ts"

/**
 * Makes what copies a database, one copy at a time. The end of the scope waits for the one that is under way; those that
 * come later fail.
 *
 * **Details**
 *
 * SQLite reads the pages on another thread, some at a time, and takes in what the connection of the database writes
 * meanwhile. So the copy is the database at one moment, which is not before the copying began.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  database: DatabaseSync
): Effect.fn.Return<(filename: string) => Effect.Effect<void, StorageError>, never, Scope.Scope> {
  const one = yield* Semaphore.make(1)
  let isClosing = false
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosing = true
      return one.withPermit(Effect.void)
    })
  )
  return (filename) =>
    one.withPermit(
      Effect.suspend(() =>
        isClosing ? Effect.fail(GroupCommit.closed) : Effect.uninterruptible(copy(database, filename))
      )
    )
})

const copy = Effect.fnUntraced(function*(database: DatabaseSync, filename: string): Effect.fn.Return<
  void,
  StorageError
> {
  const toError = SqliteError.toStorageError(filename)
  const attempt = <A>(evaluate: () => A) => Effect.try({ try: evaluate, catch: toError })
  if (yield* attempt(() => isItself(database, filename))) return yield* ontoItself(filename)
  // Whoever finds the file finds all of it.
  const part = `${filename}.part`
  const discard = attempt(() => {
    Fs.rmSync(part, { force: true })
    Fs.rmSync(`${part}-journal`, { force: true })
  })
  yield* discard
  yield* Effect.tryPromise({ try: () => backup(database, part), catch: toError }).pipe(
    Effect.andThen(attempt(() => finish(part, filename))),
    Effect.onError(() => Effect.ignore(discard))
  )
})

const ontoItself = (filename: string) =>
  new StorageError({
    failure: "Unavailable",
    message: `${JSON.stringify(filename)} is the file that is to be copied. Name another one`
  })

const isItself = (database: DatabaseSync, filename: string): boolean => {
  const folder = Path.dirname(Path.resolve(filename))
  const own = database.location()
  const target = Fs.existsSync(folder) ? Path.join(Fs.realpathSync(folder), Path.basename(filename)) : filename
  return target === own || target === `${own}-wal`
}

/** Has the copy on the disk before it is found under its name. */
const finish = (part: string, filename: string): void => {
  const file = Fs.openSync(part, "r+")
  Fs.fsyncSync(file)
  Fs.closeSync(file)
  Fs.renameSync(part, filename)
}
