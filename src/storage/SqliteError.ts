/// <reference types="node" />
/**
 * What an error of SQLite means for those who store actors, and what they can do.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { StorageError, type StorageFailure } from "../ActorStorage.ts"

/**
 * @category conversions
 * @since 0.1.0
 */
export const toStorageError = (filename: string) => (cause: unknown): StorageError => {
  const [failure, what] = describe(filename, cause)
  return new StorageError({ failure, message: `${JSON.stringify(filename)} ${what}`, cause })
}

const describe = (filename: string, cause: unknown): readonly [StorageFailure, string] => {
  if (Predicate.hasProperty(cause, "code") && cause.code === "ERR_INVALID_STATE") {
    return ["Unavailable", "is closed; provide the layer of the storage outside of what uses it"]
  }
  const code = Predicate.hasProperty(cause, "errcode") && typeof cause.errcode === "number" ? cause.errcode : 0
  // A file that was opened for reading alone cannot be locked for writing.
  if (code === IOERR_LOCK) return ["ReadOnly", readOnly]
  switch (code & 0xff) {
    case BUSY:
    case LOCKED:
      return ["Busy", busy]
    case READONLY:
      return ["ReadOnly", readOnly]
    case FULL:
      return [
        "Full",
        "has no room left: the disk is full, or the file has reached its `maxBytes`. Nothing was lost; make room"
      ]
    case CORRUPT:
    case NOTADB:
      return [
        "Corrupt",
        "is damaged, or no database of SQLite. Nothing was written to it. Restore a copy, or name another file"
      ]
    case CANTOPEN:
      return ["Unavailable", cannotOpen(filename)]
    default:
      return ["Unavailable", `cannot be used: ${Predicate.isError(cause) ? cause.message : String(cause)}`]
  }
}

const busy =
  "belongs to another process, or to another layer of this one. End that process first, or give each a file of " +
  "its own; in one process make the layer once, and provide the same one to all actors"

const readOnly =
  "cannot be written to, or its file system has no locks. Let this process write to the file and its folder"

const cannotOpen = (filename: string): string => {
  const folder = Path.dirname(filename)
  if (!Fs.existsSync(folder)) return `cannot be opened: there is no folder ${JSON.stringify(folder)}. Make it first`
  return Fs.statSync(filename, { throwIfNoEntry: false })?.isDirectory() === true
    ? "cannot be opened: it is a folder. Name a file in it"
    : "cannot be opened. Let this process write to the file and its folder"
}

// Result codes of SQLite: https://sqlite.org/rescode.html
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const IOERR_LOCK = 3850
