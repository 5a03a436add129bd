/**
 * The far end of a line: runs the calls of another node on the actor that lives
 * here.
 *
 * @since 0.1.0
 */

// Errors of the app's own RPCs are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Headers from "effect/http/Headers"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Rpc from "effect/rpc/Rpc"
import * as Semaphore from "effect/Semaphore"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { CallError } from "../CallError.ts"
import * as InternalCalls from "../host/InternalCalls.ts"
import { CallChain } from "../host/Turn.ts"
import type { WaitGraph } from "../host/WaitGraph.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Link from "../session/Link.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import type { CallChains, WireTurn } from "./CallChains.ts"
import * as CallMessage from "./CallMessage.ts"

/** Answers that wait to leave; handlers' fibers wait for room. */
const capacity = 1_024

/** Chunks of a stream on their way. */
const streamWindow = 16

/** The decoder of messages bounds what it takes: the pushes of a node are bounded by that node. */
const maxBytes = 2 ** 31 - 1

/**
 * What the calls of other nodes need of this one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly actor: AnyActor
  /** The services of the actor's layer, for its schemas. */
  readonly context: Context.Context<never>
  /** The clients of the instances of this node. */
  readonly client: (key: string) => Record<string, unknown>
  readonly waitsForTurn: boolean
  readonly waits: WaitGraph
  readonly chains: CallChains
  /** Largest answer, in UTF-16 code units. */
  readonly maxLength: number
}

type CallFrame = Extract<CallMessage.Asked, readonly ["call", ...ReadonlyArray<any>]>
type Send = (answer: CallMessage.Answered) => Effect.Effect<void>

/**
 * Serves a line until it ends; the calls that are running then are interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serve = (env: Environment, key: string, socket: Socket.Socket): Effect.Effect<void> =>
  Effect.gen(function*() {
    const link = yield* Link.fromSocket(socket, { maxBytes: () => maxBytes })
    const answers = yield* Queue.bounded<string>(capacity)
    const running = yield* FiberMap.make<number>()
    const windows = new Map<number, Semaphore.Semaphore>()
    const send: Send = (answer) => Effect.asVoid(Queue.offer(answers, encodeAnswer(answer, env.maxLength)))

    const act = (frame: CallMessage.Asked): Effect.Effect<void> => {
      const [tag, id] = frame
      switch (tag) {
        case "call": {
          const window = Semaphore.makeUnsafe(streamWindow)
          windows.set(id, window)
          return Effect.asVoid(FiberMap.run(
            running,
            id,
            Effect.ensuring(run(env, key, frame, send, window), Effect.sync(() => windows.delete(id)))
          ))
        }
        case "interrupt":
          return FiberMap.remove(running, id)
        case "chunk-ack":
          return windows.get(id)?.release(1) ?? Effect.void
        case "released":
          return Effect.sync(() => env.chains.release(frame[2]))
      }
    }
    const asked = Effect.forever(
      Effect.flatMap(link.pull, (messages) =>
        Effect.forEach(messages, (message) =>
          Effect.flatMap(
            CallMessage.decodeAsked(message),
            (frames) => Effect.forEach(frames, act, { discard: true })
          ), { discard: true }))
    )
    const answered = Effect.forever(
      Effect.flatMap(
        Queue.takeAll(answers),
        (parts) =>
          Effect.forEach(CallMessage.toMessages(parts, env.maxLength), (message) => link.write(message), {
            discard: true
          })
      )
    )
    return yield* Effect.raceFirst(asked, answered)
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => Effect.logDebug(`a line to this actor has ended: ${error._tag}`)),
    Effect.annotateLogs({ actor: env.actor.type, key })
  )

/** Too large an answer would take all that the nodes say to each other with it. */
const encodeAnswer = (answer: CallMessage.Answered, maxLength: number): string => {
  const encoded = CallMessage.encodeAnswered(answer)
  return encoded.length <= maxLength ? encoded : CallMessage.encodeAnswered([
    "died",
    answer[1],
    `the answer has a length of ${encoded.length}; ${maxLength} is allowed`
  ])
}

