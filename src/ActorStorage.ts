/**
 * Where durable actors keep what must outlive the process.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as MemoryStorage from "./storage/MemoryStorage.ts"

/**
 * Names one actor instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  /** The name of the actor. */
  readonly type: string
  /** The key of the instance. */
  readonly key: string
}

/**
 * The state of an instance as it is stored.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredState {
  /** The version of the state's schema, as the actor's layer gives it. */
  readonly version: number
  /** The state as JSON text. */
  readonly value: string
}

/**
 * An answered call that is kept until its client has the reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalEntry {
  readonly connection: string
  /** The id of the call within its connection. */
  readonly call: number
  /** The frame that answered it. */
  readonly reply: string
}

/**
 * A call that an instance makes to itself at a time.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredAlarm {
  readonly id: string
  /** When it is due, in milliseconds since 1970. */
  readonly at: number
  /** The name of the internal RPC. */
  readonly rpc: string
  /** Its payload as JSON text. */
  readonly payload: string
}

/**
 * All that is stored of an instance.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stored {
  /** Names this load: a commit under an older one is refused. */
  readonly fence: number
  readonly state: StoredState | undefined
  /** The records of its connections as JSON text, by id. */
  readonly connections: ReadonlyMap<string, string>
  /** The calls of one connection together, in the order of their ids. */
  readonly journal: ReadonlyArray<JournalEntry>
  /** The one that is due first comes first. */
  readonly alarms: ReadonlyArray<StoredAlarm>
}

/**
 * What one commit changes, all of it or nothing.
 *
 * **Details**
 *
 * Answered calls are added first; then calls are trimmed and connections removed. What one commit both adds and removes
 * is not there afterwards.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changes {
  /** The whole state; absent where it has not changed. */
  readonly state?: StoredState | undefined
  /** Connection records to put; `null` removes one, and what the journal holds of its calls. */
  readonly connections: ReadonlyMap<string, string | null>
  /** Answered calls to add. */
  readonly answered: ReadonlyArray<JournalEntry>
  /** Answered calls whose clients have their replies. */
  readonly trimmed: ReadonlyArray<{ readonly connection: string; readonly call: number }>
  /** Alarms to put; `null` removes one. */
  readonly alarms: ReadonlyMap<string, StoredAlarm | null>
  /**
   * When the instance is to be woken if it is not live then, in milliseconds since 1970; `null` for never; absent where
   * that has not changed.
   */
  readonly wakeAt?: number | null | undefined
}

/**
 * An instance that is to be woken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wake extends Address {
  /** When, in milliseconds since 1970. */
  readonly at: number
}

/**
 * Why storage did not do what it was asked to.
 *
 * - `Fenced`: another incarnation has loaded the instance since; this one must stop.
 * - `Busy`: another process holds the storage, or holds it for too long.
 * - `Full`: no room is left.
 * - `ReadOnly`: it cannot be written to.
 * - `Corrupt`: what is stored cannot be read; nothing was overwritten.
 * - `Unavailable`: it cannot be reached or opened. Whether a commit that was under way has happened shows when the
 *   instance is loaded again.
 * - `Invalid`: what is to be stored does not encode by its schema.
 *
 * @category models
 * @since 0.1.0
 */
export const StorageFailure = Schema.Literals([
  "Fenced",
  "Busy",
  "Full",
  "ReadOnly",
  "Corrupt",
  "Unavailable",
  "Invalid"
])

/**
 * Why storage did not do what it was asked to; the schema of the same name has the cases.
 *
 * @category models
 * @since 0.1.0
 */
export type StorageFailure = typeof StorageFailure.Type

/**
 * Storage did not do what it was asked to. Nothing of it has happened; only after `Unavailable` all of it may have.
 *
 * @category errors
 * @since 0.1.0
 */
export class StorageError extends Schema.TaggedError<StorageError>("effect-tether/ActorStorage/StorageError")(
  "StorageError",
  {
    failure: StorageFailure,
    /** What happened, and what can be done about it. */
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/**
 * The error of a commit whose load does not hold any more; for those who write a storage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fenced = ({ key, type }: Address): StorageError =>
  new StorageError({
    failure: "Fenced",
    message:
      `${type} ${JSON.stringify(key)} was loaded again since, its scope has closed, or an earlier commit failed; ` +
      "this incarnation of it has to stop"
  })

/**
 * Keeps durable actors.
 *
 * **Details**
 *
 * The layers are `layerMemory` here, `SqliteStorage.layer` for one file, and
 * `PostgresStorage.layer`.
 *
 * @category services
 * @since 0.1.0
 */
export class ActorStorage extends Context.Service<ActorStorage, {
  /**
   * Reads an instance and takes it over until the scope closes: commits of earlier loads fail with `Fenced` from now on,
   * those of this one when the scope has closed. Of an instance that was never stored everything is empty.
   */
  readonly load: (address: Address) => Effect.Effect<Stored, StorageError, Scope.Scope>
  /**
   * Stores changes, all or nothing, durably when it succeeds. Commits of many instances that are made at the same time
   * share one transaction; commits of one instance happen in the order in which they were made. One that fails takes its
   * load with it: later commits of that load fail with `Fenced`, so that none is stored without those before it.
   * Interruption leaves open whether it happened.
   */
  readonly commit: (address: Address, fence: number, changes: Changes) => Effect.Effect<void, StorageError>
  /** The instances of one actor whose time to be woken comes first, earliest first. */
  readonly wakes: (type: string, limit: number) => Effect.Effect<ReadonlyArray<Wake>, StorageError>
}>()("effect-tether/ActorStorage") {}

/**
 * Storage in memory, which ends with its layer.
 *
 * **When to use**
 *
 * Use in tests, and where actors need not outlive their process. Provided outside of the host's layer it outlives the
 * host: a test can end the host and start another one on what it has stored.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<ActorStorage> = Layer.sync(ActorStorage, () => {
  const instances = MemoryStorage.make()
  return {
    load: (address) =>
      Effect.acquireRelease(
        Effect.sync(() => instances.load(address)),
        ({ fence }) => Effect.sync(() => instances.release(address, fence))
      ),
    commit: (address, fence, changes) =>
      Effect.suspend(() => instances.commit(address, fence, changes) ? Effect.void : Effect.fail(fenced(address))),
    wakes: (type, limit) => Effect.sync(() => instances.wakes(type, limit))
  }
})
