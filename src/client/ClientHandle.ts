/**
 * A client of an actor: the handle is there at once and dials by itself.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { ConnectionError, Disconnected, Rejected } from "../ConnectionError.ts"
import { type Gap, isFinal, Status } from "../ConnectionStatus.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { AnyActor, AnyClient, AnyConnectOptions } from "../internal/definition.ts"
import type { PlatformSignals } from "../PlatformSignals.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Engine from "../session/Engine.ts"
import * as Frame from "../session/Frame.ts"
import { InOrder } from "../session/InOrder.ts"
import * as Attachment from "./Attachment.ts"
import * as Calls from "./Calls.ts"
import { ClientSession } from "./ClientSession.ts"
import * as ClientSettings from "./ClientSettings.ts"
import * as Dialer from "./Dialer.ts"
import type { Escort } from "./Escort.ts"
import { CurrentObserver, type Observe } from "./Observing.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as Wakeups from "./Wakeups.ts"

/** Gaps that a slow reader may lag behind; then it misses the oldest. */
const gapsCapacity = 16

/**
 * What carries the sockets of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carrier {
  /** Gives a socket that is not open yet. */
  readonly dial: Effect.Effect<Socket.Socket>
  /** What its clients wait for before they dial. Default: nothing. */
  readonly awaitNeed?: ((calls: Calls.Calls) => Effect.Effect<void>) | undefined
  /** What goes with the calls that are made in a context. Default: nothing. */
  readonly escort?: ((context: Context.Context<never>) => Escort) | undefined
  /** What the platform tells; `undefined` where it tells nothing. */
  readonly signals: PlatformSignals | undefined
  /** Who watches its clients; `undefined` for nobody, unless the app says so. */
  readonly observe: Observe | undefined
}

