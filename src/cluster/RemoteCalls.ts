/**
 * Calls of internal RPCs to actors on any node: the methods of server code above, the session between this node and the
 * actor below.
 *
 * @since 0.1.0
 */

// Errors of the app's own RPCs are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import * as RpcSchema from "effect/rpc/RpcSchema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ActorUnavailable, CallError, HostClosed, OutcomeUnknown } from "../CallError.ts"
import { CurrentEscort, type Escort } from "../client/Escort.ts"
import { type ConnectionError, isConnectionError } from "../ConnectionError.ts"
import * as InternalCalls from "../host/InternalCalls.ts"
import { CallChain } from "../host/Turn.ts"
import type { HeldTurn, WaitGraph } from "../host/WaitGraph.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Frame from "../session/Frame.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { CallChains } from "./CallChains.ts"
import type { NodeSession } from "./NodeSession.ts"

/**
 * What the calls to an actor need of this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  /** The session with the actor under a key, kept while the scope is open. */
  readonly session: (key: string) => Effect.Effect<NodeSession, CallError, Scope.Scope>
  /** Whether the actor takes turns at all. */
  readonly waitsForTurn: () => boolean
  readonly waits: WaitGraph
  readonly chains: CallChains
}

interface CallOptions {
  readonly asQueue?: boolean | undefined
  readonly streamBufferSize?: number | undefined
}

type Method = (payload: unknown, options?: CallOptions) => unknown

/**
 * Makes the clients of an actor's internal RPCs, one per key.
 *
 * **Details**
 *
 * A call runs once. It is sent again only where the actor says that it was never begun, or, if the actor is durable, where
 * its journal tells a repetition from a new call; where nobody can tell, it fails with `OutcomeUnknown`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClient = (actor: AnyActor, env: Environment): (key: string) => Record<string, Method> => (key) =>
  Object.fromEntries(
    Array.from(actor.internal.requests, ([tag, { successSchema }]): [string, Method] => {
      const call = { actor, env, key, tag }
      return [
        tag,
        RpcSchema.isStreamSchema(successSchema)
          ? (payload, options) => toStream(call, payload, options)
          : (payload, options) => toEffect(call, payload, options)
      ]
    })
  )

interface Call {
  readonly actor: AnyActor
  readonly env: Environment
  readonly key: string
  readonly tag: string
}

const toEffect = (call: Call, payload: unknown, options: CallOptions | undefined): Effect.Effect<unknown, unknown> =>
  begin(call).pipe(
    Effect.flatMap(({ escort, session }) => {
      const made = session.rpc[call.tag]!(payload, options) as Effect.Effect<unknown, unknown>
      return made.pipe(
        Effect.provideService(CurrentEscort, escort),
        Effect.catchIf(isConnectionError, (error) => judge(session, error))
      )
    }),
    Effect.scoped,
    Effect.catchIf(isNeverRan, () => toEffect(call, payload, options))
  )

const toStream = (call: Call, payload: unknown, options: CallOptions | undefined) => {
  const stream = streamOnce(call, payload, options)
  return options?.asQueue === true
    ? Stream.toQueue(stream, { capacity: options.streamBufferSize ?? 16 })
    : stream
}

const streamOnce = (
  call: Call,
  payload: unknown,
  options: CallOptions | undefined
): Stream.Stream<unknown, unknown> =>
  begin(call).pipe(
    Effect.flatMap(({ escort, session }) => {
      const made = session.rpc[call.tag]!(payload, { ...options, asQueue: true }) as Effect.Effect<
        Queue.Dequeue<unknown, unknown>,
        unknown,
        Scope.Scope
      >
      return Effect.map(Effect.provideService(made, CurrentEscort, escort), (queue) =>
        (Stream.fromQueue(queue) as Stream.Stream<unknown, unknown>).pipe(
          Stream.catchIf(isConnectionError, (error) =>
            Stream.fromEffect(judge(session, error)))
        ))
    }),
    Stream.unwrap,
    Stream.catchIf(isNeverRan, () =>
      streamOnce(call, payload, options))
  )

/** The actor has said that it has not begun with the call and never will: it is as if it had not been made. */
class NeverRan {}

const isNeverRan = (error: unknown): error is NeverRan => error instanceof NeverRan

/** Waits for the session, with the turns that wait for the call. */
const begin = Effect.fnUntraced(function*(
  { actor, env, key }: Call
): Effect.fn.Return<{ readonly session: NodeSession; readonly escort: Escort }, CallError, Scope.Scope> {
  const chain = yield* CallChain
  if (env.waitsForTurn()) yield* InternalCalls.join(env.waits, chain, `${actor.type}/${key}`)
  const escort: Escort = {
    trace: yield* Tracing.current,
    chain: () => env.chains.toWire(chain),
    attend: chain.length > 0 ? yield* watchTurns(env.chains, chain) : () => {}
  }
  let session = yield* env.session(key)
  while (session.end() !== undefined) {
    yield* session.drop
    session = yield* env.session(key)
  }
  return { session, escort }
})

/** Has the actor's node told when a turn that waits for the call is given back before it is settled. */
const watchTurns = Effect.fnUntraced(function*(
  chains: CallChains,
  chain: ReadonlyArray<HeldTurn>
): Effect.fn.Return<Escort["attend"], never, Scope.Scope> {
  const removals: Array<() => void> = []
  yield* Effect.addFinalizer(() => Effect.sync(() => removals.forEach((remove) => remove())))
  return (tell) => {
    const names = chains.toWire(chain)
    for (const [i, turn] of chain.entries()) {
      if (!turn.isHeld) continue
      const listener = () => tell(Frame.encode(["released", names[i]![1]]))
      turn.onRelease ??= new Set()
      turn.onRelease.add(listener)
      removals.push(() => turn.onRelease?.delete(listener))
    }
  }
})

/** What the failure of a call means for server code. */
const judge = (
  session: NodeSession,
  { reason }: ConnectionError<unknown>
): Effect.Effect<never, NeverRan | CallError> => {
  switch (reason._tag) {
    case "OutcomeUnknown":
      return Effect.fail(new CallError({ reason: new OutcomeUnknown() }))
    case "Rejected":
      return Effect.fail(new CallError({ reason: reason.rejection as ActorUnavailable }))
    case "NotExecuted":
      if (reason.cause !== "ConnectionEnded") return bug(reason)
      return Effect.fail(hasLeft(session) ? new CallError({ reason: new HostClosed() }) : new NeverRan())
    case "Disconnected":
      if (hasLeft(session)) return Effect.fail(new CallError({ reason: new HostClosed() }))
      return reason.reason._tag === "Lost" ? Effect.fail(new NeverRan()) : bug(reason)
    default:
      return bug(reason)
  }
}

/** Too large a call or answer, or what the nodes' contracts don't agree on. */
const bug = ({ message }: { readonly message: string }) => Effect.die(new Error(message))

/** Whether it is this node that has ended the session. */
const hasLeft = (session: NodeSession): boolean => {
  const end = session.end()
  return end?._tag === "Disconnected" && end.reason._tag === "ClientLeft"
}
