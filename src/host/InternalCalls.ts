/**
 * Calls of internal RPCs by server code and other actors: no connection, no
 * hooks, no encoding.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClient, FromServer } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import { CallCycle, CallError, OutcomeUnknown } from "../CallError.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import type { Commits } from "./Commits.ts"
import { CallChain } from "./Turn.ts"
import type { HeldTurn, WaitGraph } from "./WaitGraph.ts"

/**
 * The client id of server code in an actor's `RpcServer`.
 *
 * @category constants
 * @since 0.1.0
 */
export const clientId = 0

type Respond = (response: FromServer<Rpc.Any>) => Effect.Effect<void>

/**
 * Who waits for an internal call of an instance, by request id.
 *
 * @category models
 * @since 0.1.0
 */
export interface Responders {
  /** `false` if the instance has stopped meanwhile: nobody will respond. */
  readonly add: (requestId: string | number, respond: Respond) => boolean
  readonly respond: Respond
  /** Settles all that are left: the instance stops. */
  readonly abandon: Effect.Effect<void>
}

/**
 * Makes the responders of an instance.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeResponders = (): Responders => {
  const waiting = new Map<string | number, Respond>()
  let isAbandoned = false
  return {
    add: (requestId, respond) => {
      if (!isAbandoned) waiting.set(requestId, respond)
      return !isAbandoned
    },
    respond: (response) => {
      if (response._tag !== "Exit" && response._tag !== "Chunk") return Effect.void
      const respond = waiting.get(response.requestId)
      if (response._tag === "Exit") waiting.delete(response.requestId)
      return respond === undefined ? Effect.void : respond(response)
    },
    abandon: Effect.suspend(() => {
      isAbandoned = true
      const all = Array.from(waiting)
      waiting.clear()
      return Effect.forEach(all, ([requestId, respond]) => respond(unknownOutcome(requestId)), { discard: true })
    })
  }
}

const unknownOutcome = (requestId: string | number): FromServer<Rpc.Any> => ({
  _tag: "Exit",
  clientId,
  requestId: requestId as never,
  exit: Exit.fail(new CallError({ reason: new OutcomeUnknown() })) as never
})

/**
 * Hands an answer to whoever waits for it, after what its call has changed is
 * stored. If that fails, `abandon` settles the call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const respond = (
  responders: Responders,
  commits: Commits | undefined,
  response: FromServer<Rpc.Any>
): Effect.Effect<void> => {
  if (response._tag !== "Exit" && response._tag !== "Chunk") return Effect.void
  return commits === undefined ? responders.respond(response) : Effect.flatMap(
    commits.answered({ client: clientId, request: response.requestId as string | number }),
    (isStored) => isStored ? responders.respond(response) : Effect.void
  )
}

/**
 * Notes for as long as the scope is open that the last one of a chain of turns waits for an actor; fails where that
 * would close a circle.
 *
 * @category combinators
 * @since 0.1.0
 */
export const join = (
  waits: WaitGraph,
  chain: ReadonlyArray<HeldTurn>,
  address: string
): Effect.Effect<void, CallError, Scope.Scope> => {
  const caller = chain.at(-1)
  if (caller === undefined) return Effect.void
  return waits.closesCircle(caller, address)
    ? Effect.fail(cycle(chain, address))
    : Effect.acquireRelease(Effect.sync(() => waits.add(caller, address)), (leave) => Effect.sync(leave))
}

/**
 * The failure of a call that would wait for itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cycle = (chain: ReadonlyArray<HeldTurn>, address: string): CallError =>
  new CallError({ reason: new CallCycle({ chain: [...chain.map((turn) => turn.address), address] }) })

/** The key of the instance that a call is for; `RpcClient` hands it through. */
const TargetKey = Context.Reference<string>("effect-tether/host/InternalCalls/TargetKey", {
  defaultValue: () => ""
})

/**
 * Makes the clients of an actor's internal RPCs, one per key. `get` finds or
 * starts the instance under a key and keeps it while the scope is open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClient = Effect.fnUntraced(function*(actor: AnyActor, options: {
  readonly get: (key: string) => Effect.Effect<ActorInstance, CallError, Scope.Scope>
  /** Whether the actor takes turns at all. */
  readonly waitsForTurn: () => boolean
  readonly waits: WaitGraph
}): Effect.fn.Return<(key: string) => Record<string, unknown>, never, Scope.Scope> {
  const running = new Map<string | number, ActorInstance>()

  const request = Effect.fnUntraced(
    function*(message: FromClient<Rpc.Any> & { readonly _tag: "Request" }, key: string) {
      const chain = yield* CallChain
      const scope = yield* Scope.make()
      if (options.waitsForTurn()) yield* Scope.provide(join(options.waits, chain, `${actor.type}/${key}`), scope)
      const instance = yield* options.get(key).pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
      )
      const span = yield* Tracing.startCurrent(`${actor.type}/${message.tag}`, {
        kind: "internal",
        attributes: Tracing.rpcAttributes(actor.type, key, message.tag)
      })
      const respond: Respond = (response) => {
        if (response._tag !== "Exit") return client.write(response)
        running.delete(message.id)
        return Tracing.end(span, response.exit).pipe(
          Effect.andThen(client.write(response)),
          Effect.andThen(Scope.close(scope, Exit.void))
        )
      }
      if (!instance.internal.add(message.id, respond)) return yield* respond(unknownOutcome(message.id))
      running.set(message.id, instance)
      yield* Effect.updateContext(
        instance.server.write(clientId, message),
        (_: Context.Context<never>) => Tracing.under(span, Context.add(instance.context, CallChain, chain))
      )
    }
  )

  const client = yield* RpcClient.makeNoSerialization(actor.internal as unknown as RpcGroup.RpcGroup<Rpc.Any>, {
    disableTracing: true,
    supportsAck: false,
    onFromClient: ({ context, message }): Effect.Effect<void, CallError> => {
      if (message._tag === "Request") return request(message, Context.get(context, TargetKey))
      if (message._tag !== "Interrupt") return Effect.void
      const instance = running.get(message.requestId)
      return instance === undefined ? Effect.void : instance.server.write(clientId, message)
    }
  })
  return (key) => bindKey(client.client as never, Array.from(actor.internal.requests.keys()), key)
})

type Method = (payload: unknown, options?: { readonly context?: Context.Context<never> }) => unknown

/** Binds the methods of a client to a key. */
const bindKey = (
  methods: Record<string, Method>,
  tags: ReadonlyArray<string>,
  key: string
): Record<string, unknown> =>
  Object.fromEntries(
    tags.map((tag): [string, Method] => [
      tag,
      (payload, options) =>
        methods[tag]!(payload, {
          ...options,
          context: Context.add(options?.context ?? Context.empty(), TargetKey, key)
        })
    ])
  )
