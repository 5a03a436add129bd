/**
 * Who gets in: a fresh client becomes a connection, one that comes back takes
 * its connection up again, anybody else is told why not.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Schema from "effect/Schema"
import type { Changes, StorageError } from "../ActorStorage.ts"
import { ConnectionId } from "../Connection.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ConnectRequest } from "../LifecycleHooks.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import { isDeeper } from "../session/Inbound.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import * as InTime from "./InTime.ts"
import { cut } from "./Replies.ts"
import { dismiss, type ServerConnection } from "./ServerConnection.ts"

interface Request {
  readonly hello: Frame.Hello
  readonly headers: Headers.Headers
  readonly outgoing: Outgoing
}

type OnAttached = (connection: ServerConnection) => void

/**
 * Answers a `hello`. `onAttached` is told the connection at the moment in
 * which the socket is to take it up; without one the socket has been ended.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (self: ActorInstance, request: Request, onAttached: OnAttached): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { hello } = request
    const answer = hello.resume === undefined
      ? admitFresh(self, request, onAttached)
      : Effect.flatMap(protect(self, hello.resume.token), (token) => {
        const known = findResumable(self, hello, token)
        return known === "late"
          ? Effect.fail(new Dismissed({ reason: DisconnectReason.Stale.make({}) }))
          : known === undefined
          ? admitFresh(self, request, onAttached)
          : readmit(self, known, token, request, onAttached)
      })
    return answer.pipe(
      Effect.catchTags({
        Rejected: ({ encoded }) =>
          Effect.andThen(
            Effect.logInfo("the actor refused a client"),
            Effect.sync(() => {
              self.telemetry.rejected("Rejected", encoded)
              request.outgoing.push(Frame.encode(["rejected", encoded]))
              request.outgoing.end(EndCode.rejected, "rejected")
            })
          ),
        // What failed is in the log already.
        HookFailed: () => sendAway(self, request.outgoing, DisconnectReason.InternalError.make({})),
        Dismissed: ({ reason }) =>
          Effect.andThen(
            reason._tag === "Stale"
              ? Effect.logDebug("a dial came late")
              : Effect.logInfo(`a client was sent away: ${reason._tag}`),
            sendAway(self, request.outgoing, reason)
          ),
        StorageError: (error) =>
          Effect.andThen(
            Effect.logError("a client could not be admitted, since storage failed", error),
            sendAway(self, request.outgoing, DisconnectReason.InternalError.make({}))
          )
      })
    )
  })

const sendAway = (self: ActorInstance, outgoing: Outgoing, reason: DisconnectReason.DisconnectReason) =>
  Effect.sync(() => {
    self.telemetry.rejected(reason._tag)
    dismiss(outgoing, reason, 0)
  })

class Dismissed extends Schema.TaggedError<Dismissed>("~effect-tether/host/Dismissed")("Dismissed", {
  reason: DisconnectReason.DisconnectReason
}) {}

const admitFresh = (self: ActorInstance, request: Request, onAttached: OnAttached) =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const { hello } = request
    const subscriptions = hello.subscriptions.filter((event) => self.actor.eventSchemas.has(event))
    const limit = self.settings.limits.subscriptions
    if (subscriptions.length > limit) {
      const message = `a hello names ${subscriptions.length} subscriptions and ${limit} are allowed`
      return yield* new Dismissed({ reason: DisconnectReason.ProtocolError.make({ message }) })
    }
    yield* checkRoom(self)
    const state = yield* restore(Effect.flatMap(decode(self, request), self.hooks.admit))
    const encodedState = yield* self.encodeConnectionState(state)
    const id = ConnectionId.make(yield* ResumeToken.make)
    const token = yield* ResumeToken.make
    const protectedToken = yield* protect(self, token)
    // Others may have come while the hook ran.
    yield* checkRoom(self)
    const connection = self.admit(self, {
      id,
      state,
      encodedState,
      token: protectedToken,
      attach: hello.attach,
      subscriptions
    })
    yield* store(self, connection)
    yield* self.start(connection, () => {
      onAttached(connection)
      welcome(self, connection, { token, outgoing: request.outgoing, resumed: false })
      if (hello.resume !== undefined) self.telemetry.replaced()
      // Its admission was under way when the others were sent away.
      if (self.isDraining()) connection.end(DisconnectReason.Draining.make({}))
    })
  }))

/** A token as it is kept: hashed where it is stored. */
const protect = (self: ActorInstance, token: string): Effect.Effect<string> =>
  self.commits === undefined ? Effect.succeed(token) : ResumeToken.hash(token)

