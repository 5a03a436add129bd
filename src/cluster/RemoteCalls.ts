/**
 * Calls of internal RPCs to actors on any node: typed methods above, the line
 * to the actor below.
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
import type { CallError } from "../CallError.ts"
import * as InternalCalls from "../host/InternalCalls.ts"
import { CallChain } from "../host/Turn.ts"
import type { HeldTurn, WaitGraph } from "../host/WaitGraph.ts"
import type { AnyActor } from "../internal/definition.ts"
import { InOrder } from "../session/InOrder.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { CallChains, WireTurn } from "./CallChains.ts"
import type { CallLine } from "./CallLine.ts"
import type { Answered } from "./CallMessage.ts"
import * as CallMessage from "./CallMessage.ts"

/**
 * What the calls to an actor need of this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  /** The line to the actor under a key, kept while the scope is open. */
  readonly line: (key: string) => Effect.Effect<CallLine, CallError, Scope.Scope>
  /** Whether the actor takes turns at all. */
  readonly waitsForTurn: () => boolean
  readonly waits: WaitGraph
  readonly chains: CallChains
  /** The services of the actor's layer, for its schemas. */
  readonly context: () => Context.Context<never>
  /** Largest call, in UTF-16 code units. */
  readonly maxLength: number
}

interface Running {
  readonly line: CallLine
  readonly scope: Scope.Closeable
}

/**
 * Makes the clients of an actor's internal RPCs, one per key. A call that was
 * sent and whose answer is lost fails with `OutcomeUnknown`: it is never sent
 * twice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClient = Effect.fnUntraced(function*(
  actor: AnyActor,
  env: Environment
): Effect.fn.Return<(key: string) => Record<string, unknown>, never, Scope.Scope> {
  const running = new Map<number, Running>()
  const owner = yield* Effect.scope

  const take = (id: number) => {
    const call = running.get(id)
    running.delete(id)
    return call
  }
  const settle = (message: Request, exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      const call = take(Number(message.id))
      if (call === undefined) return Effect.void
      const answer = { _tag: "Exit", clientId: 0, requestId: message.id, exit } as FromServer<Rpc.Any>
      return Effect.andThen(client.write(answer), Scope.close(call.scope, Exit.void))
    })
  const interrupt = (id: number) =>
    Effect.suspend(() => {
      const call = take(id)
      return call === undefined
        ? Effect.void
        : Effect.andThen(call.line.interrupt(id), Scope.close(call.scope, Exit.void))
    })

  const request = Effect.fnUntraced(function*(message: Request, key: string) {
    const scope = yield* Scope.make()
    yield* ask(message, key, scope).pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
    )
  })
  const ask = Effect.fnUntraced(function*(message: Request, key: string, scope: Scope.Closeable) {
    const id = Number(message.id)
    const chain = yield* CallChain
    const rpc = actor.internal.requests.get(message.tag)!
    if (env.waitsForTurn()) yield* InternalCalls.join(env.waits, chain, `${actor.type}/${key}`)
    const wire = env.chains.toWire(chain)
    const frame = yield* encode(message, rpc, wire, env)
    const line = yield* env.line(key)
    running.set(id, { line, scope })
    const deliver = RpcCodec.of(rpc).isStream ? makeDelivery(owner) : (effect: Effect.Effect<void>) => effect
    yield* line.call(id, frame, {
      onLost: (error) => deliver(settle(message, Exit.fail(error))),
      onAnswer: (answer) => {
        if (answer[0] !== "chunk") {
          return deliver(Effect.flatMap(decodeExit(answer, message, rpc, env), (exit) => settle(message, exit)))
        }
        return deliver(
          decodeChunk(answer, rpc, env).pipe(
            Effect.flatMap((values) =>
              client.write({ _tag: "Chunk", clientId: 0, requestId: message.id, values } as FromServer<Rpc.Any>)
            ),
            Effect.andThen(line.tell(["chunk-ack", id])),
            Effect.catch((error) => settle(message, Exit.die(error)))
          )
        )
      }
    })
    yield* watchTurns(chain, wire, (turn) => line.tell(["released", id, turn]))
  })

  const client = yield* RpcClient.makeNoSerialization(actor.internal as unknown as RpcGroup.RpcGroup<Rpc.Any>, {
    disableTracing: true,
    supportsAck: false,
    onFromClient: ({ context, message }): Effect.Effect<void, CallError> => {
      if (message._tag === "Request") return request(message, Context.get(context, InternalCalls.TargetKey))
      return message._tag === "Interrupt" ? interrupt(Number(message.requestId)) : Effect.void
    }
  })
  return (key) => InternalCalls.bindKey(client.client as never, Array.from(actor.internal.requests.keys()), key)
})

type Request = FromClient<Rpc.Any> & { readonly _tag: "Request" }

const encode = (
  message: Request,
  rpc: Rpc.AnyWithProps,
  chain: ReadonlyArray<WireTurn>,
  { context, maxLength }: Environment
): Effect.Effect<string> =>
  Effect.all([RpcCodec.withServices(RpcCodec.of(rpc).encodePayload(message.payload), context()), Tracing.current]).pipe(
    Effect.map(([payload, trace]) =>
      CallMessage.encodeAsked(["call", Number(message.id), message.tag, payload, {
        chain,
        headers: message.headers,
        discard: message.discard === true,
        ...(trace === undefined ? {} : { trace })
      }])
    ),
    Effect.orDie,
    Effect.filterOrElse(
      (frame) => frame.length <= maxLength,
      (frame) => Effect.die(new Error(`a call of ${rpc._tag} has a length of ${frame.length}; ${maxLength} is allowed`))
    )
  )

/** Tells the actor's node when a turn that waits for the answer is given back before the answer has come. */
const watchTurns = Effect.fnUntraced(function*(
  chain: ReadonlyArray<HeldTurn>,
  wire: ReadonlyArray<WireTurn>,
  tell: (turn: string) => Effect.Effect<void>
): Effect.fn.Return<void, never, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<Scope.Scope>())
  for (const [i, [, name]] of wire.entries()) {
    const turn = chain[i]!
    if (name === "") continue
    if (!turn.isHeld) {
      yield* tell(name)
      continue
    }
    const listener = () => fork(tell(name).pipe(Effect.forkScoped))
    const { onRelease } = turn
    onRelease?.add(listener)
    yield* Effect.addFinalizer(() => Effect.sync(() => onRelease?.delete(listener)))
  }
})

