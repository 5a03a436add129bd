/**
 * An in-memory network between clients and servers, with faults, driven by the `Clock`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Countdown from "./Countdown.ts"
import type { Controls, Direction, Network } from "./Faults.ts"
import * as Faults from "./Faults.ts"
import * as Lobby from "./Lobby.ts"
import * as MemoryLink from "./MemoryLink.ts"
import * as MemorySocket from "./MemorySocket.ts"
import * as Passage from "./Passage.ts"

/**
 * A network that clients dial and servers accept on.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryNetwork extends Network {
  /**
   * Creates a socket that dials this network whenever its reader is acquired.
   *
   * **Details**
   *
   * A dial takes one round trip of the latency. It waits while the network is frozen or nobody accepts, and fails with
   * a `SocketOpenError` while the network refuses and after its scope has closed.
   */
  readonly dial: Effect.Effect<Socket.Socket>
  /**
   * Serves dials until the current scope closes, each in a fiber of that scope that runs `handler`.
   *
   * **Details**
   *
   * A dial has succeeded once its handler has started. When the handler ends the link is closed: with code 1000, with
   * 1011 if it failed and with 1001 if it was interrupted, as when the scope closes. After that dials wait for the next
   * acceptor. Several at a time share the dials.
   */
  readonly accept: <A, E, R>(
    handler: (socket: Socket.Socket) => Effect.Effect<A, E, R>
  ) => Effect.Effect<void, never, Exclude<R, Scope.Scope> | Scope.Scope>
}

const defaultCapacity = 100_000

/**
 * What the network remembers: its live links and what links dialled later start with.
 */
interface State {
  readonly live: Map<number, MemoryLink.MemoryLink>
  readonly dialTimes: Array<number>
  readonly frozen: Set<Direction>
  latency: Duration.Duration
  stalled: boolean
}

const makeControls = (state: State, passage: Passage.Passage) => {
  const each = (apply: (controls: Controls) => void) => {
    for (const link of Array.from(state.live.values())) apply(link.controls)
  }
  const cut = () => each((link) => link.cut())
  const countdown = Countdown.make(cut)
  const controls: Controls = {
    cut,
    freeze(direction) {
      if (direction !== "downlink") state.frozen.add("uplink")
      if (direction !== "uplink") state.frozen.add("downlink")
      passage.freeze()
      each((link) => link.freeze(direction))
    },
    stall() {
      state.stalled = true
      each((link) => link.stall())
    },
    delay(duration) {
      state.latency = Duration.fromInputUnsafe(duration)
      each((link) => link.delay(duration))
    },
    cutAfter: countdown.start,
    heal() {
      state.frozen.clear()
      state.stalled = false
      state.latency = Duration.zero
      countdown.stop()
      each((link) => link.heal())
      passage.heal()
    }
  }
  return { controls, countdown }
}

const makeAccept = (state: State, lobby: Lobby.Lobby<MemoryLink.MemoryLink>): MemoryNetwork["accept"] => (handler) =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope

    const serve = Effect.fnUntraced(function*(link: MemoryLink.MemoryLink) {
      state.live.set(link.id, link)
      link.controls.delay(state.latency)
      state.frozen.forEach(link.controls.freeze)
      if (state.stalled) link.controls.stall()
      const served = handler(MemorySocket.fromEnd(link.server)).pipe(
        Effect.scoped,
        Effect.tapDefect((defect) => Effect.logError("The handler of a link died", defect))
      )
      const fiber = yield* Effect.forkIn(served, scope, { startImmediately: true })
      fiber.addObserver((exit) => link.server.leave(MemorySocket.closeCode(exit)))
    })
    yield* lobby.host(serve).pipe(
      Effect.annotateLogs({ module: "MemoryNetwork", fiber: "accept" }),
      Effect.forkIn(scope)
    )
  })

/**
 * Creates a network without faults. When its scope closes all links are cut and dials are refused.
 *
 * **Details**
 *
 * Each direction of a link holds at most `capacity` messages (default 100,000), on their way and arrived together; one
 * more cuts the link. A writer is never made to wait: as over a WebSocket, writes have no back-pressure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options?: { readonly capacity?: number }
): Effect.fn.Return<MemoryNetwork, never, Scope.Scope> {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const state: State = { live: new Map(), dialTimes: [], frozen: new Set(), latency: Duration.zero, stalled: false }
  const passage = Passage.make()
  const lobby = Lobby.make<MemoryLink.MemoryLink>()
  const { controls, countdown } = makeControls(state, passage)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      passage.shut()
      lobby.shut()
      controls.cut()
    })
  )

  const connect: Effect.Effect<MemoryLink.End, Socket.SocketError, Scope.Scope> = Effect.gen(function*() {
    const id = state.dialTimes.push(clock.currentTimeMillisUnsafe())
    const link = yield* MemoryLink.make({
      id,
      clock,
      fork,
      capacity: options?.capacity ?? defaultCapacity,
      onMessage: countdown.tick,
      onEnd: () => state.live.delete(id)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => link.client.leave(1000)))
    if (!Duration.isZero(state.latency)) yield* Effect.sleep(Duration.times(state.latency, 2))
    yield* passage.enter
    yield* lobby.wait(link)
    return link.client
  })

  return {
    ...Faults.fromControls(controls),
    refuse: Effect.sync(passage.refuse),
    links: Effect.sync(() => Array.from(state.live.values(), ({ link }) => link)),
    live: Effect.sync(() => state.live.size),
    dials: Effect.sync(() => state.dialTimes.length),
    dialTimes: Effect.sync(() => state.dialTimes.slice()),
    dial: MemorySocket.fromDial(connect),
    accept: makeAccept(state, lobby)
  }
})
