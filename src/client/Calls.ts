/**
 * The calls of a client: typed methods above, frames below, and in between
 * what was sent and is not answered.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClient, Request } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import { ConnectionError, InvalidReply, NotExecuted, OutcomeUnknown } from "../ConnectionError.ts"
import { ClientLeft, type DisconnectReason } from "../DisconnectReason.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Frame from "../session/Frame.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import { type Call, isKept, isRepeatable, isUntouched, makeDelivery, takeFirst } from "./Call.ts"
import * as CallFrame from "./CallFrame.ts"
import type { ClientTelemetry } from "./ClientTelemetry.ts"
import * as Outbox from "./Outbox.ts"

type Failure = ConnectionError<unknown>

/**
 * The way out of a client: where frames go while it is attached.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uplink {
  /** The limits of the server; `undefined` before the first welcome. */
  readonly limits: () => Frame.Limits | undefined
  /** Whether a call may be sent now. */
  readonly hasRoom: () => boolean
  /** Counts a frame as sent and returns its number in the session. */
  readonly send: (frame: string) => number
}

/**
 * The calls of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Calls {
  /** The typed methods. */
  readonly rpc: unknown
  readonly queued: () => number
  /** Calls the listener when `queued` may have changed; returns what ends that. */
  readonly onQueued: (listener: () => void) => () => void
  /** Sends what waits, as far as there is room. */
  readonly drain: Effect.Effect<void>
  /** The same at once; returns an effect only where something is left to do. */
  readonly drainNow: () => Effect.Effect<void> | undefined
  /** Acts on a frame; returns an effect only where something is left to do. */
  readonly onFrame: (
    frame: Extract<Frame.ServerFrame, readonly ["reply" | "refused" | "chunk", ...ReadonlyArray<any>]>
  ) => Effect.Effect<void, ProtocolViolation> | undefined
  /**
   * The session is gone. Of the calls that were sent, those that may be are sent again on the next one: idempotent ones,
   * and those that the server says it never took in. The others settle.
   */
  readonly sessionLost: (cause: DisconnectReason | undefined, taken: number | undefined) => Effect.Effect<void>
  /**
   * The connection goes on in a new epoch of a durable actor: calls are sent again under their ids. Streams, and calls
   * whose result nobody wants, settle.
   */
  readonly recovered: Effect.Effect<void>
  /** The ids of the calls that would be sent again to a durable actor. */
  readonly unanswered: () => ReadonlyArray<number>
  /** Settles all calls, now and later: those never sent with `error`. */
  readonly close: (error: Failure, cause: DisconnectReason, taken: number | undefined) => Effect.Effect<void>
}

