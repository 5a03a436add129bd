/**
 * Starts the connections of an instance and looks after those that are away.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { ConnectionId } from "../Connection.ts"
import * as DisconnectReason from "../DisconnectReason.ts"
import * as EndCode from "../session/EndCode.ts"
import type * as Frame from "../session/Frame.ts"
import type { Worker } from "../session/InOrder.ts"
import { Session } from "../session/Session.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import { giveUp } from "./Callers.ts"
import * as ConnectionLifecycle from "./ConnectionLifecycle.ts"
import * as ConnectionRecord from "./ConnectionRecord.ts"
import * as InternalCalls from "./InternalCalls.ts"
import type { Keeper } from "./LiveActors.ts"
import { Lives } from "./Lives.ts"
import type { RecoveredConnection } from "./Recovery.ts"
import * as ServerCalls from "./ServerCalls.ts"
import { ServerConnection } from "./ServerConnection.ts"

/**
 * The connections of an instance, from their making to their end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionLives {
  /** Makes a connection that was admitted. */
  readonly admit: (home: ActorInstance, options: {
    readonly id: ConnectionId
    readonly token: string
    readonly state: unknown
    /** The state as it is stored, if the actor is durable. */
    readonly encodedState: unknown
    readonly attach: number
    readonly subscriptions: Iterable<string>
  }) => ServerConnection
  /** Makes a connection of an earlier epoch, which waits for its client. */
  readonly recover: (recovered: RecoveredConnection) => Effect.Effect<void>
  /** Starts the life of a connection. */
  readonly start: (connection: ServerConnection, onListed: () => void) => Effect.Effect<void>
  /** Counts a connection, from its beginning until its last hook has run. */
  readonly enter: (connection: ServerConnection) => Effect.Effect<void>
  readonly leave: (connection: ServerConnection) => Effect.Effect<void>
  /** Completes when no connection is left and their last hooks have run. */
  readonly awaitQuiet: Effect.Effect<void>
  /** The socket is gone, the client may come back. */
  readonly suspend: (connection: ServerConnection) => Effect.Effect<void>
  /** An accepted token stops the expiry of the window. */
  readonly cancelExpiry: (connection: ServerConnection) => Effect.Effect<void>
  /** A failed attach starts it again. */
  readonly startExpiry: (connection: ServerConnection) => Effect.Effect<void>
  /** Whether a connection that ends for this reason stays recorded, to be taken up by the next incarnation. */
  readonly keeps: (reason: DisconnectReason.DisconnectReason) => boolean
}

/**
 * Looks after the connections of an instance in the current scope, which ends
 * when their last hooks have run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  self: () => ActorInstance,
  keeper: Keeper
): Effect.fn.Return<ConnectionLives, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const lives = new Lives(yield* FiberSet.make(), keeper, () => self().context)
  const expiries = yield* FiberMap.make<string>()
  let number = InternalCalls.clientId
  yield* Effect.addFinalizer(() => lives.awaitQuiet)

  const onEnd = (connection: ServerConnection) => lives.fork(ConnectionLifecycle.end(connection.home, connection))
  const start: ConnectionLives["start"] = (connection, onListed) =>
    Effect.sync(() => lives.fork(ConnectionLifecycle.begin(connection.home, connection, onListed)))
  const expire = (connection: ServerConnection) =>
    connection.isEnded ? Effect.void : Effect.asVoid(FiberMap.run(
      expiries,
      connection.id,
      Effect.repeat(Effect.delay(Effect.sync(() => endIfAway(connection)), connection.home.settings.resumeWindow), {
        until: () => connection.isEnded
      })
    ))
  const callOnSuspend = (connection: ServerConnection) =>
    Effect.sync(() => lives.fork(connection.home.hooks.onSuspend(connection, () => connection.takeSuspension())))
  const startExpiry = (connection: ServerConnection) => Effect.andThen(expire(connection), callOnSuspend(connection))

  return {
    start,
    startExpiry,
    admit: (home, options) => {
      const connection = makeConnection(home, ++number, options, { scope, onEnd })
      connection.token = options.token
      if (home.commits !== undefined) {
        const part = { state: options.encodedState, greeted: !home.hooks.greets, suspended: false }
        connection.record = makeRecord(connection, { part, isRecovered: false })
      }
      return connection
    },
    recover: (recovered) =>
      Effect.suspend(() => {
        const { ended, node } = recovered.stored
        const home = node === true ? self().forNodes() : self()
        const connection = restore(home, ++number, recovered, { scope, onEnd })
        if (ended !== undefined) connection.end(ended)
        return Effect.andThen(start(connection, () => {}), ended === undefined ? startExpiry(connection) : Effect.void)
      }),
    suspend: Effect.fnUntraced(function*(connection: ServerConnection) {
      connection.status = "Suspended"
      connection.suspensionDue = true
      connection.home.table.announce({ _tag: "Suspended", connection: connection.view })
      yield* startExpiry(connection)
    }),
    enter: (connection) => lives.enter(isOfNode(connection)),
    leave: (connection) => lives.leave(isOfNode(connection)),
    awaitQuiet: lives.awaitQuiet,
    cancelExpiry: (connection) => FiberMap.remove(expiries, connection.id),
    keeps: (reason) => {
      const { commits } = self()
      return commits !== undefined && (commits.hasFailed || EndCode.isParting(reason))
    }
  }
})

/** The window is over. A node may have crashed whose call still runs: that comes to its end, whoever hears of it. */
const endIfAway = (connection: ServerConnection): void => {
  if (isOfNode(connection) && hasTurn(connection)) return connection.calls.forEach((call) => giveUp(call))
  connection.end(DisconnectReason.Lost.make({}))
}