/** The chunks of a stream wait for its consumer, and nobody else does. */
const makeDelivery = (scope: Scope.Scope): (effect: Effect.Effect<void>) => Effect.Effect<void> => {
  const deliveries = new InOrder<Effect.Effect<void>>({ act: (effect) => effect, context: Context.empty(), scope })
  return (effect) => Effect.sync(() => deliveries.offer(effect))
}

const decodeExit = (
  answer: Exclude<Answered, readonly ["chunk", ...ReadonlyArray<any>]>,
  message: Request,
  rpc: Rpc.AnyWithProps,
  { context }: Environment
): Effect.Effect<Exit.Exit<unknown, unknown>> => {
  if (answer[0] === "failed") {
    const failure = Exit.fail(answer[2])
    return Effect.succeed(failure)
  }
  if (answer[0] === "died") return Effect.succeed(Exit.die(new Error(answer[2])))
  const { decodeDiscardedExit, decodeExit } = RpcCodec.of(rpc)
  const decode = message.discard === true ? decodeDiscardedExit : decodeExit
  return RpcCodec.withServices(decode(answer[2]), context()).pipe(
    Effect.match({ onFailure: Exit.die, onSuccess: (exit) => exit })
  )
}

const decodeChunk = (
  answer: Extract<Answered, readonly ["chunk", ...ReadonlyArray<any>]>,
  rpc: Rpc.AnyWithProps,
  { context }: Environment
) => RpcCodec.withServices(RpcCodec.of(rpc).decodeChunk(answer[2]), context())
