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
import { ConnectionId } from "../Connection.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { ConnectRequest } from "../LifecycleHooks.ts"
import * as EndCode from "../session/EndCode.ts"
import * as Frame from "../session/Frame.ts"
import type { Outgoing } from "../session/Outgoing.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import { dismiss, type ServerConnection } from "./ServerConnection.ts"

interface Request {
  readonly hello: Frame.Hello
  readonly headers: Headers.Headers
  readonly outgoing: Outgoing
}

type OnAttached = (connection: ServerConnection) => void

/**
 * Answers a `hello`. `onAttached` is told the connection at the moment in
 * which the socket takes it up; without one the socket has been ended.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (self: ActorInstance, request: Request, onAttached: OnAttached): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { resume } = request.hello
    const late = isLate(self, request.hello)
    const known = late || resume === undefined ? undefined : findResumable(self, resume)
    const answer = late
      ? Effect.fail(new Dismissed({ reason: DisconnectReason.Stale.make({}) }))
      : known === undefined
      ? admitFresh(self, request, onAttached)
      : readmit(self, known, request, onAttached)
    return answer.pipe(
      Effect.catchTags({
        Rejected: ({ encoded }) =>
          Effect.andThen(
            Effect.logInfo("the actor refused a client"),
            Effect.sync(() => {
              self.telemetry.metrics.rejected("Rejected", encoded)
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
          )
      })
    )
  })

const sendAway = (self: ActorInstance, outgoing: Outgoing, reason: DisconnectReason.DisconnectReason) =>
  Effect.sync(() => {
    self.telemetry.metrics.rejected(reason._tag)
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
    const id = ConnectionId.make(yield* ResumeToken.make)
    const token = yield* ResumeToken.make
    // Others may have come while the hook ran.
    yield* checkRoom(self)
    yield* self.open({
      id,
      state,
      attach: hello.attach,
      subscriptions,
      onListed: (connection) => {
        connection.token = token
        onAttached(connection)
        connection.session.socket = request.outgoing
        welcome(self, connection, request.outgoing, false)
        if (hello.resume !== undefined) self.telemetry.metrics.resumed("lost")
        // Its admission was under way when the others were sent away.
        if (self.isDraining()) connection.end(DisconnectReason.Draining.make({}))
      }
    })
  }))

const checkRoom = (self: ActorInstance): Effect.Effect<void, Dismissed> =>
  self.table.size() < self.settings.maxConnections
    ? Effect.void
    : Effect.fail(new Dismissed({ reason: DisconnectReason.Draining.make({}) }))

const readmit = (self: ActorInstance, connection: ServerConnection, request: Request, onAttached: OnAttached) =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const { hello, outgoing } = request
    const resume = hello.resume!
    connection.attaching++
    yield* self.cancelExpiry(connection)
    const token = yield* ResumeToken.make
    yield* decode(self, request).pipe(
      Effect.flatMap((params) => self.hooks.readmit(connection, params)),
      Effect.raceFirst(Effect.flatMap(
        Deferred.await(connection.ended),
        (reason) => Effect.fail(new Dismissed({ reason }))
      )),
      restore,
      Effect.tapErrorTag("Rejected", () => Effect.sync(() => connection.end(DisconnectReason.Refused.make({})))),
      Effect.ensuring(Effect.sync(() => connection.attaching--)),
      Effect.onError(() => connection.session.socket === undefined ? self.startExpiry(connection) : Effect.void)
    )
    // The world may have moved on while the hook ran: another socket may have come and gone.
    yield* self.cancelExpiry(connection)
    const isStale = connection.isEnded || hello.attach <= connection.attach || !isValid(connection, resume.token)
    const tail = isStale ? undefined : connection.session.resume(resume.received)
    if (tail === undefined) {
      if (connection.session.socket === undefined) yield* self.startExpiry(connection)
      return yield* new Dismissed({ reason: DisconnectReason.Stale.make({}) })
    }
    displace(connection)
    connection.attach = hello.attach
    connection.previousToken = resume.token
    connection.token = token
    onAttached(connection)
    connection.session.socket = outgoing
    welcome(self, connection, outgoing, true)
    for (const frame of tail) outgoing.push(frame)
    connection.session.makeRoom()
    if (connection.status === "Suspended") {
      connection.status = "Connected"
      self.table.announce({ _tag: "Resumed", connection: connection.view })
    }
    yield* self.telemetry.resumed(connection)
    yield* Effect.annotateLogs(Effect.logDebug("connection resumed"), { connection: connection.id })
  }))

/** Whether a later socket of the same client has been attached already, whatever token this one brings. */
const isLate = (self: ActorInstance, { attach, resume }: Frame.Hello): boolean => {
  const connection = resume === undefined ? undefined : self.table.find(resume.connection)
  return connection !== undefined && !connection.isEnded && attach <= connection.attach
}

/** A connection that this `hello` may take up, if the tail that it needs is whole. */
const findResumable = (
  self: ActorInstance,
  resume: NonNullable<Frame.Hello["resume"]>
): ServerConnection | undefined => {
  const connection = self.table.find(resume.connection)
  if (connection === undefined || connection.isEnded || resume.epoch !== self.epoch) return undefined
  if (!isValid(connection, resume.token)) return undefined
  if (connection.session.canResume(resume.received)) return connection
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

const welcome = (self: ActorInstance, connection: ServerConnection, outgoing: Outgoing, resumed: boolean): void =>
  outgoing.push(Frame.encode(["welcome", {
    connection: connection.id,
    epoch: self.epoch,
    token: connection.token,
    resumed,
    received: connection.session.state.received,
    limits: self.settings.limits,
    heartbeat: self.settings.heartbeat,
    resumeWindow: Duration.toMillis(self.settings.resumeWindow)
  }]))

const decode = (
  self: ActorInstance,
  request: Request
): Effect.Effect<ConnectRequest<unknown>, Dismissed> =>
  self.decodeParams(request.hello.params).pipe(
    Effect.map((params) => ({ params, headers: request.headers })),
    Effect.mapError((error) =>
      new Dismissed({ reason: DisconnectReason.InvalidParams.make({ message: error.message }) })
    ),
    Effect.timeoutOrElse({
      duration: self.settings.hookTimeout,
      orElse: () => Effect.fail(new Dismissed({ reason: DisconnectReason.InternalError.make({}) }))
    }),
    Effect.provideContext(self.context)
  )