const isOfNode = ({ home }: ServerConnection): boolean => home.callers !== undefined

const hasTurn = (connection: ServerConnection): boolean => {
  for (const { beside, started } of connection.calls.values()) if (started && !beside) return true
  return false
}

const makeConnection = (
  self: ActorInstance,
  number: number,
  options: {
    readonly id: ConnectionId
    readonly state: unknown
    readonly attach: number
    readonly subscriptions: Iterable<string>
  },
  owner: Owner
): ServerConnection => {
  const { bufferBytes, bufferFrames } = self.settings.limits
  return new ServerConnection({
    ...options,
    ...owner,
    home: self,
    number,
    commits: self.commits,
    session: new Session({ frames: bufferFrames, bytes: bufferBytes }),
    telemetry: self.telemetry,
    makeWorker: (connection) => new FrameWorker(self, connection)
  })
}

interface Owner {
  readonly scope: Scope.Scope
  readonly onEnd: (connection: ServerConnection) => void
}

/** Acts on the data frames of one connection. */
class FrameWorker implements Worker<Frame.ClientData> {
  private readonly self: ActorInstance
  private readonly connection: ServerConnection

  constructor(self: ActorInstance, connection: ServerConnection) {
    this.self = self
    this.connection = connection
  }

  act(frame: Frame.ClientData): Effect.Effect<void> {
    return ServerCalls.act(this.self, this.connection, frame)
  }

  onDefect(frame: Frame.ClientData, cause: Cause.Cause<never>): Effect.Effect<void> {
    return ServerCalls.onDefect(this.connection, frame, cause)
  }

  get context(): Context.Context<never> {
    return this.self.context
  }

  get scope(): Scope.Scope {
    return this.connection.scope
  }
}

const makeRecord = (
  connection: ServerConnection,
  options: Pick<
    ConstructorParameters<typeof ConnectionRecord.ConnectionRecord>[0],
    "part" | "isRecovered" | "replies"
  >
): ConnectionRecord.ConnectionRecord =>
  new ConnectionRecord.ConnectionRecord({
    ...options,
    id: connection.id,
    isOfNode: isOfNode(connection),
    session: () => ({
      token: connection.token,
      previousToken: connection.previousToken,
      attach: connection.attach,
      subscriptions: connection.subscriptions,
      acknowledged: () => connection.session.state.acknowledged
    })
  })

const restore = (
  self: ActorInstance,
  number: number,
  { id, replies, state, stored }: RecoveredConnection,
  owner: Owner
): ServerConnection => {
  const { attach, ended, greeted, subscriptions, suspended } = stored
  const connection = makeConnection(self, number, { id: ConnectionId.make(id), state, attach, subscriptions }, owner)
  const part = { state: stored.state, greeted, suspended, ...(ended === undefined ? {} : { ended }) }
  connection.token = stored.token
  connection.previousToken = stored.previousToken
  connection.record = makeRecord(connection, { part, replies, isRecovered: true })
  connection.confirmed = true
  connection.status = "Suspended"
  connection.suspensionDue = !suspended
  return connection
}
