/**
 * The inspector's implementation: it looks at a host while somebody looks at it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ActorHost } from "../internal/actorHost.ts"
import type { HostView, Totals } from "../internal/inspection.ts"
import * as ResumeToken from "../session/ResumeToken.ts"
import { InspectorActor, type Sample, WrongToken } from "./InspectorActor.ts"

/** Samples that one who comes gets to see: five minutes. */
const remembered = 300

/** Actors and connections in one view. */
const limit = 200

type Host = ActorHost["Service"]

const layerHooks = (host: Host, token: Redacted.Redacted<string>) =>
  InspectorActor.layerHooks({
    onBeforeConnect: ({ params }) =>
      ResumeToken.equals(Redacted.value(token), Redacted.value(params.token))
        ? Effect.succeed({ search: "" })
        : Effect.fail(new WrongToken()),
    onConnect: Effect.fnUntraced(function*(connection) {
      const state = yield* InspectorActor.State
      yield* connection.send("history", yield* state.get)
      yield* connection.send("seen", yield* host.inspect({ search: "", limit }))
    })
  })

/** The rates since the last look. */
const toSample = (at: number, seconds: number, before: Totals, view: HostView): Sample => ({
  at,
  calls: (view.totals.calls - before.calls) / seconds,
  opened: (view.totals.opened - before.opened) / seconds,
  resumed: (view.totals.resumed - before.resumed) / seconds,
  connections: view.connectionCount
})

/** Looks once a second, and shows each page what it has searched for. */
const look = Effect.fnUntraced(function*(host: Host): Effect.fn.Return<never, never, Services> {
  let last = yield* Clock.currentTimeMillis
  let { totals } = yield* host.inspect({ search: "", limit: 0 })
  while (true) {
    yield* Effect.sleep("1 second")
    const now = yield* Clock.currentTimeMillis
    const all = yield* host.inspect({ search: "", limit: 0 })
    yield* show(host, toSample(now, Math.max(1, now - last) / 1000, totals, all))
    last = now
    totals = all.totals
  }
})

const show = Effect.fnUntraced(function*(host: Host, sample: Sample): Effect.fn.Return<void, never, Services> {
  const connections = yield* InspectorActor.Connections
  const state = yield* InspectorActor.State
  yield* state.update((samples) => [...samples, sample].slice(-remembered))
  yield* connections.broadcast("sampled", sample)
  for (const connection of (yield* connections.all).values()) {
    if (connection.status === "Suspended") continue
    yield* connection.send("seen", yield* host.inspect({ search: connection.state.search, limit }))
  }
})

type Services = Effect.Services<typeof InspectorActor.Connections | typeof InspectorActor.State> | Scope.Scope

const makeHandlers = Effect.fnUntraced(function*(host: Host) {
  yield* Effect.forkScoped(look(host))
  return InspectorActor.of({
    search: Effect.fnUntraced(function*({ text }) {
      const connection = yield* InspectorActor.CurrentConnection
      yield* connection.updateState(() => ({ search: text }))
      yield* connection.send("seen", yield* host.inspect({ search: text, limit }))
    }),
    kick: Effect.fnUntraced(function*({ connection, reason }) {
      const isEnded = yield* host.kick(connection, reason === "" ? undefined : reason)
      yield* Effect.logInfo(isEnded ? "a connection was ended by hand" : "a connection to end was not there").pipe(
        Effect.annotateLogs({ inspected: connection })
      )
      return isEnded
    })
  })
})

/**
 * Implements the inspector of a host. It runs on a host of its own, which is not the one that it looks at.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (host: Host, token: Redacted.Redacted<string>): Layer.Layer<never, never, ActorHost> =>
  InspectorActor.toLayer(makeHandlers(host), { initialState: [], maxIdleTime: "1 minute" }).pipe(
    Layer.provide(layerHooks(host, token))
  )
