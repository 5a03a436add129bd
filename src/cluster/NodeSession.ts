/**
 * The session between this node and one actor, for the calls of server code: that of a client, which outlives the
 * tunnels that carry it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { FinalStatus } from "../client/Attachment.ts"
import type { Calls } from "../client/Calls.ts"
import * as ClientHandle from "../client/ClientHandle.ts"
import { CurrentEscort } from "../client/Escort.ts"
import { isFinal } from "../ConnectionStatus.ts"
import { DisconnectReason } from "../DisconnectReason.ts"
import * as InternalContract from "../host/InternalContract.ts"
import type { Keeper } from "../host/LiveActors.ts"
import type { AnyActor } from "../internal/definition.ts"
import * as Reconnect from "../Reconnect.ts"
import type { TunnelTiming } from "./Tunnel.ts"
import type { EntityClient } from "./TunnelRpcs.ts"
import * as TunnelSocket from "./TunnelSocket.ts"

/** What waits to be sent; a caller waits for room. */
const queueCapacity = 1_024

/** Longest key that a `hello` holds; the entity knows its own. */
const maxKeyLength = 1_024

/** Nodes are few, and one that has an actor is soon found. */
const backoff = Reconnect.resetAfter(
  Reconnect.fullJitter({ floor: "50 millis", base: "100 millis", cap: "1 second" }),
  "5 seconds"
)

/**
 * A session.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeSession {
  /** The methods of the actor's internal RPCs, which fail as those of a client. */
  readonly rpc: Readonly<Record<string, (payload: unknown, options?: object) => unknown>>
  /** How the session has ended for good; `undefined` while it can be used. */
  readonly end: () => FinalStatus | undefined
  /** Makes room for another session. */
  readonly drop: Effect.Effect<void>
}

/**
 * Makes a session that is there while the scope is open. It dials when there is something to call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly actor: AnyActor
  readonly key: string
  readonly entity: EntityClient
  readonly timing: TunnelTiming
  /** How long a session is asked for that the actor cannot be started for. */
  readonly patience: Duration.Duration
  /** The services of the actor's layer, for its schemas. */
  readonly context: Context.Context<never>
  readonly keeper: Keeper
}): Effect.fn.Return<NodeSession, never, Scope.Scope> {
  const { actor, context, entity, keeper, key, timing } = options
  const handle = yield* ClientHandle.make(
    {
      dial: Effect.sync(() => TunnelSocket.make(entity, timing)),
      awaitNeed: awaitCall,
      escort: (context) => Context.get(context, CurrentEscort),
      signals: undefined,
      observe: () => undefined
    },
    InternalContract.of(actor),
    key.slice(0, maxKeyLength),
    {
      context,
      params: Effect.void,
      queueCapacity,
      onQueueFull: "suspend",
      reconnect: untilUnavailable(options.patience),
      // The tunnel knows by itself whether the actor's node is there.
      openTimeout: Duration.infinity,
      handshakeTimeout: Duration.infinity,
      maxMessageBytes: Number.MAX_SAFE_INTEGER
    }
  )
  return {
    rpc: handle.rpc as NodeSession["rpc"],
    end: () => {
      const status = SubscriptionRef.getUnsafe(handle.status)
      return isFinal(status) ? status : undefined
    },
    drop: Effect.andThen(keeper.stop, Effect.yieldNow)
  }
})

/** Completes when there is a call that is not settled. */
const awaitCall = (calls: Calls): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (!calls.isIdle) return resume(Effect.void)
    const stop = calls.onQueued(() => {
      if (calls.isIdle) return
      stop()
      resume(Effect.void)
    })
    return Effect.sync(stop)
  })

/** The schedule ends where the actor is found and cannot be started for a time: who calls then is told so. */
const untilUnavailable = (patience: Duration.Duration): Schedule.Schedule<unknown, Reconnect.Lost> =>
  Schedule.toStep(backoff).pipe(
    Effect.map((step) => {
      let since: number | undefined
      return (now: number, lost: Reconnect.Lost) => {
        if (!isUnavailable(lost.cause)) since = undefined
        else since ??= now
        return since !== undefined && now - since > Duration.toMillis(patience)
          ? Cause.done(undefined)
          : step(now, lost)
      }
    }),
    Schedule.fromStep
  )

const isReason = Schema.is(DisconnectReason)

const isUnavailable = (cause: unknown): boolean => isReason(cause) && cause._tag === "InternalError"
