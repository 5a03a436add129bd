/**
 * The service where actors live. Only its tag, so that a contract imports no server code.
 *
 * @since 0.1.0
 */
// The tag is public as `ActorHost.ts`: its key is that file's, not this one's.
// @effect-diagnostics deterministicKeys:off
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type * as Stream from "effect/Stream"
import type { AnyActor } from "./definition.ts"
import type { HostView, InspectOptions } from "./inspection.ts"

/**
 * The handler of an RPC with its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyHandler = (
  payload: unknown,
  options: unknown
) => Rpc.WrapperOr<Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown>>

/**
 * How an actor is stored.
 *
 * @category models
 * @since 0.1.0
 */
export interface Durability {
  /** The pause between commits of an actor that answers before it has stored; `undefined` for one that stores first. */
  readonly interval: Duration.Duration | undefined
  /** The version of the state's schema. */
  readonly version: number
  /** Turns the encoded state of another version into one of this version. */
  readonly migrate: ((encoded: unknown, from: number) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * An actor that a host can run: its contract and its implementation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  readonly actor: AnyActor
  /** Makes the handlers, by name of the RPC; run once per actor start, in the scope and with the services of the actor. */
  readonly build: Effect.Effect<Readonly<Record<string, AnyHandler>>>
  /** Makes the first state; run once per actor start, before `build`, with `CurrentKey`. */
  readonly initialState: Effect.Effect<unknown>
  /** How many handlers of one actor instance run at a time. */
  readonly concurrency: number | "unbounded"
  /** How long an actor instance stays without connections and calls before it stops. */
  readonly maxIdleTime: Duration.Duration
  /** How the actor is stored, in the `ActorStorage` of its context; `undefined` for one that lives in memory. */
  readonly durability: Durability | undefined
  /** The services of the layer that registered the actor, the hooks among them; without its scope and span. */
  readonly context: Context.Context<never>
}

/**
 * How a host sends its clients away.
 *
 * @category models
 * @since 0.1.0
 */
export interface DrainOptions {
  /** Over how long the ends of the connections are spread. Default: 10 seconds. */
  readonly window?: Duration.Input | undefined
  /** When clients may come back, counted from their end: a random time up to this one. Default: 5 seconds. */
  readonly retryAfter?: Duration.Input | undefined
  /**
   * How long all of it may take, the running calls and the last hooks included; what is left then is cut. Keep it below
   * what kills the process, which is 30 seconds for Kubernetes and 10 for Docker. Default: 25 seconds.
   */
  readonly limit?: Duration.Input | undefined
}

/**
 * Where actors live: starts an instance on first use and gives access to it.
 *
 * @category services
 * @since 0.1.0
 */
export class ActorHost extends Context.Service<ActorHost, {
  /** Makes the actor available until the scope closes; dies if there is an actor of its name already. */
  readonly register: (registration: Registration) => Effect.Effect<void, never, Scope.Scope>
  /** Serves one accepted socket until it ends. */
  readonly accept: (
    socket: Socket.Socket,
    request: {
      readonly headers: Headers.Headers
      /** Bytes that were written to the socket and have not left yet, where the server can tell. */
      readonly backlog?: (() => number) | undefined
      /** Where the socket comes from, where the server can tell. */
      readonly remoteAddress?: string | undefined
    }
  ) => Effect.Effect<void>
  /** The client of the internal RPCs of the actor under `key`; its calls fail with `CallError`. */
  readonly client: (actor: AnyActor, key: string) => Effect.Effect<unknown>
  /**
   * Sends all clients away before the server closes: no new ones from now on; the connections there are end with
   * `Draining`, spread over `window`, each after its running calls. Completes when all have ended, or `limit` is over.
   */
  readonly drain: (options?: DrainOptions) => Effect.Effect<void>
  /** Whether `drain` has begun: a server refuses new sockets then. */
  readonly isDraining: Effect.Effect<boolean>
  /** How many actor instances live now. */
  readonly size: Effect.Effect<number>
  /** What there is on this node, for people who look after it. */
  readonly inspect: (options: InspectOptions) => Effect.Effect<HostView>
  /** Ends a connection of this node, as its actor would by `disconnect`; `false` if there is none of that id. */
  readonly kick: (connection: string, reason?: string) => Effect.Effect<boolean>
}>()("effect-tether/ActorHost") {}
