/**
 * Clients in a browser: over its WebSocket, with what the page knows of the network and of its own life.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketClient from "./client/SocketClient.ts"
import { ActorClient } from "./internal/actorClient.ts"
import { PlatformSignals, type Signal } from "./PlatformSignals.ts"

/**
 * What listens to events: the part of the DOM's `EventTarget` that is used here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly addEventListener: (type: string, listener: () => void) => void
  readonly removeEventListener: (type: string, listener: () => void) => void
}

/**
 * What signals are made from: the window and document of a page.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  /** Fires `online`, `pageshow` and `pagehide`. */
  readonly window: Target
  /** Fires `visibilitychange`, `freeze` and `resume`; a worker has none. */
  readonly document?: (Target & { readonly visibilityState: string }) | undefined
}

/** How often it is looked whether the clock has leaped. */
const pulse = 5_000

/** What a timer may be late by before that is called a leap, in milliseconds. */
const leap = 5_000

/**
 * Makes the signals of a page, in the current scope.
 *
 * **Details**
 *
 * - `online`, a page that becomes visible, and a clock that has leaped while the page was visible (the machine slept)
 *   are a `wake`
 * - `pagehide` and `freeze` are a `suspend`: the page may come back, and one with an open WebSocket may not be kept
 * - `pageshow` and `resume` are a `resume`
 *
 * `offline` is no signal: browsers say it of networks that work, and a socket that is healthy stays. A timer that is
 * late in a page that is hidden says nothing, as browsers hold those back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeSignals = Effect.fnUntraced(function*(
  { document, window }: Page
): Effect.fn.Return<PlatformSignals, never, Scope.Scope> {
  const listeners = new Set<(signal: Signal) => void>()
  const tell = (signal: Signal) => () => {
    for (const listener of Array.from(listeners)) listener(signal)
  }
  const wake = tell("wake")
  const isVisible = () => document === undefined || document.visibilityState === "visible"
  yield* on(window, {
    online: wake,
    pageshow: tell("resume"),
    pagehide: tell("suspend")
  })
  if (document !== undefined) {
    yield* on(document, {
      visibilitychange: () => {
        if (isVisible()) wake()
      },
      resume: tell("resume"),
      freeze: tell("suspend")
    })
  }
  yield* Effect.forkScoped(watchClock(isVisible, wake))
  return {
    listen: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => listeners.add(listener)),
        () => Effect.sync(() => listeners.delete(listener))
      ))
  }
})

const on = (
  target: Target,
  handlers: Readonly<Record<string, () => void>>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => {
      for (const [type, handler] of Object.entries(handlers)) target.addEventListener(type, handler)
    }),
    () =>
      Effect.sync(() => {
        for (const [type, handler] of Object.entries(handlers)) target.removeEventListener(type, handler)
      })
  ))

/** Only between two looks at a visible page: a browser lets a hidden one wait for its timers. */
const watchClock = Effect.fnUntraced(function*(isVisible: () => boolean, onLeap: () => void) {
  while (true) {
    const before = yield* Clock.currentTimeMillis
    const wasVisible = isVisible()
    yield* Effect.sleep(pulse)
    const late = (yield* Clock.currentTimeMillis) - before - pulse
    if (wasVisible && isVisible() && late > leap) onLeap()
  }
})

/**
 * Provides the signals of the current page. Where there is no page, on a server that renders one for example, there are
 * none.
 *
 * **When to use**
 *
 * Use with `ActorClient.layerWebSocket`, where `layer` does not fit.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSignals: Layer.Layer<never> = /* @__PURE__ */ Layer.effect(
  PlatformSignals,
  /* @__PURE__ */ Effect.suspend((): Effect.Effect<PlatformSignals | undefined, never, Scope.Scope> => {
    const { addEventListener, document } = globalThis as Partial<typeof globalThis>
    return addEventListener === undefined ? Effect.undefined : makeSignals({ window: globalThis, document })
  })
)

/**
 * Clients that dial a server by the browser's own WebSocket and listen to the signals of the page.
 *
 * **Details**
 *
 * - A dial that waits for its time is made when the browser comes `online` or the page becomes visible, but not before
 *   the server's `retryAfter`.
 * - A page that is hidden for good, or kept to be shown again, closes its sockets without leaving: shown again within
 *   the server's resume window it takes up its sessions.
 * - A machine that slept asks for a sign of life at once.
 *
 * The `url` may be relative to the page: `/actors` is dialled as `wss://` where the page came by `https://`, as `ws://`
 * otherwise. An Effect is evaluated at every dial.
 *
 * **Example**
 *
 * ```ts
 * import * as BrowserClient from "effect-tether/BrowserClient"
 *
 * export const ClientLayer = BrowserClient.layer({ url: "/actors" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  /** The endpoint, for example `wss://example.org/actors`, or `/actors` of the page's own server. */
  readonly url: string | Effect.Effect<string>
}): Layer.Layer<ActorClient> =>
  Layer.effect(ActorClient, SocketClient.webSocket(toAbsolute(options.url))).pipe(
    Layer.provide([Socket.layerWebSocketConstructorGlobal, layerSignals])
  )

const toAbsolute = (url: string | Effect.Effect<string>): Effect.Effect<string> =>
  Effect.map(
    Effect.isEffect(url) ? url : Effect.succeed(url),
    // "http" becomes "ws", and "https" becomes "wss".
    (url) => /^wss?:/.test(url) ? url : new URL(url, globalThis.location.href).href.replace(/^http/, "ws")
  )