/** Runs one call, with the turns of its callers, and answers it. */
const run = Effect.fnUntraced(function*(
  env: Environment,
  key: string,
  [, id, tag, payload, meta]: CallFrame,
  send: Send,
  window: Semaphore.Semaphore
): Effect.fn.Return<void> {
  const rpc = env.actor.internal.requests.get(tag)
  if (rpc === undefined) {
    return yield* send(["died", id, `${env.actor.type} has no internal RPC "${tag}" on its node`])
  }
  const exit = yield* RpcCodec.withServices(RpcCodec.of(rpc).decodePayload(payload), env.context).pipe(
    Effect.orDie,
    Effect.flatMap((decoded) => {
      const options = { headers: Headers.fromInput(meta.headers), discard: meta.discard }
      const result = (env.client(key)[tag] as Method)(decoded, options)
      return Stream.isStream(result) ? sendChunks(env, rpc, id, result, send, window) : result
    }),
    withChain(env, meta.chain, `${env.actor.type}/${key}`),
    Tracing.continueFrom(meta.trace, env.context),
    Effect.exit
  )
  yield* send(yield* toAnswer(env, rpc, id, exit, meta.discard))
})

type Method = (
  payload: unknown,
  options: { readonly headers: Headers.Headers; readonly discard: boolean }
) => Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown>

const sendChunks = (
  env: Environment,
  rpc: Rpc.AnyWithProps,
  id: number,
  stream: Stream.Stream<unknown, unknown>,
  send: Send,
  window: Semaphore.Semaphore
): Effect.Effect<void, unknown> =>
  Stream.runForEachArray(
    stream,
    (values) =>
      Effect.forEach(values, (value) => RpcCodec.withServices(RpcCodec.of(rpc).encodeChunkValue(value), env.context))
        .pipe(
          Effect.orDie,
          Effect.tap(() => window.take(1)),
          Effect.flatMap((encoded) => send(["chunk", id, encoded]))
        )
  )

/** Runs a call with the turns that wait for its answer, unless the actor's own is among them. */
const withChain =
  (env: Environment, wire: ReadonlyArray<WireTurn>, address: string) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | CallError> =>
    Effect.scoped(Effect.gen(function*() {
      const chain = yield* Effect.acquireRelease(
        Effect.sync(() => env.chains.fromWire(wire)),
        () => Effect.sync(() => env.chains.forget(wire))
      )
      if (env.waitsForTurn) {
        if (chain.some((turn) => turn.isHeld && turn.address === address)) {
          return yield* InternalCalls.cycle(chain, address)
        }
        for (let i = 1; i < chain.length; i++) {
          const leave = env.waits.add(chain[i - 1]!, chain[i]!.address)
          yield* Effect.addFinalizer(() => Effect.sync(leave))
        }
      }
      return yield* Effect.provideService(effect, CallChain, chain)
    }))

const toAnswer = (
  env: Environment,
  rpc: Rpc.AnyWithProps,
  id: number,
  exit: Exit.Exit<unknown, unknown>,
  discard: boolean
): Effect.Effect<CallMessage.Answered> => {
  const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : Option.none()
  if (Option.isSome(error) && error.value instanceof CallError) return Effect.succeed(["failed", id, error.value])
  const { encodeDiscardedExit, encodeExit } = RpcCodec.of(rpc)
  return RpcCodec.withServices((discard ? encodeDiscardedExit : encodeExit)(exit), env.context).pipe(
    Effect.map((encoded): CallMessage.Answered => ["exit", id, encoded]),
    Effect.catch((failure) =>
      Effect.as(
        Effect.logError(`the answer of ${rpc._tag} does not encode`, failure),
        ["died", id, `the answer of ${rpc._tag} does not encode`] as const
      )
    )
  )
}
