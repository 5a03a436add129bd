/**
 * A page that shows what lives in a process: actors, connections, rates. For the people who look after it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as ActorServer from "./ActorServer.ts"
import * as LocalHost from "./host/LocalHost.ts"
import * as InspectorServer from "./inspector/InspectorServer.ts"
import * as Page from "./inspector/Page.ts"
import { script } from "./inspector/Script.ts"
import { ActorHost } from "./internal/actorHost.ts"

/**
 * Options of the inspector.
 *
 * @category models
 * @since 0.1.0
 */
export interface InspectorOptions {
  /**
   * What lets one in, at least 16 characters. Make it at random: whoever has it sees the states of all connections and
   * can end them.
   */
  readonly token: Redacted.Redacted<string>
  /** Where the page is. Default: `/inspector`. */
  readonly path?: `/${string}` | undefined
}

const leastLength = 16

/**
 * Adds the inspector to the router: live actors and connections with their state, age, address, subscriptions and
 * buffers; calls, connections and resumes over time; and a button that ends a connection with a reason.
 *
 * **Details**
 *
 * The page itself is open to all and holds nothing; what it shows comes over a WebSocket of its own after the token was
 * given. The token travels in a message, never in a URL, and is compared in constant time. The page loads nothing from
 * elsewhere.
 *
 * The inspector is an actor. It runs on a small host of its own, so that it is neither among what it shows nor within
 * reach of the app's clients, and it looks once a second while somebody looks at it, not otherwise. It shows the process
 * that serves it: of many nodes each has its own.
 *
 * **Gotchas**
 *
 * Serve it over TLS or to a private network. States are shown as `Formatter.format` has them: keep secrets `Redacted`.
 *
 * **Example**
 *
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { ActorServer, Inspector } from "effect-tether"
 *
 * export const Server = HttpRouter.serve(Layer.mergeAll(
 *   ActorServer.layerHttpRouter({ path: "/actors" }),
 *   Inspector.layer({ token: Redacted.make("a long and random text") })
 * ))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: InspectorOptions
): Layer.Layer<never, never, ActorHost | HttpRouter.HttpRouter> =>
  Layer.unwrap(Effect.gen(function*() {
    const { path = "/inspector", token } = options
    if (Redacted.value(token).length < leastLength) {
      return yield* Effect.die(
        new Error(`the token of the inspector is too short; give it at least ${leastLength} characters, made at random`)
      )
    }
    const base = path.replace(/\/+$/, "")
    return Layer.mergeAll(
      serve(path, Page.html(base), "text/html"),
      serve(`${base}/script.js`, script, "text/javascript"),
      serve(`${base}/style.css`, Page.css, "text/css"),
      ActorServer.layerHttpRouter({ path: toPath(`${base}/socket`) }).pipe(
        Layer.provide(InspectorServer.layer(yield* ActorHost, token)),
        Layer.provide(Layer.fresh(layerHost))
      )
    )
  }))

/** What the inspector does is not among what the app counts. */
const layerHost = Layer.effect(
  ActorHost,
  LocalHost.make({ maxHandshakes: 64, maxHelloBytes: 1_024, bufferFrames: 256 })
)
  .pipe(Layer.provideMerge(Layer.sync(Metric.MetricRegistry, () => new Map())))

const toPath = (path: string) => path as HttpRouter.PathInput

const serve = (path: string, body: string, contentType: string) =>
  HttpRouter.add(
    "GET",
    toPath(path),
    HttpServerResponse.text(body, { contentType: `${contentType}; charset=utf-8`, headers })
  )

const headers = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

/**
 * As `layer`, with the token from the `ConfigProvider`, under `tether.inspector.token`; without one there is no inspector.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Omit<InspectorOptions, "token"> = {}
): Layer.Layer<never, Config.ConfigError, ActorHost | HttpRouter.HttpRouter> =>
  Config.Redacted("token").pipe(
    Config.nested("inspector"),
    Config.nested("tether"),
    Config.option,
    Effect.map((token) => token._tag === "None" ? Layer.empty : layer({ ...options, token: token.value })),
    Layer.unwrap
  )
