/**
 * What a platform tells its clients: that it may be worth to dial now, and that it is about to stop running them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * One thing that a platform tells.
 *
 * **Details**
 *
 * - `wake`: something has changed, so that what was known of the network is out of date. A client that waits for its
 *   next dial dials now; one that is connected asks its server for a sign of life. Ignored while suspended.
 * - `suspend`: the platform will not run the client for a while. Its socket is closed at once, within the signal, and no
 *   other one is dialled. This is no leave: the session waits on the server for the resume window.
 * - `resume`: the platform runs the client again; ends a `suspend`, and is a `wake` as well.
 *
 * A `retryAfter` of the server is never shortened, and a dial that a signal asks for begins a second after the one
 * before at the earliest, so that signals may come in bursts.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal = "wake" | "suspend" | "resume"

/**
 * Where the signals of a platform come from.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlatformSignals {
  /** Calls the listener for every signal, while the platform gives it, until the scope closes. */
  readonly listen: (listener: (signal: Signal) => void) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The signals that the clients of an `ActorClient` listen to. Default: none.
 *
 * **When to use**
 *
 * Provide it to a layer of `ActorClient` on a platform that knows more than its sockets do, a mobile app for example.
 * `BrowserClient.layer` has those of a web page.
 *
 * **Example**
 *
 * ```ts
 * import * as ActorClient from "effect-tether/ActorClient"
 * import { PlatformSignals } from "effect-tether/PlatformSignals"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * declare const AppState: {
 *   readonly onChange: (listener: (state: "active" | "background") => void) => () => void
 * }
 *
 * const AppSignals = Layer.succeed(PlatformSignals, {
 *   listen: (listener) =>
 *     Effect.acquireRelease(
 *       Effect.sync(() => AppState.onChange((state) => listener(state === "active" ? "resume" : "suspend"))),
 *       (stop) => Effect.sync(stop)
 *     ).pipe(Effect.asVoid)
 * })
 *
 * export const ClientLayer = ActorClient.layerWebSocket({ url: "wss://example.org/actors" }).pipe(
 *   Layer.provide(AppSignals)
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const PlatformSignals: Context.Reference<PlatformSignals | undefined> = Context.Reference<
  PlatformSignals | undefined
>("effect-tether/PlatformSignals", { defaultValue: () => undefined })

/**
 * Why a client is away that its platform has suspended: the `cause` of its status `Waiting`.
 *
 * @category models
 * @since 0.1.0
 */
export class Suspended extends Data.TaggedClass("Suspended")<{}> {}
