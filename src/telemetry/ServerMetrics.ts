/**
 * What a host counts: handshakes, and what happens in each of its actors.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Totals } from "../internal/inspection.ts"
import * as Metrics from "../Metrics.ts"
import * as Instruments from "./Instruments.ts"

/**
 * How a call of an actor ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "success" | "failure" | "defect" | "interrupted" | "refused"

/**
 * The counts of all actors of one name. Hosts with the same metric registry share them.
 *
 * @category models
 * @since 0.1.0
 */
export class ActorMetrics {
  readonly callDuration: Instruments.Spread
  readonly handlerDuration: Instruments.Spread
  readonly connectedNow: Instruments.Level
  readonly suspendedNow: Instruments.Level
  readonly actors: Instruments.Level
  readonly replaySize: Instruments.Level
  readonly journal: Instruments.Level
  private readonly connects: Instruments.Count
  private readonly exactResumes: Instruments.Count
  private readonly calls: Readonly<Record<Outcome, Instruments.Count>>
  private readonly internalCalls: Readonly<Record<Outcome, Instruments.Count>>
  private readonly rejections = new Set<string>()
  private readonly actor: string
  private readonly registry: Instruments.Registry

  constructor(actor: string, registry: Instruments.Registry) {
    this.actor = actor
    this.registry = registry
    const only = { actor }
    this.callDuration = Instruments.spread(Metrics.serverCallDuration, Metrics.durationBounds, only, registry)
    this.handlerDuration = Instruments.spread(Metrics.serverHandlerDuration, Metrics.durationBounds, only, registry)
    this.connectedNow = Instruments.level(Metrics.serverConnections, { actor, status: "connected" }, registry)
    this.suspendedNow = Instruments.level(Metrics.serverConnections, { actor, status: "suspended" }, registry)
    this.actors = Instruments.level(Metrics.serverActors, only, registry)
    this.replaySize = Instruments.level(Metrics.serverReplaySize, only, registry)
    this.journal = Instruments.level(Metrics.serverJournal, only, registry)
    this.connects = Instruments.count(Metrics.serverConnects, only, registry)
    this.exactResumes = Instruments.count(Metrics.serverResumes, { actor, result: "exact" }, registry)
    this.calls = countCalls(actor, "client", registry)
    this.internalCalls = countCalls(actor, "server", registry)
  }

  /** A call of a client was settled. */
  call(outcome: Outcome): void {
    this.calls[outcome].add()
  }

  /** A call of server code was settled. */
  internalCall(outcome: Outcome): void {
    this.internalCalls[outcome].add()
  }

  /** A connection was opened. */
  connected(): void {
    this.connects.add()
  }

  /** What all of it comes to so far. */
  get totals(): Totals {
    let calls = 0
    for (const count of [...Object.values(this.calls), ...Object.values(this.internalCalls)]) calls += count.total
    return {
      opened: this.connects.total,
      resumed: this.exactResumes.total,
      calls,
      defects: this.calls.defect.total + this.internalCalls.defect.total
    }
  }

  /** A client came back: its session goes on, or it was gone. */
  resumed(result: "exact" | "recovered" | "lost"): void {
    this.count(Metrics.serverResumes, { result })
  }

  /** A connection ended. */
  disconnected(reason: string): void {
    this.count(Metrics.serverDisconnects, { reason })
  }

  /** A client did not get in; `rejection` is the encoded error of the actor. */
  rejected(reason: string, rejection?: unknown): void {
    this.count(
      Metrics.serverRejections,
      reason === "Rejected" ? { reason, rejection: this.toLabel(rejection) } : { reason }
    )
  }

  /** A commit succeeded, with so many bytes, or failed. */
  committed(outcome: "success" | "failure", bytes: number, seconds: number): void {
    const { actor, registry } = this
    this.count(Metrics.serverCommits, { outcome })
    Instruments.spread(Metrics.serverCommitDuration, Metrics.durationBounds, { actor }, registry).record(seconds)
    if (outcome === "success") {
      Instruments.spread(Metrics.serverCommitSize, Metrics.sizeBounds, { actor }, registry).record(bytes)
    }
  }

  private count(metric: typeof Metrics.serverResumes, attributes: Instruments.Attributes): void {
    Instruments.count(metric, { actor: this.actor, ...attributes }, this.registry).add()
  }

  /** The tag of an error is the app's; one that makes tags up must not make series without end. */
  private toLabel(rejection: unknown): string {
    const tag = Predicate.hasProperty(rejection, "_tag") ? String(rejection._tag) : "untagged"
    if (this.rejections.size < maxRejections) this.rejections.add(tag)
    return this.rejections.has(tag) ? tag : "other"
  }
}

const maxRejections = 16

const countCalls = (
  actor: string,
  origin: string,
  registry: Instruments.Registry
): Readonly<Record<Outcome, Instruments.Count>> => {
  const count = (outcome: Outcome) => Instruments.count(Metrics.serverCalls, { actor, origin, outcome }, registry)
  return {
    success: count("success"),
    failure: count("failure"),
    defect: count("defect"),
    interrupted: count("interrupted"),
    refused: count("refused")
  }
}

/**
 * The counts of an actor in a registry.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofActor = (actor: string, registry: Instruments.Registry): ActorMetrics =>
  Instruments.shared(registry, `ActorMetrics ${actor}`, () => new ActorMetrics(actor, registry))

/**
 * Counts a client that was turned away before an actor was asked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rejected = (reason: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    Instruments.count(Metrics.serverRejections, { reason }, fiber.context).add()
    return Effect.void
  })

/**
 * Shows how many sockets a host has accepted and not admitted yet, while the scope is open.
 *
 * @category combinators
 * @since 0.1.0
 */
export const observeHandshakes = (count: () => number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.withFiber((fiber) =>
      Effect.succeed(Instruments.level(Metrics.serverHandshakes, {}, fiber.context).add(count))
    ),
    (done) => Effect.sync(done)
  ))

/**
 * Counts a socket that leads to an actor of a cluster until the scope closes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tunnel = (actor: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.withFiber((fiber) =>
      Effect.succeed(Instruments.level(Metrics.serverTunnels, { actor }, fiber.context).add(() => 1))
    ),
    (done) => Effect.sync(done)
  ))

/**
 * Counts a socket whose actor could not be reached any more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tunnelLost = (actor: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    Instruments.count(Metrics.serverTunnelsLost, { actor }, fiber.context).add()
    return Effect.void
  })
