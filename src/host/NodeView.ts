/**
 * An instance as other nodes see it, whose server code calls it: a session for each of them, as clients have, and
 * nothing that the actor would notice.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ActorInstance } from "./ActorInstance.ts"
import type { Callers } from "./Callers.ts"
import type { HookRunner } from "./HookRunner.ts"
import * as InternalContract from "./InternalContract.ts"
import { NodeTelemetry } from "./NodeTelemetry.ts"
import type { Settings } from "./Settings.ts"

/** As far as the protocol can count. */
const many = 2 ** 31 - 1

/** How long a node may be away, at least: longer than it takes to find out that a node is gone, whatever clients may do. */
const leastWindow = Duration.minutes(1)

/**
 * What a host allows to nodes: as much as their callers bring. It waits for no sign of life of theirs, which is the
 * business of what carries their sockets.
 *
 * **Details**
 *
 * What is kept on either side is bounded by the calls that the node has under way, each with a caller there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toSettings = (settings: Settings): Settings => ({
  ...settings,
  resumeWindow: Duration.max(settings.resumeWindow, leastWindow),
  heartbeat: { interval: many, timeout: many },
  limits: {
    ...settings.limits,
    frameBytes: settings.limits.batchBytes,
    callsInFlight: many,
    subscriptions: 0,
    bufferFrames: many,
    bufferBytes: many
  },
  maxHelloBytes: many,
  maxDepth: Infinity,
  maxConnections: Infinity,
  maxWaitingFrames: Infinity,
  rate: { framesPerSecond: Infinity, bytesPerSecond: Infinity }
})

const hooks: HookRunner = {
  greets: false,
  admit: () => Effect.void,
  readmit: () => Effect.void,
  onConnect: () => Effect.void,
  onSuspend: () => Effect.void,
  onDisconnect: (connection) => Effect.sync(() => connection.forget())
}

/**
 * Makes the view of an instance.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (self: ActorInstance, options: {
  readonly callers: Callers
  /** The services of the actor's layer, its tracer and metrics among them. */
  readonly context: Context.Context<never>
}): ActorInstance => {
  const view: ActorInstance = {
    ...self,
    actor: InternalContract.of(self.actor),
    settings: toSettings(self.settings),
    telemetry: new NodeTelemetry(self.actor, self.key, options.context),
    table: self.table.nodes,
    hooks,
    canSuspend: true,
    decodeParams: () => Effect.void,
    encodeConnectionState: () => Effect.succeed(null),
    callers: options.callers,
    forNodes: () => view
  }
  return view
}
