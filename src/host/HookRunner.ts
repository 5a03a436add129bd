/**
 * Runs the hooks of an actor: in its context, in time, one at a time per
 * connection, with faults of user code masked and logged.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyActor } from "../internal/definition.ts"
import type { ConnectRequest } from "../LifecycleHooks.ts"
import type { Commits } from "./Commits.ts"
import * as InTime from "./InTime.ts"
import type { ServerConnection } from "./ServerConnection.ts"
import type { Settings } from "./Settings.ts"
import type { Turn } from "./Turn.ts"

/**
 * A hook refused the client with the actor's rejection, encoded for the wire.
 *
 * @category errors
 * @since 0.1.0
 */
export class Rejected extends Schema.TaggedError<Rejected>("~effect-tether/host/Rejected")("Rejected", {
  encoded: Schema.Unknown
}) {}

/**
 * A hook died or took too long; what happened is in the log.
 *
 * @category errors
 * @since 0.1.0
 */
export class HookFailed extends Schema.TaggedError<HookFailed>("~effect-tether/host/HookFailed")("HookFailed", {
  hook: Schema.String
}) {}

/**
 * The hooks of one actor instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface HookRunner {
  /** Whether the actor greets its connections. */
  readonly greets: boolean
  /** Admits a client with its first state; runs beside the turns. */
  readonly admit: (request: ConnectRequest<unknown>) => Effect.Effect<unknown, Rejected | HookFailed>
  /** Asks whether a client may resume; runs beside the turns. */
  readonly readmit: (
    connection: ServerConnection,
    request: ConnectRequest<unknown>
  ) => Effect.Effect<void, Rejected | HookFailed>
  /** Ends the connection if the hook fails. */
  readonly onConnect: (connection: ServerConnection) => Effect.Effect<void>
  /** Does nothing while an attach is under way, which must not wait for the actor's turn nor make it wait. */
  readonly onSuspend: (connection: ServerConnection, isDue: () => boolean) => Effect.Effect<void>
  readonly onDisconnect: (
    connection: ServerConnection,
    reason: DisconnectReason.DisconnectReason
  ) => Effect.Effect<void>
}

/**
 * Makes the runner of an instance; `context` holds the services of the actor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly actor: AnyActor
  readonly context: Context.Context<never>
  readonly settings: Settings
  readonly turn: Turn
  /** Where changes are stored one by one, and not turn by turn. */
  readonly stepwise: Commits | undefined
}): HookRunner => {
  const hooks = Context.getUnsafe(options.context, options.actor.Hooks)
  const encodeRejection = Schema.encodeUnknownEffect(Schema.toCodecJson(options.actor.schemas.rejection))

  const guard = <A, E>(
    hook: string,
    effect: Effect.Effect<A, E, any>,
    connection?: ServerConnection
  ): Effect.Effect<A, E | HookFailed> =>
    effect.pipe(
      InTime.timeoutOrElse({
        duration: options.settings.hookTimeout,
        orElse: () =>
          Effect.andThen(
            Effect.logError(`${hook} took longer than its time limit and was interrupted`),
            Effect.fail(new HookFailed({ hook }))
          )
      }),
      // One that interrupts itself has failed as well; if it was interrupted from outside nothing here runs any more.
      Effect.catchCauseIf((cause) => Cause.hasDies(cause) || Cause.hasInterruptsOnly(cause), (cause) =>
        Effect.andThen(Effect.logError(`${hook} failed`, cause), Effect.fail(new HookFailed({ hook })))),
      Effect.annotateLogs(connection === undefined ? { hook } : { hook, connection: connection.id }),
      Effect.provideContext(options.context as Context.Context<any>)
    )

  const reject = (hook: string) => (error: unknown): Effect.Effect<never, Rejected | HookFailed> =>
    error instanceof HookFailed
      ? Effect.fail(error)
      : guard(hook, Effect.orDie(encodeRejection(error))).pipe(
        Effect.flatMap((encoded) => Effect.fail(new Rejected({ encoded })))
      )

  const admit: HookRunner["admit"] = (request) =>
    guard("onBeforeConnect", Effect.suspend(() => hooks.onBeforeConnect(request))).pipe(
      Effect.catch(reject("onBeforeConnect"))
    )

  /** That the hook has run, or failed, is one commit with what it has changed. */
  const greet = (connection: ServerConnection, onConnect: NonNullable<typeof hooks.onConnect>): Effect.Effect<void> =>
    guard(
      "onConnect",
      Effect.suspend(() => {
        connection.isGreeting = true
        return Scope.provide(onConnect(connection.view), connection.scope)
      }),
      connection
    ).pipe(
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => connection.change({ greeted: true })),
        onFailure: () => Effect.sync(() => void connection.end(DisconnectReason.InternalError.make({})))
      })
    )

  /** That a hook has run is one commit with what it has changed; where changes are stored one by one, with the first. */
  const stored = <E>(hook: Effect.Effect<void, E>, mark: () => void): Effect.Effect<void, E> =>
    Effect.ensuring(
      options.stepwise === undefined ? hook : options.stepwise.withFirstChange(hook, mark),
      Effect.sync(mark)
    )

  const quietly = (effect: Effect.Effect<unknown, HookFailed>): Effect.Effect<void> => Effect.ignore(effect)

  return {
    greets: hooks.onConnect !== undefined,
    admit,
    readmit: (connection, request) =>
      connection.hooks.withPermit(
        hooks.onResume === undefined
          ? Effect.asVoid(admit(request))
          : guard("onResume", Effect.suspend(() => hooks.onResume!(connection.view, request)), connection).pipe(
            Effect.catch(reject("onResume"))
          )
      ),
    onConnect: (connection) =>
      // Waits for its turn as a hook of the connection already: no `onResume` comes before it.
      hooks.onConnect === undefined ? Effect.void : connection.hooks.withPermit(
        options.turn.take(greet(connection, hooks.onConnect))
      ),
    // Asked before and after the wait for the other hooks: a socket may be about to take the connection up.
    onSuspend: (connection, isDue) =>
      hooks.onSuspend === undefined ?
        Effect.void :
        quietly(options.turn.take(Effect.suspend(() =>
          connection.isAttaching ? Effect.void : connection.hooks.withPermit(
            Effect.suspend(() => {
              if (!isDue()) return Effect.void
              const mark = () => connection.change({ suspended: true })
              return stored(
                guard("onSuspend", Effect.suspend(() => hooks.onSuspend!(connection.view)), connection),
                mark
              )
            })
          )
        ))),
    onDisconnect: (connection, reason) =>
      hooks.onDisconnect === undefined ? Effect.sync(() => connection.forget()) : quietly(options.turn.take(
        connection.hooks.withPermit(
          stored(
            guard("onDisconnect", Effect.suspend(() => hooks.onDisconnect!(connection.view, reason)), connection),
            () => connection.forget()
          )
        )
      ))
  }
}