/**
 * Makes a client in the current scope, which leaves when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { awaitNeed, dial, escort, observe, signals }: Carrier,
  actor: AnyActor,
  key: string,
  options: AnyConnectOptions
): Effect.fn.Return<AnyClient, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const settings = ClientSettings.make(options, options.context)
  const session = new ClientSession()
  const engine = yield* Engine.make
  const telemetry = (observe ?? Context.get(options.context, CurrentObserver))?.(actor.type, key, options.context)
  const wakeups = signals === undefined ? undefined : yield* Wakeups.listen(signals)
  const status = yield* SubscriptionRef.make<Status<unknown>>(Status.Connecting({ attempt: 0 }))
  const gaps = yield* Effect.acquireRelease(PubSub.sliding<Gap>(gapsCapacity), PubSub.shutdown)
  const ended = yield* Deferred.make<void>()
  const left = yield* Deferred.make<void>()
  const calls = yield* Calls.make(actor, {
    context: options.context,
    capacity: settings.queueCapacity,
    onFull: settings.onQueueFull,
    uplink: makeUplink(session),
    telemetry,
    escort
  })
  const subscriptions = Subscriptions.make(actor, {
    context: options.context,
    capacity: settings.eventCapacity,
    pinned: options.subscribe ?? [],
    limit: () => session.limits?.subscriptions,
    // Without a session the next `hello` tells; a fresh one starts from what it told.
    onChange: (event, wanted) => {
      if (session.welcome === undefined) return
      session.session.send(Frame.encode([wanted ? "subscribe" : "unsubscribe", event]))
    }
  })
  if (telemetry?.metrics !== undefined) {
    yield* telemetry.metrics.observe({
      status: () => SubscriptionRef.getUnsafe(status)._tag,
      queued: calls.queued,
      replaySize: () => session.session.state.keptLength
    })
  }
  const setStatus = (next: Status<unknown>) =>
    SubscriptionRef.updateSome(status, (current) => isFinal(current) ? Option.none() : Option.some(next))

  const finish = (end: Attachment.Ended) =>
    Effect.suspend(() => {
      if (!Deferred.doneUnsafe(ended, Exit.void)) return Effect.void
      const error = toError(end.status)
      return setStatus(end.status).pipe(
        Effect.andThen(Effect.sync(() => calls.close(error, reasonOf(end.status), end.taken))),
        Effect.andThen(subscriptions.close(error))
      )
    }).pipe(Effect.uninterruptible)

  const deliveries = new InOrder<Attachment.Delivery>({
    act: (item) => "cause" in item ? subscriptions.announce(item) : subscriptions.deliver(item[1], item[2]),
    onDefect: (item, cause) =>
      "cause" in item ? Effect.void : subscriptions.fail(item[1], `the schema died: ${Cause.pretty(cause)}`),
    context: options.context,
    scope
  })
  const life = Attachment.live({
    actor: actor.type,
    key,
    dial: awaitNeed === undefined ? dial : Effect.andThen(awaitNeed(calls), dial),
    session,
    engine,
    telemetry,
    calls,
    subscriptions,
    setStatus,
    settings,
    params: makeParams(actor, options, settings.paramsTimeout),
    decodeRejection: decodeRejection(actor, options),
    deliveries,
    announceGap: (gap) => {
      telemetry?.metrics?.gap(gap.cause)
      deliveries.offer(gap)
      return Effect.asVoid(PubSub.publish(gaps, gap))
    },
    wakeups
  })
  yield* Dialer.lives(life, {
    schedule: settings.reconnect,
    cap: (now) => session.longestWait(now),
    onWait: ({ attempt, cause }, delay) => setStatus(Status.Waiting({ attempt, delay, cause })),
    wakeups
  }).pipe(
    Stream.runDrain,
    Effect.andThen(Effect.fail(gaveUp)),
    Effect.catchTag("Ended", finish),
    // A schedule of the app that dies must not leave its callers waiting for ever.
    Effect.catchDefect((defect) => Effect.andThen(Effect.logError("the client failed", defect), finish(failed))),
    Effect.raceFirst(Deferred.await(left)),
    Effect.annotateLogs({ actor: actor.type, key }),
    Effect.forkScoped
  )
  const disconnect = (reason?: string) =>
    Effect.suspend(() => {
      const goodbye = DisconnectReason.ClientLeft.make(reason === undefined ? {} : { reason })
      return finish(new Attachment.Ended({ status: Status.Disconnected({ reason: goodbye }), taken: undefined })).pipe(
        Effect.andThen(sayGoodbye(session, goodbye)),
        Effect.andThen(Deferred.succeed(left, undefined)),
        Effect.asVoid
      )
    }).pipe(Effect.uninterruptible)
  yield* Effect.addFinalizer(() => disconnect())

  return {
    rpc: calls.rpc,
    events: Object.fromEntries(
      Array.from(actor.eventSchemas.keys(), (event) => [event, subscriptions.stream(event)])
    ),
    status,
    listen: (...events) => subscriptions.listen(events),
    gaps: Stream.interruptWhen(Stream.fromPubSub(gaps), Deferred.await(ended)),
    queued: Effect.sync(calls.queued),
    queuedChanges: queuedChanges(calls).pipe(
      Stream.interruptWhen(Deferred.await(ended)),
      Stream.concat(Stream.succeed(0)),
      Stream.changes
    ),
    disconnect
  }
})

const queuedChanges = (calls: Calls.Calls): Stream.Stream<number> =>
  Stream.callback<number>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          Queue.offerUnsafe(queue, calls.queued())
          return calls.onQueued(() => Queue.offerUnsafe(queue, calls.queued()))
        }),
        (stop) => Effect.sync(stop)
      ),
    { bufferSize: 1, strategy: "sliding" }
  )

const makeUplink = (self: ClientSession): Calls.Uplink => ({
  limits: () => self.limits,
  hasRoom: () => self.hasRoom,
  send: (frame) => {
    self.session.send(frame)
    return self.session.state.sent
  }
})

const makeParams = (
  actor: AnyActor,
  options: AnyConnectOptions,
  timeout: Duration.Input
): Effect.Effect<unknown, unknown> => {
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(actor.schemas.params))
  return options.params.pipe(
    Effect.flatMap(encode),
    Effect.timeout(timeout),
    Effect.catchDefect((defect) => Effect.fail(defect)),
    Effect.provideContext(options.context)
  )
}

const decodeRejection = (actor: AnyActor, options: AnyConnectOptions) => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(actor.schemas.rejection))
  return (encoded: unknown) => Effect.provideContext(decode(encoded), options.context)
}

/** The schedule has ended: the client gives up on a network that is away. */
const gaveUp = new Attachment.Ended({
  status: Status.Disconnected({ reason: DisconnectReason.Lost.make({}) }),
  taken: undefined
})

const failed = new Attachment.Ended({
  status: Status.Disconnected({ reason: DisconnectReason.InternalError.make({}) }),
  taken: undefined
})

const toError = (status: Attachment.FinalStatus): ConnectionError<unknown> =>
  new ConnectionError<unknown>({
    reason: status._tag === "Rejected"
      ? new Rejected({ rejection: status.rejection })
      : new Disconnected({ reason: status.reason })
  })

const reasonOf = (status: Attachment.FinalStatus): DisconnectReason.DisconnectReason =>
  status._tag === "Rejected" ? DisconnectReason.Refused.make({}) : status.reason

/** Tells the server, if it can be reached, and waits a moment for the word to leave. */
const sayGoodbye = (self: ClientSession, reason: DisconnectReason.ClientLeft): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { socket } = self
    if (socket === undefined) return Effect.void
    socket.push(Frame.encodeBye(reason, self.session.state.received))
    socket.end(EndCode.codes.ClientLeft, DisconnectReason.describe(reason))
    return socket.done.pipe(Effect.interruptible, Effect.timeoutOption(farewellTimeout), Effect.asVoid)
  })

/** How long a last message may take to leave. */
const farewellTimeout = Duration.seconds(1)
