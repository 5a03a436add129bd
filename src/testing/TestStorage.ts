/**
 * A storage that a test can hold up and make fail, around any other one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import {
  ActorStorage,
  type Address,
  type Changes,
  fenced,
  layerMemory,
  StorageError,
  type StorageFailure
} from "../ActorStorage.ts"
import { id } from "../storage/Fences.ts"

/**
 * A commit that has been asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly address: Address
  readonly fence: number
  readonly changes: Changes
}

/**
 * Holds up, fails and counts what the actors of a test store.
 *
 * **When to use**
 *
 * Use to test how actors behave while their storage is slow, full or away.
 *
 * **Details**
 *
 * As with every storage, a commit that failed takes its load with it: later commits of that load fail with `Fenced`,
 * held ones too. Commits reach the wrapped storage one at a time.
 *
 * @category services
 * @since 0.1.0
 */
export class TestStorage extends Context.Service<TestStorage, {
  /** Makes commits wait before they reach the storage, until `letGo`. */
  readonly hold: Effect.Effect<void>
  /** Lets the commits that wait go on, and later ones pass. */
  readonly letGo: Effect.Effect<void>
  /** Makes the next commits fail, one unless told otherwise; they do not reach the storage. */
  readonly failCommits: (failure: StorageFailure, count?: number) => Effect.Effect<void>
  /** Makes the next commits happen and fail as `Unavailable` all the same, one unless told otherwise. */
  readonly loseCommits: (count?: number) => Effect.Effect<void>
  /** Makes the next loads fail, one unless told otherwise. */
  readonly failLoads: (failure: StorageFailure, count?: number) => Effect.Effect<void>
  /** Ends what `failCommits`, `loseCommits` and `failLoads` have begun. */
  readonly heal: Effect.Effect<void>
  /** The commits that have been asked for, in their order, those that failed and those that wait too. */
  readonly asked: Effect.Effect<ReadonlyArray<Asked>>
  /** How many commits have succeeded. */
  readonly commits: Effect.Effect<number>
  /** How much text they have stored: names, states, records and replies, in UTF-16 code units. */
  readonly size: Effect.Effect<number>
  /** How many loads have succeeded. */
  readonly loads: Effect.Effect<number>
}>()("effect-tether/testing/TestStorage") {
  /** Wraps the storage that it is provided with. */
  static readonly layer: Layer.Layer<TestStorage | ActorStorage, never, ActorStorage> = Layer.effectContext(
    Effect.map(ActorStorage, (storage) => {
      const faulty = new FaultyStorage(storage)
      return Context.make(TestStorage, faulty.controls).pipe(Context.add(ActorStorage, faulty.storage))
    })
  )

  /** Wraps one in memory. */
  static readonly layerMemory: Layer.Layer<TestStorage | ActorStorage> = Layer.suspend(() =>
    Layer.provide(TestStorage.layer, layerMemory)
  )
}

/** The next ones that go wrong, and how. */
interface Failing {
  readonly how: StorageFailure | "lost"
  left: number
}

class FaultyStorage {
  private readonly passing = Latch.makeUnsafe(true)
  private readonly order = Semaphore.makeUnsafe(1)
  private readonly asked: Array<Asked> = []
  /** The loads of which a commit has failed. */
  private readonly broken = new Set<string>()
  private failingCommits: Failing | undefined
  private failingLoads: Failing | undefined
  private commits = 0
  private loads = 0
  private size = 0

  readonly storage: ActorStorage["Service"]

  constructor(inner: ActorStorage["Service"]) {
    this.storage = {
      wakes: inner.wakes,
      load: (address) =>
        Effect.suspend(() => {
          const failure = next(this.failingLoads)
          if (failure !== undefined) return Effect.fail(injected(failure, "load"))
          return Effect.tap(inner.load(address), ({ fence }) => {
            this.loads++
            return Effect.addFinalizer(() => Effect.sync(() => this.broken.delete(name(address, fence))))
          })
        }),
      commit: (address, fence, changes) =>
        Effect.suspend(() => {
          this.asked.push({ address, fence, changes })
          return this.order.withPermit(Effect.andThen(this.passing.await, this.reach(inner, address, fence, changes)))
        })
    }
  }

  private reach(inner: ActorStorage["Service"], address: Address, fence: number, changes: Changes) {
    return Effect.suspend(() => {
      if (this.broken.has(name(address, fence))) return Effect.fail(fenced(address))
      const failure = next(this.failingCommits)
      const commit = Effect.tap(inner.commit(address, fence, changes), () => {
        this.commits++
        this.size += sizeOf(address, changes)
        return Effect.void
      })
      if (failure === undefined) return commit
      this.broken.add(name(address, fence))
      const error = Effect.fail(injected(failure, "commit"))
      return failure === "lost" ? Effect.andThen(commit, error) : error
    })
  }

  readonly controls: TestStorage["Service"] = {
    hold: Effect.asVoid(this.passing.close),
    letGo: Effect.asVoid(this.passing.open),
    failCommits: (how, left = 1) => Effect.sync(() => void (this.failingCommits = { how, left })),
    loseCommits: (left = 1) => Effect.sync(() => void (this.failingCommits = { how: "lost", left })),
    failLoads: (how, left = 1) => Effect.sync(() => void (this.failingLoads = { how, left })),
    heal: Effect.sync(() => void (this.failingCommits = this.failingLoads = undefined)),
    asked: Effect.sync(() => this.asked.slice()),
    commits: Effect.sync(() => this.commits),
    size: Effect.sync(() => this.size),
    loads: Effect.sync(() => this.loads)
  }
}

const name = (address: Address, fence: number): string => `${fence}:${id(address)}`

const next = (failing: Failing | undefined): Failing["how"] | undefined =>
  failing !== undefined && failing.left-- > 0 ? failing.how : undefined

const injected = (how: Failing["how"], operation: string): StorageError =>
  new StorageError({ failure: how === "lost" ? "Unavailable" : how, message: `the test made this ${operation} fail` })

const sizeOf = ({ key, type }: Address, changes: Changes): number => {
  let size = type.length + key.length + (changes.state?.value.length ?? 0)
  for (const [connection, record] of changes.connections) size += connection.length + (record?.length ?? 0)
  for (const { connection, reply } of changes.answered) size += connection.length + reply.length
  for (const [alarm, stored] of changes.alarms) size += alarm.length + (stored?.payload.length ?? 0)
  return size
}