/**
 * Makes the calls of a client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(actor: AnyActor, options: {
  readonly context: Context.Context<never>
  readonly capacity: number
  readonly onFull: "suspend" | "fail"
  readonly uplink: Uplink
  readonly telemetry: ClientTelemetry | undefined
}): Effect.fn.Return<Calls, never, Scope.Scope> {
  const { telemetry, uplink } = options
  const scope = yield* Effect.scope
  const outbox = yield* Outbox.make<Call>(options)
  const sent = new Map<number, Call>()
  // Calls of a session that is gone that may be sent again: the first to leave on the next one.
  const again = new Map<number, Call>()
  // How the streams end whose last chunks their consumers have not taken yet.
  const unread = new Map<number, Exit.Exit<unknown, unknown>>()
  const runFork = Effect.runForkWith(options.context)
  const observers = new Set<() => void>()
  let nextId = 0

  const queuedChanged = () => {
    if (observers.size > 0) observers.forEach((observer) => observer())
  }
  const settle = (call: Call, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
    sent.delete(call.id)
    telemetry?.ended(call.id, exit)
    if (call.abandoned) return Effect.void
    // `client.write` forgets the call when it is called, not when its effect runs: the chunks before must have been taken.
    const write = Effect.suspend(() => {
      unread.delete(call.id)
      return client.write({ _tag: "Exit", clientId: 0, requestId: call.id as never, exit: exit as never })
    })
    if (call.delivery === undefined) return write
    unread.set(call.id, exit)
    return Effect.sync(() => call.delivery!.offer(write))
  }
  const fail = (call: Call, reason: Failure["reason"]) => {
    // That it does not run this time says nothing of the time before.
    const known = call.mayHaveRun && reason._tag === "NotExecuted" ? new OutcomeUnknown({ cause: undefined }) : reason
    return settle(call, Exit.fail(new ConnectionError({ reason: known })))
  }

  // One step for each call: interrupted wherever it may be, none is lost between the queue and those that were sent.
  const drainNow = (): Effect.Effect<void> | undefined => {
    const tooLarge: Array<readonly [Call, NotExecuted]> = []
    while (uplink.hasRoom() && sent.size < (uplink.limits()?.callsInFlight ?? 0)) {
      const call = takeFirst(again) ?? outbox.take()
      if (call === undefined) break
      const reason = CallFrame.checkSize(call.frame, uplink.limits())
      if (reason === undefined) {
        sent.set(call.id, call)
        call.sequence = uplink.send(call.frame)
        telemetry?.sent(call.id)
      } else {
        tooLarge.push([call, reason])
      }
      outbox.grant()
    }
    queuedChanged()
    return tooLarge.length === 0
      ? undefined
      : Effect.uninterruptible(Effect.forEach(tooLarge, ([call, reason]) => fail(call, reason), { discard: true }))
  }
  const drain = Effect.suspend(() => drainNow() ?? Effect.void)

  const request = (message: Request<Rpc.Any>, trace: string | undefined): Effect.Effect<void, Failure> => {
    const rpc = actor.protocol.requests.get(message.tag)!
    const codec = RpcCodec.of(rpc)
    return Effect.flatMap(
      Effect.orDie(RpcCodec.withServices(codec.encodePayload(message.payload), options.context)),
      (payload) => {
        const call: Call = {
          id: message.id as number,
          frame: CallFrame.encode(message, payload, trace),
          rpc,
          discard: message.discard === true,
          sequence: 0,
          mayHaveRun: false,
          abandoned: false,
          delivery: codec.isStream
            ? makeDelivery(options.context, scope, (cause) => refuseChunk(call, dead(cause).message))
            : undefined
        }
        const tooLarge = CallFrame.checkSize(call.frame, uplink.limits())
        return tooLarge === undefined
          ? Effect.andThen(outbox.offer(call), drain)
          : Effect.fail(new ConnectionError<unknown>({ reason: tooLarge }))
      }
    )
  }

  const abandon = (call: Call): void => {
    call.abandoned = true
    call.delivery?.takeAll()
    uplink.send(Frame.encode(["interrupt", call.id]))
  }
  const interrupt = (id: number): Effect.Effect<void> =>
    Effect.sync(() => {
      telemetry?.ended(id, Exit.interrupt())
      const removed = outbox.remove(id) || again.delete(id)
      const call = sent.get(id)
      if (removed) queuedChanged()
      else if (call !== undefined) abandon(call)
    })

  const client = yield* RpcClient.makeNoSerialization(actor.protocol as unknown as RpcGroup.RpcGroup<Rpc.Any>, {
    disableTracing: true,
    supportsAck: true,
    generateRequestId: () => nextId++ as never,
    onFromClient: ({ message }: { readonly message: FromClient<Rpc.Any> }): Effect.Effect<void, Failure> => {
      switch (message._tag) {
        case "Request":
          return telemetry?.begin(message, (trace) => request(message, trace)) ?? request(message, undefined)
        case "Interrupt":
          return interrupt(message.requestId as number)
        case "Ack":
          return Effect.sync(() => {
            if (sent.has(message.requestId as number)) {
              uplink.send(Frame.encode(["chunk-ack", message.requestId as number]))
            }
          })
        default:
          return Effect.void
      }
    }
  }).pipe(
    // With the scope of the handle it would interrupt who calls later; `close` settles all calls, those to come too.
    Scope.provide(Scope.makeUnsafe()),
    Effect.provideContext(options.context as Context.Context<any>)
  )

  // The scope takes the deliveries with it: a stream whose tail is lost must not end as if it were whole.
  yield* Effect.addFinalizer(() =>
    Effect.forEach(Array.from(unread), ([id, exit]) =>
      client.write({
        _tag: "Exit",
        clientId: 0,
        requestId: id as never,
        exit: (Exit.isSuccess(exit) ? cutShort() : exit) as never
      }), { discard: true })
  )

  /** Replies decode beside the reader of the socket, which waits for nobody. */
  const onReply = (call: Call, encoded: unknown): void => {
    const codec = RpcCodec.of(call.rpc)
    const decode = call.discard ? codec.decodeDiscardedExit : codec.decodeExit
    const settled = Effect.suspend(() => decode(encoded)).pipe(
      Effect.matchEffect({
        onFailure: (error) => fail(call, new InvalidReply({ message: error.message })),
        onSuccess: (exit) => settle(call, exit)
      })
    )
    onExit(runFork(settled), scope, (exit) => {
      if (Exit.isFailure(exit) && Exit.hasDies(exit)) runFork(fail(call, dead(exit.cause)))
    })
  }

  /** The stream ends here, and its handler on the server is told to. */
  const refuseChunk = (call: Call, message: string): Effect.Effect<void> => {
    const reason = new InvalidReply({ message })
    const exit = Exit.fail(new ConnectionError<unknown>({ reason }))
    telemetry?.ended(call.id, exit)
    abandon(call)
    return client.write({ _tag: "Exit", clientId: 0, requestId: call.id as never, exit: exit as never })
  }

  const onChunk = (call: Call, values: ReadonlyArray<unknown>): Effect.Effect<void, ProtocolViolation> | undefined => {
    if (call.abandoned || call.delivery === undefined) return undefined
    if (call.delivery.size > (uplink.limits()?.streamWindow ?? 0)) {
      return Effect.fail(new ProtocolViolation({ message: "the server sent more chunks than the window allows" }))
    }
    call.delivery.offer(Effect.suspend(() =>
      Effect.matchEffect(RpcCodec.of(call.rpc).decodeChunk(values), {
        onFailure: (error) => refuseChunk(call, error.message),
        onSuccess: (decoded) =>
          client.write({ _tag: "Chunk", clientId: 0, requestId: call.id as never, values: decoded as never })
      })
    ))
    return undefined
  }

  const settleSent = (
    calls: ReadonlyArray<Call>,
    cause: DisconnectReason | undefined,
    taken: number | undefined
  ): Effect.Effect<void> =>
    Effect.suspend(() =>
      Effect.forEach(calls, (call) =>
        fail(
          call,
          isUntouched(call, taken)
            ? new NotExecuted({
              cause: "ConnectionEnded",
              message: "the connection ended before the server took the call in"
            })
            : new OutcomeUnknown({ cause })
        ), { discard: true })
    )

  const repeat = (
    cause: DisconnectReason | undefined,
    taken: number | undefined,
    recovered: boolean
  ): Effect.Effect<void> =>
    Effect.suspend(() => {
      const repeated = Array.from(sent.values()).filter((call) => isRepeatable(call, taken, recovered))
      const waiting = Array.from(again.values())
      again.clear()
      for (const call of repeated) {
        if (!isUntouched(call, taken)) call.mayHaveRun = true
        call.sequence = 0
      }
      for (const call of [...repeated, ...waiting]) {
        sent.delete(call.id)
        again.set(call.id, call)
      }
      queuedChanged()
      return settleSent(Array.from(sent.values()), cause, taken)
    })

  return {
    rpc: client.client,
    queued: () => outbox.size() + again.size,
    onQueued: (observer) => {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    drain,
    drainNow,
    onFrame: (frame) => {
      const call = sent.get(frame[1])
      if (call === undefined) return undefined
      switch (frame[0]) {
        case "reply":
          onReply(call, frame[2])
          return drainNow()
        case "refused":
          return Effect.andThen(fail(call, CallFrame.toReason(frame[2], frame[3])), drain)
        case "chunk":
          return onChunk(call, frame[2])
      }
    },
    sessionLost: (cause, taken) => repeat(cause, taken, false),
    recovered: repeat(undefined, undefined, true),
    unanswered: () => [...sent.values(), ...again.values()].filter(isKept).map(({ id }) => id),
    close: Effect.fnUntraced(function*(error, cause, taken) {
      for (const call of outbox.close(error)) yield* settle(call, Exit.fail(error))
      yield* settleSent([...again.values(), ...sent.values()], cause, taken)
      again.clear()
    })
  }
})

const cutShort = () => Exit.fail(new ConnectionError({ reason: new OutcomeUnknown({ cause: ClientLeft.make({}) }) }))

/** A schema that dies is a fault of the app, and must not leave its caller waiting. */
const dead = (cause: Cause.Cause<unknown>) => new InvalidReply({ message: `the schema died: ${Cause.pretty(cause)}` })

const onExit = <A, E>(fiber: Fiber.Fiber<A, E>, scope: Scope.Scope, act: (exit: Exit.Exit<A, E>) => void): void => {
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return act(exit)
  Fiber.runIn(fiber, scope)
  fiber.addObserver(act)
}
