/**
 * A client of an actor as atoms: its status, what its events add up to, and its calls, for any framework that `Atom`
 * has a binding to.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as AsyncResult from "effect/reactivity/AsyncResult"
import * as Atom from "effect/reactivity/Atom"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcSchema from "effect/rpc/RpcSchema"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Actor from "../Actor.ts"
import type * as Client from "../Client.ts"
import type { Events } from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import type { Gap, Status } from "../ConnectionStatus.ts"
import type { ActorClient } from "../internal/actorClient.ts"
import { ClientAtoms } from "./ClientAtoms.ts"
import type { Pending } from "./Commands.ts"
import type { FoldFrom, FoldLoaded } from "./Fold.ts"

export type { Pending } from "./Commands.ts"
export type { FoldFrom, FoldLoaded, Reducers } from "./Fold.ts"

/**
 * How calls of the RPC `R` fail.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CallFailure<R extends Rpc.Any, Rejection> = R extends Rpc.Rpc<
  infer _Tag,
  infer _Payload,
  infer Success,
  infer Error,
  infer Middleware,
  infer _Requires
> ?
    | (Success extends RpcSchema.Stream<infer _A, infer E> ? E["Type"] : never)
    | Error["Type"]
    | Middleware["error"]["Type"]
    | Middleware["~ClientError"]
    | ConnectionError<Rejection>
  : never

/**
 * The atom that calls the RPC `R`; `never` for a streaming one.
 *
 * @category models
 * @since 0.1.0
 */
export type Call<R extends Rpc.Any, Rejection> = Rpc.SuccessSchema<R> extends RpcSchema.Stream<infer _A, infer _E> ?
  never
  : Atom.AtomResultFn<Rpc.PayloadConstructor<R>, Rpc.Success<R>, CallFailure<R, Rejection>>

/**
 * The atom of what the RPC `R` replies; of a streaming one, of what was pulled so far.
 *
 * @category models
 * @since 0.1.0
 */
export type Query<R extends Rpc.Any, Rejection> = Rpc.SuccessSchema<R> extends RpcSchema.Stream<infer A, infer _E>
  ? Atom.Writable<Atom.PullResult<A["Type"], CallFailure<R, Rejection>>, void>
  : Atom.Atom<AsyncResult.AsyncResult<Rpc.Success<R>, CallFailure<R, Rejection>>>

/**
 * The payload of the RPC `R` as an argument list: it may be left out where there is none.
 *
 * @category utility types
 * @since 0.1.0
 */
export type PayloadArgs<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: Rpc.PayloadConstructor<R>]
  : [payload: Rpc.PayloadConstructor<R>]

/**
 * A client as atoms.
 *
 * **Details**
 *
 * In each `AtomRegistry` they share one client. It connects when the first of them is used, and leaves when none has
 * been for the idle time to live.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActorAtoms<Rpcs extends Rpc.Any, Es extends Events, Rejection = never> {
  /** The handle itself, for what the other atoms don't do. Refreshing it ends the client and makes a new one. */
  readonly client: Atom.Atom<AsyncResult.AsyncResult<Client.Client<Rpcs, Es, Rejection>>>
  /** Where the client stands. */
  readonly status: Atom.Atom<Status<Rejection>>
  /** The last gap, since the atom is used. */
  readonly gap: Atom.Atom<Option.Option<Gap>>
  /** How many calls wait in the queue. */
  readonly queued: Atom.Atom<number>
  /** The calls that were made through `call` and have not ended, oldest first. */
  readonly pending: Atom.Atom<ReadonlyArray<Pending<Rpcs>>>
  /**
   * Folds events into a state. The result always has a value where `initial` is given; it fails as event streams do, and
   * refreshing it starts over. Make it once, as every atom, and not in a component.
   */
  readonly fold: {
    <State>(
      options: FoldFrom<Es, State>
    ): Atom.Atom<AsyncResult.AsyncResult<State, ConnectionError<Rejection>>>
    <State, E = never>(
      options: FoldLoaded<Client.Client<Rpcs, Es, Rejection>, Es, State, E>
    ): Atom.Atom<AsyncResult.AsyncResult<State, E | ConnectionError<Rejection>>>
  }
  /**
   * The atom that calls an RPC with what is written to it; always the same one for a tag. Its value is the result of the
   * last call. Each call runs to its end, also when another one is written, `Atom.Interrupt` is, or nobody uses the atom
   * any more; the client stays for as long.
   */
  readonly call: <const Tag extends Rpcs["_tag"]>(tag: Tag) => Call<Rpc.ExtractTag<Rpcs, Tag>, Rejection>
  /**
   * What an RPC replies that only reads; always the same atom for the same tag and payload. It is asked anew after each
   * gap, and when the session was lost before the reply; the call is interrupted when nobody uses the atom any more.
   */
  readonly query: <const Tag extends Rpcs["_tag"]>(
    tag: Tag,
    ...payload: PayloadArgs<Rpc.ExtractTag<Rpcs, Tag>>
  ) => Query<Rpc.ExtractTag<Rpcs, Tag>, Rejection>
  /** Leaves for good, with a reason for the actor, when it is written to. */
  readonly disconnect: Atom.AtomResultFn<string | void, void>
}

