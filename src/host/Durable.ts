/**
 * The durable side of an instance: what was stored of it, and its commits.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { State } from "../ActorState.ts"
import type { StorageError, StoredAlarm } from "../ActorStorage.ts"
import type { ActorUnavailable } from "../CallError.ts"
import type { Registration } from "../internal/actorHost.ts"
import * as Commits from "./Commits.ts"
import type { StateEncoder } from "./ConnectionView.ts"
import * as InstanceState from "./InstanceState.ts"
import { InstanceWriter } from "./InstanceWriter.ts"
import * as Recovery from "./Recovery.ts"
import type { Settings } from "./Settings.ts"
import { WakePlan } from "./WakePlan.ts"

/**
 * What a durable instance has beside one in memory.
 *
 * @category models
 * @since 0.1.0
 */
export interface Durable {
  readonly commits: Commits.Commits
  readonly state: State<unknown>
  readonly encodeConnectionState: StateEncoder
  readonly connections: ReadonlyArray<Recovery.RecoveredConnection>
  readonly alarms: ReadonlyArray<StoredAlarm>
}

/**
 * Loads an instance if its actor is durable; `onFailure` runs when a commit has
 * failed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  registration: Registration,
  options: {
    readonly key: string
    readonly settings: Settings
    readonly initialState: Effect.Effect<unknown>
    readonly onDeferred: Commits.Options["onDeferred"]
    readonly onFailure: () => Effect.Effect<void>
  }
): Effect.fn.Return<Durable | undefined, ActorUnavailable, Scope.Scope> {
  const { durability } = registration
  if (durability === undefined) return undefined
  const recovered = yield* Recovery.load(registration, durability, options.key)
  const { address, fence, storage, values } = recovered
  const plan = new WakePlan({
    recorded: recovered.recorded,
    alarms: recovered.alarms,
    resumeWindow: options.settings.resumeWindow
  })
  const commits = yield* Commits.make({
    writer: new InstanceWriter({ storage, address, fence, plan }, yield* Effect.context()),
    interval: durability.interval,
    onDeferred: options.onDeferred,
    onFailure: (error) => Effect.andThen(logFailure(error), options.onFailure())
  })
  const initial = recovered.state === undefined ? yield* options.initialState : recovered.state.value
  // Encoded when it is set: what cannot be stored is the fault of the caller. With an interval, once for each.
  const put = (state: unknown): Effect.Effect<void> =>
    durability.interval === undefined
      ? Effect.map(Effect.orDie(values.encodeState(state)), (text) => commits.putState(Effect.succeed(text)))
      : Effect.sync(() => commits.putState(values.encodeState(state)))
  if (recovered.recorded.length > 0) commits.refresh()
  for (const id of recovered.unreadable) commits.removeRecord(id)
  return {
    commits,
    state: yield* InstanceState.make(initial, put),
    encodeConnectionState: values.encodeConnectionState,
    connections: recovered.connections,
    alarms: recovered.alarms
  }
})

const logFailure = (error: StorageError): Effect.Effect<void> =>
  error.failure === "Fenced"
    ? Effect.logInfo("another incarnation of the actor has taken over; this one stops")
    : Effect.logError("a commit failed; the actor starts again from what is stored", error)
