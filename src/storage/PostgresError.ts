/**
 * What an error of PostgreSQL means for those who store actors, and what they can do.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import { StorageError, type StorageFailure } from "../ActorStorage.ts"

/**
 * @category conversions
 * @since 0.1.0
 */
export const toStorageError = (cause: SqlError): StorageError => {
  const [failure, what] = describe(cause)
  return new StorageError({ failure, message: `PostgreSQL ${what}`, cause })
}

/**
 * Whether the same statement may succeed soon.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPassing = (error: SqlError): boolean => error.isRetryable || passing.has(codeOf(error))

/** A server that shuts down, has just started, or has too many clients. */
const passing = new Set(["57P01", "57P02", "57P03", "53300"])

const codeOf = ({ reason: { cause } }: SqlError): string =>
  Predicate.hasProperty(cause, "code") ? String(cause.code) : ""

const describe = (error: SqlError): readonly [StorageFailure, string] => {
  const code = codeOf(error)
  const message = messageOf(error)
  switch (error.reason._tag) {
    case "ConnectionError":
      return ["Unavailable", `cannot be reached: ${message}`]
    case "AuthenticationError":
    case "AuthorizationError":
      return ["Unavailable", `does not let this user in, or not to its tables: ${message}`]
    case "DeadlockError":
    case "LockTimeoutError":
    case "SerializationError":
    case "StatementTimeoutError":
      return ["Busy", `is held up by others: ${message}`]
  }
  if (code === "25006") return ["ReadOnly", "takes no writes now; connect to the primary server"]
  // Disk full, and other resources used up: https://postgresql.org/docs/current/errcodes-appendix.html
  if (code === "53100" || code === "54000") return ["Full", `has no room for it: ${message}`]
  if (code.startsWith("XX")) return ["Corrupt", `found its data damaged: ${message}`]
  return ["Unavailable", `cannot be used: ${message}`]
}

/** What the driver says, and what made it say so. */
const messageOf = (error: SqlError): string => {
  const { cause } = error.reason
  const detail = Predicate.isError(cause) && cause.message !== "" ? `: ${cause.message}` : ""
  const code = codeOf(error)
  return `${error.reason.message}${detail}${code === "" ? "" : ` (${code})`}`
}
