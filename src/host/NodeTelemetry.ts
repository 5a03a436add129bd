/**
 * How the calls of other nodes are seen from outside: as those of server code, whose sessions are nobody's connections.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Frame from "../session/Frame.ts"
import type * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import { ActorTelemetry } from "./ActorTelemetry.ts"
import type { ServerCall } from "./ServerCall.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * Notes the calls of other nodes to an instance.
 *
 * @category models
 * @since 0.1.0
 */
export class NodeTelemetry extends ActorTelemetry {
  override opened(): void {}

  override closed(): void {}

  override rejected(): void {}

  override replaced(): void {}

  override resumed(): Effect.Effect<void> {
    return Effect.void
  }

  override traceAdmission(_: Frame.Hello, effect: Effect.Effect<void>): Effect.Effect<void> {
    return effect
  }

  override traceCall(
    _: ServerConnection,
    call: ServerCall,
    trace: string | undefined,
    effect: Effect.Effect<void>
  ): Effect.Effect<void> {
    return this.isTracing ? this.traceAs("internal", call, trace, {}, effect) : effect
  }

  protected override count(outcome: ServerMetrics.Outcome): void {
    this.metrics.internalCall(outcome)
  }
}
