/**
 * What clients count, where they do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ClientMetrics } from "../client/ClientTelemetry.ts"
import * as Metrics from "../Metrics.ts"
import * as Instruments from "./Instruments.ts"

/**
 * The counts of all clients of an actor in a registry.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofActor = (actor: string, registry: Instruments.Registry): ClientMetrics =>
  Instruments.shared(registry, `ClientMetrics ${actor}`, () => make(actor, registry))

const make = (actor: string, registry: Instruments.Registry): ClientMetrics => {
  const count = (metric: typeof Metrics.clientCalls) => (attributes: Instruments.Attributes) =>
    Instruments.count(metric, { actor, ...attributes }, registry).add()
  const spread = (metric: typeof Metrics.clientCallDuration) =>
    Instruments.spread(metric, Metrics.durationBounds, { actor }, registry)
  const level = (metric: typeof Metrics.clientQueued, attributes: Instruments.Attributes = {}) =>
    Instruments.level(metric, { actor, ...attributes }, registry)
  const status = (name: string) => level(Metrics.clientConnections, { status: name.toLowerCase() })

  const dials = count(Metrics.clientDials)
  const resumes = count(Metrics.clientResumes)
  const gaps = count(Metrics.clientGaps)
  const calls = count(Metrics.clientCalls)
  const duration = spread(Metrics.clientCallDuration)
  const roundTrip = spread(Metrics.clientRoundTripDuration)
  const queued = level(Metrics.clientQueued)
  const replaySize = level(Metrics.clientReplaySize)
  const statuses = ["Connecting", "Connected", "Waiting"].map((name) => [name, status(name)] as const)

  return {
    dialled: (outcome) => dials({ outcome }),
    resumed: (result) => resumes({ result }),
    gap: (cause) => gaps({ cause }),
    called: (outcome, seconds, sentFor) => {
      calls({ outcome })
      duration.record(seconds)
      if (sentFor !== undefined) roundTrip.record(sentFor)
    },
    observe: (levels) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => [
          queued.add(levels.queued),
          replaySize.add(levels.replaySize),
          ...statuses.map(([name, level]) => level.add(() => levels.status() === name ? 1 : 0))
        ]),
        (removals) => Effect.sync(() => removals.forEach((remove) => remove()))
      ))
  }
}