/** What the client is about to be told of its connection is stored before. */
const store = (
  { commits }: ActorInstance,
  { record }: ServerConnection,
  trimmed: Changes["trimmed"] = []
): Effect.Effect<void, StorageError> =>
  commits === undefined || record === undefined ? Effect.void : commits.storeRecord(record, trimmed)

const checkRoom = (self: ActorInstance): Effect.Effect<void, Dismissed> =>
  self.table.size() < self.settings.maxConnections
    ? Effect.void
    : Effect.fail(new Dismissed({ reason: DisconnectReason.Draining.make({}) }))

const readmit = (
  self: ActorInstance,
  connection: ServerConnection,
  presented: string,
  request: Request,
  onAttached: OnAttached
) =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const { hello, outgoing } = request
    const resume = hello.resume!
    connection.attaching++
    yield* self.cancelExpiry(connection)
    const token = yield* ResumeToken.make
    const protectedToken = yield* protect(self, token)
    yield* decode(self, request).pipe(
      Effect.flatMap((params) => self.hooks.readmit(connection, params)),
      InTime.whenSlow(Effect.raceFirst(Effect.flatMap(
        Deferred.await(connection.ended),
        (reason) => Effect.fail(new Dismissed({ reason }))
      ))),
      restore,
      Effect.tapErrorTag("Rejected", () => Effect.sync(() => connection.end(DisconnectReason.Refused.make({})))),
      Effect.ensuring(Effect.sync(() => connection.attaching--)),
      Effect.onError(() => connection.session.socket === undefined ? self.startExpiry(connection) : Effect.void)
    )
    // The world may have moved on while the hook ran: another socket may have come and gone.
    yield* self.cancelExpiry(connection)
    const received = countOf(self, resume)
    const isStale = connection.isEnded || hello.attach <= connection.attach || !isValid(connection, presented)
    if (isStale || !connection.session.canResume(received)) return yield* giveUp(self, connection)
    displace(connection)
    connection.attach = hello.attach
    connection.previousToken = presented
    connection.token = protectedToken
    const trimmed = resume.epoch === self.epoch ? [] : recall(self, connection, hello)
    if (self.commits !== undefined) {
      yield* Effect.tapError(store(self, connection, trimmed), () => expire(self, connection))
      // Another socket may have come while this one was noted, or the end.
      if (connection.isEnded || connection.attach !== hello.attach) return yield* giveUp(self, connection)
    }
    const tail = connection.session.resume(received)
    if (tail === undefined) return yield* giveUp(self, connection)
    onAttached(connection)
    welcome(self, connection, { token, outgoing, resumed: true })
    for (const frame of tail) outgoing.push(frame)
    connection.session.makeRoom()
    if (connection.record?.part.suspended === true) connection.change({ suspended: false })
    if (connection.status === "Suspended") {
      connection.status = "Connected"
      self.table.announce({ _tag: "Resumed", connection: connection.view })
    }
    yield* self.telemetry.resumed(connection, resume.epoch === self.epoch)
    yield* Effect.annotateLogs(Effect.logDebug("connection resumed"), { connection: connection.id })
  }))

