/**
 * How long PostgreSQL is waited for.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { StorageError } from "../ActorStorage.ts"
import * as PostgresError from "./PostgresError.ts"

/**
 * Runs statements with a time limit, and again while it may help.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresRetry {
  /** Runs a statement once. */
  readonly once: <A, R>(statement: Effect.Effect<A, SqlError, R>) => Effect.Effect<A, SqlError, R>
  /** Runs a statement until it succeeds, fails for good, or the time is over. */
  readonly retry: <A, R>(statement: Effect.Effect<A, SqlError, R>) => Effect.Effect<A, SqlError, R>
  /** The same, with the error that users see. */
  readonly attempt: <A, R>(statement: Effect.Effect<A, SqlError, R>) => Effect.Effect<A, StorageError, R>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ retryFor, statementTimeout }: {
  readonly retryFor: Duration.Duration
  readonly statementTimeout: Duration.Duration
}): PostgresRetry => {
  const silence = unanswered(statementTimeout)
  const schedule = Schedule.max([
    Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("500 millis")]).pipe(Schedule.jittered),
    Schedule.during(retryFor)
  ])

  // Who writes a group cannot be interrupted, but what it waits for must be.
  const once: PostgresRetry["once"] = (statement) =>
    Effect.timeoutOrElse(Effect.interruptible(statement), {
      duration: statementTimeout,
      orElse: () => Effect.fail(silence)
    })
  const retry: PostgresRetry["retry"] = (statement) =>
    Duration.isZero(retryFor)
      ? once(statement)
      : Effect.retry(once(statement), { while: PostgresError.isPassing, schedule })
  return { once, retry, attempt: (statement) => Effect.mapError(retry(statement), PostgresError.toStorageError) }
}

const unanswered = (duration: Duration.Duration): SqlError =>
  new SqlError({
    reason: new ConnectionError({ cause: undefined, message: `no answer within ${Duration.format(duration)}` })
  })
