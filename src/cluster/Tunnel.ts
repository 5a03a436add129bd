/**
 * The near end of a tunnel: the way of messages from this node to an actor,
 * wherever it lives.
 *
 * **Details**
 *
 * A tunnel leads to one life of the actor's memory. When anything is lost, in
 * doubt or moves, it breaks, and what travelled through it starts anew: a
 * client's session is resumed over its next socket. One push is under way at a
 * time: what comes meanwhile waits in the socket that it comes from and leaves
 * with the next push, so that order and back-pressure need no buffers.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as ClusterError from "effect/cluster/ClusterError"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { HeartbeatTiming } from "../session/Frame.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import { type DownlinkFrame, type EntityClient, TunnelBroken } from "./TunnelRpcs.ts"

/** How long the last frames of a tunnel may take that the actor has ended. */
const farewell = "5 seconds"

/**
 * The way to the actor is gone: its node crashed or fell silent, or the actor moved.
 *
 * @category errors
 * @since 0.1.0
 */
export class TunnelLost extends Data.TaggedError("TunnelLost")<{ readonly why: string }> {}

/**
 * The actor has closed the tunnel, with the code and reason of a socket's close.
 *
 * @category errors
 * @since 0.1.0
 */
export class TunnelClosed extends Data.TaggedError("TunnelClosed")<{
  readonly code: number
  readonly reason: string
}> {}

/**
 * A tunnel that is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tunnel {
  /** Takes messages to the actor, in the order of the calls; completes when they have arrived. */
  readonly push: (messages: ReadonlyArray<string>) => Effect.Effect<void, TunnelLost>
  /** The next message from the actor. */
  readonly pull: Effect.Effect<string, TunnelLost | TunnelClosed>
  /** Fails when the tunnel is lost, also while nothing travels through it. */
  readonly lost: Effect.Effect<never, TunnelLost>
}

/**
 * How long the ends of a tunnel wait for each other.
 *
 * @category models
 * @since 0.1.0
 */
export interface TunnelTiming {
  readonly heartbeat: HeartbeatTiming
  /** How many milliseconds an actor may take to leave its node. */
  readonly leaveGrace: number
}

/**
 * Opens a tunnel for as long as the scope is open. Waits while the actor has no
 * node, as after a crash.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open: (entity: EntityClient, options: {
  readonly use: "Socket" | "Calls"
  readonly headers: Readonly<Record<string, string>>
  /** Where the client's socket comes from. */
  readonly remoteAddress?: string | undefined
  readonly timing: TunnelTiming
}) => Effect.Effect<Tunnel, TunnelLost, Scope.Scope> = Effect.fnUntraced(function*(entity, options) {
  const { heartbeat, leaveGrace } = options.timing
  const lost = yield* Deferred.make<never, TunnelLost>()
  const lose = (why: string) =>
    Effect.flatMap(
      Effect.sync(() => new TunnelLost({ why })),
      (error) => Effect.andThen(Deferred.fail(lost, error), Effect.fail(error))
    )
  /** An interruption that is not this fiber's own means that the actor has left its node. */
  const orLose = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchCause(effect, (cause) => cause.pipe(describe, lose))
  const { downlink, incarnation, tunnel } = yield* orLose(dial(entity, options))

  const fork = Effect.runForkWith(yield* Effect.context<Scope.Scope>())
  let isLeaving = false
  /** What is pushed now will not be taken, and what it fails with tells nothing: the end comes down the tunnel. */
  const unlessLeaving = <A, E>(effect: Effect.Effect<A, E>) => Effect.suspend(() => isLeaving ? Effect.never : effect)
  const onLeaving = () => {
    isLeaving = true
    fork(lose("the actor has left").pipe(Effect.ignore, Effect.delay(leaveGrace), Effect.forkScoped))
  }

  /** The actor has ended the tunnel: why, and what it said before, is still to be pulled. */
  const awaitLastWords = Effect.delay(lose("the actor has ended it"), farewell)

  const clock = yield* Clock.Clock
  const oneByOne = Semaphore.makeUnsafe(1)
  let index = 0
  let lastPush = clock.monotonicTimeNanosUnsafe()
  const pushNow = (messages: ReadonlyArray<string>): Effect.Effect<void, TunnelLost> =>
    unlessLeaving(Effect.suspend(() => {
      lastPush = clock.monotonicTimeNanosUnsafe()
      return entity.Push({ tunnel, incarnation, index, messages })
    })).pipe(
      Effect.timeoutOrElse({
        duration: heartbeat.timeout,
        orElse: () => unlessLeaving(lose("the actor's node does not answer"))
      }),
      Effect.catchCause((cause) => unlessLeaving(isEnded(cause) ? awaitLastWords : cause.pipe(describe, lose))),
      Effect.flatMap((isTaken) => {
        if (!isTaken) return pushNow(messages)
        index++
        return Effect.void
      })
    )
  const push: Tunnel["push"] = (messages) => oneByOne.withPermit(pushNow(messages))

  const idle = Effect.map(Clock.monotonicTimeNanos, (now) => now - lastPush)
  yield* keepAlive(push, idle, heartbeat).pipe(Effect.ignore, Effect.forkScoped)
  const pull: Tunnel["pull"] = Effect.flatMap(orLose(Queue.take(downlink)), (frame) => {
    switch (frame[0]) {
      case "message":
        return Effect.succeed(frame[1])
      case "close":
        return Effect.fail(new TunnelClosed({ code: frame[1], reason: frame[2] }))
      case "leaving":
        onLeaving()
        return pull
      case "opened":
        // Its node crashed: the engine has opened the tunnel again, to an actor that knows nothing of it.
        return lose("it leads to another life of the actor")
    }
  })
  return { push, pull, lost: Deferred.await(lost) }
})