/**
 * The atoms of a contract's client.
 *
 * @category utility types
 * @since 0.1.0
 */
export type AtomsOf<A extends Actor.Any> = A extends { readonly Client: { readonly Service: infer C } }
  ? C extends Client.Client<infer Rpcs, infer Es, infer Rejection> ? ActorAtoms<Rpcs, Es, Rejection> : never
  : never

type ConnectOptions<P extends Schema.Top, Es extends Events, E, R> =
  & Client.ConnectOptions<Es>
  & (P extends Schema.Void ? {} : { readonly params: P["Type"] | Effect.Effect<P["Type"], E, R> })

type Connect<P extends Schema.Top, Es extends Events, E, R> =
  | ConnectOptions<P, Es, E, R>
  | ((get: Atom.AtomContext) => ConnectOptions<P, Es, E, R>)

/**
 * How the atoms of a client are made.
 *
 * @category models
 * @since 0.1.0
 */
export type Options<
  P extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Events,
  Rpcs extends Rpc.Any,
  E,
  R
> =
  & {
    /** The way to the server, and what else the contract needs on a client. Shared with all atoms that name the same. */
    readonly layer: Layer.Layer<
      ActorClient | Exclude<R | Actor.ClientServices<P, Rej, Es, Rpcs>, Scope.Scope>
    >
    /** How long the client stays when none of its atoms is used. Default: that of the registry. */
    readonly idleTimeToLive?: Duration.Input | undefined
  }
  & (P extends Schema.Void ? {
      /** As for `connect` of the contract; a function may read atoms, whose change makes a new client. */
      readonly connect?: Connect<P, Es, E, R> | undefined
    }
    : {
      /** As for `connect` of the contract; a function may read atoms, whose change makes a new client. */
      readonly connect: Connect<P, Es, E, R>
    })

/**
 * Whether the atoms of a registry may connect. Default: `true`.
 *
 * **When to use**
 *
 * Set it to `false`, best among the initial values of a registry, where a page is rendered on a server: atoms then have
 * the values of before the first dial, and no client is made. Setting it later ends the clients, or makes them.
 *
 * @category atoms
 * @since 0.1.0
 */
export const dialling: Atom.Writable<boolean> = /* @__PURE__ */ Atom.keepAlive(/* @__PURE__ */ Atom.make(true))

/**
 * Makes the atoms of a client of the instance under `key`.
 *
 * **Example**
 *
 * ```ts
 * import * as Actor from "effect-tether/Actor"
 * import * as BrowserClient from "effect-tether/BrowserClient"
 * import * as ActorAtom from "effect-tether/reactivity/ActorAtom"
 * import * as Rpc from "effect/rpc/Rpc"
 * import * as Schema from "effect/Schema"
 *
 * class ChatRoom extends Actor.make("ChatRoom", {
 *   params: { name: Schema.String },
 *   events: { posted: { from: Schema.String, text: Schema.String } },
 *   rpcs: [Rpc.make("post", { payload: { text: Schema.String } })]
 * }) {}
 *
 * const lobby = ActorAtom.make(ChatRoom, "lobby", {
 *   layer: BrowserClient.layer({ url: "/actors" }),
 *   connect: { params: { name: "ada" }, subscribe: ["posted"] }
 * })
 *
 * export const messages = lobby.fold({
 *   initial: [] as ReadonlyArray<string>,
 *   on: { posted: (all, { from, text }) => [...all, `${from}: ${text}`] }
 * })
 * export const post = lobby.call("post")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  P extends Schema.Top,
  CS extends Schema.Top,
  S extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Events,
  Rpcs extends Rpc.Any,
  Internal extends Rpc.Any,
  E = never,
  R = never
>(
  actor: Actor.Actor<Name, P, CS, S, Rej, Es, Rpcs, Internal>,
  key: string,
  options: Options<P, Rej, Es, Rpcs, E, R>
): ActorAtoms<Rpcs, Es, Rej["Type"]> =>
  // What is made at run time has its types erased; those that callers see are inferred from the contract.
  new ClientAtoms(actor, key, options, dialling) as any

/**
 * Makes the atoms of each instance that is asked for: the same ones for the same key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const family = <
  const Name extends string,
  P extends Schema.Top,
  CS extends Schema.Top,
  S extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Events,
  Rpcs extends Rpc.Any,
  Internal extends Rpc.Any,
  E = never,
  R = never
>(
  actor: Actor.Actor<Name, P, CS, S, Rej, Es, Rpcs, Internal>,
  options: (key: string) => Options<P, Rej, Es, Rpcs, E, R>
): (key: string) => ActorAtoms<Rpcs, Es, Rej["Type"]> => Atom.family((key: string) => make(actor, key, options(key)))
