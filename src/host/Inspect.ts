/**
 * A host as those see it who look after it. Nothing here costs anything while nobody looks.
 *
 * @since 0.1.0
 */
import { format } from "effect/Formatter"
import * as DisconnectReason from "../DisconnectReason.ts"
import type { Registration } from "../internal/actorHost.ts"
import type { ActorView, ConnectionView, HostView, InspectOptions, Totals } from "../internal/inspection.ts"
import * as ServerMetrics from "../telemetry/ServerMetrics.ts"
import type { ActorInstance } from "./ActorInstance.ts"
import type { Instances } from "./Instances.ts"
import type { ServerConnection } from "./ServerConnection.ts"

/**
 * An actor of a host, with its instances.
 *
 * @category models
 * @since 0.1.0
 */
export interface Inspected {
  readonly registration: Registration
  readonly live: Instances
}

/** States may be large; more of one is of no use in a table. */
const maxStateLength = 200

/**
 * Looks at all actors of a host.
 *
 * @category getters
 * @since 0.1.0
 */
export const view = (
  registered: Iterable<Inspected>,
  isDraining: boolean,
  { limit, search }: InspectOptions
): HostView => {
  const wanted = search.trim().toLowerCase()
  const matches = (...texts: ReadonlyArray<string>) => texts.some((text) => text.toLowerCase().includes(wanted))
  const actors: Array<ActorView> = []
  const connections: Array<ConnectionView> = []
  const counts = { actorCount: 0, connectionCount: 0, suspendedCount: 0 }
  const totals = { opened: 0, resumed: 0, calls: 0, defects: 0 }
  for (const { live, registration } of registered) {
    add(totals, ServerMetrics.ofActor(registration.actor.type, registration.context).totals)
    for (const instance of live.all()) {
      const actor = viewActor(instance)
      counts.actorCount++
      counts.connectionCount += actor.connections
      counts.suspendedCount += actor.suspended
      if (actors.length < limit && matches(actor.type, actor.key)) actors.push(actor)
      for (const connection of instance.table.listed()) {
        if (connections.length >= limit) break
        const seen = viewConnection(instance, connection)
        if (matches(seen.type, seen.key, seen.id, seen.address ?? "", seen.state)) connections.push(seen)
      }
    }
  }
  return { isDraining, totals, ...counts, actors, connections }
}

const add = (to: { -readonly [K in keyof Totals]: number }, more: Totals): void => {
  to.opened += more.opened
  to.resumed += more.resumed
  to.calls += more.calls
  to.defects += more.defects
}

const viewActor = ({ actor, key, table }: ActorInstance): ActorView => {
  let suspended = 0
  let calls = 0
  for (const connection of table.listed()) {
    if (connection.status === "Suspended") suspended++
    calls += connection.callsInFlight
  }
  return { type: actor.type, key, connections: table.size(), suspended, calls }
}

const viewConnection = ({ actor, key }: ActorInstance, connection: ServerConnection): ConnectionView => {
  const { address, id, inbox, lastError, session, since, state, status, subscriptions } = connection
  return {
    id,
    type: actor.type,
    key,
    status,
    state: describe(state),
    since,
    address: address ?? null,
    subscriptions: Array.from(subscriptions),
    calls: connection.callsInFlight,
    waiting: inbox.size,
    keptFrames: session.state.sent - session.state.acknowledged,
    keptBytes: session.state.keptLength,
    lastError: lastError ?? null
  }
}

/** Redacted values stay redacted; `toJSON` of the state's own is asked. */
const describe = (state: unknown): string => {
  if (state === undefined) return ""
  const text = format(state)
  return text.length > maxStateLength ? `${text.slice(0, maxStateLength)}...` : text
}

/**
 * Ends the connection of an id, wherever it is on this host.
 *
 * @category combinators
 * @since 0.1.0
 */
export const kick = (registered: Iterable<Inspected>, id: string, reason: string | undefined): boolean => {
  for (const { live } of registered) {
    for (const { table } of live.all()) {
      const connection = table.find(id)
      if (connection !== undefined) return connection.end(DisconnectReason.kicked(reason))
    }
  }
  return false
}