type OpenError =
  | ClusterError.AlreadyProcessingMessage
  | ClusterError.EntityNotAssignedToRunner
  | ClusterError.MailboxFull
  | ClusterError.PersistenceError
  | Cause.Done

interface Dialled {
  readonly tunnel: string
  readonly incarnation: string
  readonly downlink: Queue.Dequeue<DownlinkFrame, OpenError>
}

/** Asks until it is answered: who asked a node that hangs would wait for that node long after the actor has another. */
const dial = (
  entity: EntityClient,
  options: Parameters<typeof open>[1]
): Effect.Effect<Dialled, OpenError, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const attempt = yield* dialOnce(entity, options).pipe(
      Scope.provide(scope),
      Effect.timeoutOption(options.timing.heartbeat.timeout),
      Effect.onExit((exit) => isDone(exit) ? Effect.void : Scope.close(scope, Exit.void))
    )
    return Option.isSome(attempt) ? attempt.value : yield* dial(entity, options)
  })

const isDone = (exit: Exit.Exit<Option.Option<Dialled>, OpenError>): boolean =>
  Exit.isSuccess(exit) && Option.isSome(exit.value)

const dialOnce = Effect.fnUntraced(function*(
  entity: EntityClient,
  { headers, remoteAddress, use }: Parameters<typeof open>[1]
): Effect.fn.Return<Dialled, OpenError, Scope.Scope> {
  const tunnel = yield* ResumeToken.make
  const payload = { tunnel, use, headers, ...(remoteAddress === undefined ? {} : { remoteAddress }) }
  const downlink = yield* entity.Open(payload, { asQueue: true, streamBufferSize: 1 })
  const first = yield* Queue.take(downlink)
  return first[0] === "opened"
    ? { tunnel, downlink, incarnation: first[1] }
    : yield* Effect.die(new Error("a tunnel begins with the life of the actor that it leads to"))
})

/** Shows the actor's node that this one lives, when it cannot be told by what travels anyway. */
const keepAlive = Effect.fnUntraced(function*(
  push: Tunnel["push"],
  idle: Effect.Effect<bigint>,
  { interval }: HeartbeatTiming
): Effect.fn.Return<never, TunnelLost> {
  const due = BigInt(interval) * 1_000_000n
  while (true) {
    const rest = due - (yield* idle)
    if (rest > 0n) yield* Effect.sleep(Duration.nanos(rest))
    else yield* push([])
  }
})

const isEnded = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return error instanceof TunnelBroken && error.cause === "UnknownTunnel"
}

const describe = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "the actor has moved"
  const error = Cause.squash(cause)
  return Cause.isDone(error) ? "the actor has left" : error instanceof Error ? error.message : String(error)
}