const giveUp = (self: ActorInstance, connection: ServerConnection): Effect.Effect<never, Dismissed> =>
  Effect.andThen(expire(self, connection), Effect.fail(new Dismissed({ reason: DisconnectReason.Stale.make({}) })))

/** Without a socket the window of the connection runs. */
const expire = (self: ActorInstance, connection: ServerConnection): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (connection.session.socket !== undefined || connection.isEnded) return Effect.void
    return connection.status === "Suspended" ? self.startExpiry(connection) : self.suspend(connection)
  })

/** What the client has taken in of this epoch: nothing, if it comes from another one. */
const countOf = (self: ActorInstance, { epoch, received }: Resume): number => epoch === self.epoch ? received : 0

/** The client comes from an earlier epoch: its subscriptions of now count, and replies that it has are not needed any more. */
const recall = (self: ActorInstance, connection: ServerConnection, { resume, subscriptions }: Frame.Hello) => {
  connection.resubscribe(subscriptions.filter((event) => self.actor.eventSchemas.has(event)))
  return connection.record?.recall(resume?.calls ?? []) ?? []
}

type Resume = NonNullable<Frame.Hello["resume"]>

/**
 * The connection that this `hello` may take up, if the tail that it needs is whole; `late` if a later socket of the same
 * client has been attached already, whatever token this one brings.
 */
const findResumable = (
  self: ActorInstance,
  { attach, resume }: Frame.Hello,
  token: string
): ServerConnection | "late" | undefined => {
  const connection = resume === undefined ? undefined : self.table.find(resume.connection)
  if (resume === undefined || connection === undefined || connection.isEnded) return undefined
  if (attach <= connection.attach) return "late"
  if (resume.epoch !== self.epoch && connection.record?.isRecovered !== true) return undefined
  if (!isValid(connection, token)) return undefined
  if (connection.session.canResume(countOf(self, resume))) return connection
  connection.end(DisconnectReason.Lost.make({}))
  return undefined
}

const isValid = (connection: ServerConnection, token: string): boolean =>
  ResumeToken.equals(connection.token, token) ||
  (connection.previousToken !== undefined && ResumeToken.equals(connection.previousToken, token))

const displace = (connection: ServerConnection): void => {
  const socket = connection.session.socket
  if (socket === undefined) return
  connection.session.socket = undefined
  dismiss(socket, DisconnectReason.Displaced.make({}), connection.session.state.received)
}

const welcome = (
  self: ActorInstance,
  connection: ServerConnection,
  { outgoing, resumed, token }: { readonly token: string; readonly outgoing: Outgoing; readonly resumed: boolean }
): void =>
  outgoing.push(Frame.encode(["welcome", {
    connection: connection.id,
    epoch: self.epoch,
    token,
    resumed,
    received: connection.session.state.received,
    limits: self.settings.limits,
    heartbeat: self.settings.heartbeat,
    resumeWindow: Duration.toMillis(self.settings.resumeWindow),
    ...(self.commits === undefined ? {} : { durable: true })
  }]))

const decode = (
  self: ActorInstance,
  request: Request
): Effect.Effect<ConnectRequest<unknown>, Dismissed> =>
  Effect.suspend(() => {
    const { params } = request.hello
    const { maxDepth } = self.settings
    return isDeeper(params, maxDepth)
      ? invalid(`the params nest deeper than the ${maxDepth} levels that are allowed`)
      : self.decodeParams(params).pipe(Effect.catch((error) => invalid(error.message)))
  }).pipe(
    Effect.map((params) => ({ params, headers: request.headers })),
    InTime.timeoutOrElse({
      duration: self.settings.hookTimeout,
      orElse: () => Effect.fail(new Dismissed({ reason: DisconnectReason.InternalError.make({}) }))
    }),
    Effect.provideContext(self.context)
  )

const invalid = (message: string) =>
  Effect.fail(new Dismissed({ reason: DisconnectReason.InvalidParams.make({ message: cut(message) }) }))
