/**
 * The way of one instance to its storage.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"
import { type ActorStorage, type Address, type Changes, StorageError } from "../ActorStorage.ts"
import { sizeOf } from "../storage/ChangesSize.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import type { WakePlan } from "./WakePlan.ts"

/**
 * Makes the commits of one load of an instance.
 *
 * @category models
 * @since 0.1.0
 */
export class InstanceWriter {
  private readonly storage: ActorStorage["Service"]
  private readonly address: Address
  private readonly fence: number
  private readonly plan: WakePlan
  private readonly clock: Clock.Clock
  private readonly metrics: ServerMetrics.ActorMetrics

  constructor(
    options: {
      readonly storage: ActorStorage["Service"]
      readonly address: Address
      readonly fence: number
      readonly plan: WakePlan
    },
    context: Context.Context<never>
  ) {
    this.storage = options.storage
    this.address = options.address
    this.fence = options.fence
    this.plan = options.plan
    this.clock = Context.get(context, Clock.Clock)
    this.metrics = ServerMetrics.ofActor(options.address.type, context)
  }

  /**
   * Stores what `collect` gives. A storage that dies has failed.
   *
   * What was collected is handed over before anything else of the instance runs: it must not be overtaken by what is
   * collected later.
   */
  write(collect: () => Omit<Changes, "wakeAt">, isForced: boolean): Effect.Effect<void, StorageError> {
    return Effect.suspend(() => {
      const changes = collect()
      const planned = { ...changes, ...this.plan.next(changes, this.clock.currentTimeMillisUnsafe(), isForced) }
      const begun = this.clock.monotonicTimeNanosUnsafe()
      return Effect.onExit(
        this.storage.commit(this.address, this.fence, planned),
        (exit) =>
          Effect.sync(() =>
            this.metrics.committed(
              Exit.isSuccess(exit) ? "success" : "failure",
              sizeOf(planned),
              Number(this.clock.monotonicTimeNanosUnsafe() - begun) / 1e9
            )
          )
      )
    }).pipe(
      Effect.catchDefect((cause) =>
        Effect.fail(new StorageError({ failure: "Unavailable", message: "the storage died", cause }))
      ),
      Effect.provideService(Scheduler.PreventSchedulerYield, true)
    )
  }
}
