/**
 * Accepts the sockets of clients.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as HostConfig from "./host/HostConfig.ts"
import { ActorHost, type DrainOptions } from "./internal/actorHost.ts"
import * as Backlog from "./server/Backlog.ts"
import * as Origin from "./server/Origin.ts"
import * as Link from "./session/Link.ts"

/**
 * Adds the WebSocket endpoint of all actors to the app's `HttpRouter`.
 *
 * **Details**
 *
 * One path serves every actor and key: what a client asks for travels in the
 * first frame, never in the URL, where tokens would end up in logs. A request
 * from a page that may not connect is answered with 403; one that is not a
 * WebSocket upgrade with 426.
 *
 * Where the server is Node's, a client that does not read what was written to
 * it is not read either while more than the host's `bufferBytes` wait.
 *
 * **Gotchas**
 *
 * A proxy that changes the `Host` header makes every page one of another
 * origin: let it pass the header on, or list the `origins`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpRouter = (options: {
  /** The path of the endpoint, for example `/actors`. */
  readonly path: HttpRouter.PathInput
  /**
   * The origins whose pages may connect, such as `https://example.org`; `"same"` lets in those of the server's own host,
   * as the request names it, and `"any"` all. Clients that are no browsers send no origin and are always let in.
   * Default: `"same"`.
   */
  readonly origins?: Origin.Origins | undefined
}): Layer.Layer<never, never, ActorHost | HttpRouter.HttpRouter> =>
  Layer.unwrap(Effect.gen(function*() {
    const host = yield* ActorHost
    const accept = yield* makeAcceptor(host)
    return HttpRouter.add(
      "GET",
      options.path,
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        if (!Origin.isAllowed(request.headers, options.origins ?? "same")) {
          return Effect.as(
            Effect.logInfo("a page of another origin was refused; see the option `origins`"),
            HttpServerResponse.text("origin not allowed", { status: 403 })
          )
        }
        return Effect.flatMap(host.isDraining, (draining) =>
          draining
            ? Effect.succeed(HttpServerResponse.text("the server is shutting down", { status: 503 }))
            : accept(request))
      })
    )
  }))

/**
 * Serves sockets beside the requests that brought them: a request ends with its upgrade, or all that an HTTP server keeps
 * for one would stay as long as the socket does. The sockets end with the layer.
 */
const makeAcceptor = Effect.fnUntraced(function*(host: ActorHost["Service"]) {
  const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  return (request: HttpServerRequest.HttpServerRequest): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
    // Where the socket is made it keeps the services that it finds, those of the request, which it has no use for.
    Effect.updateContext(request.upgrade, (_: Context.Context<never>) => Context.empty()).pipe(
      Effect.flatMap((socket) => {
        const { accepted, opened } = noteOpening(socket)
        const serving = host.accept(accepted, {
          headers: request.headers,
          backlog: Backlog.of(request),
          remoteAddress: Option.getOrUndefined(request.remoteAddress)
        })
        Fiber.runIn(runFork(serving), scope)
        return Effect.as(opened, HttpServerResponse.empty())
      }),
      Effect.orElseSucceed(() => notAWebSocket)
    )
})

/** The socket, and what completes when it has been opened or cannot be. Apart, so that nothing of the request is held. */
const noteOpening = (socket: Socket.Socket) => {
  const opened = Deferred.makeUnsafe<void>()
  const accepted = Socket.make({
    reader: Effect.onExit(socket.reader, () => Deferred.succeed(opened, undefined)),
    writer: socket.writer
  })
  return { accepted, opened: Deferred.await(opened) }
}

const notAWebSocket = HttpServerResponse.text("this is a WebSocket endpoint", {
  status: 426,
  headers: { upgrade: "websocket", connection: "upgrade" }
})

/**
 * Makes a server leave in an orderly manner when the app closes: before it
 * stops, its host refuses new sockets (HTTP 503) and sends the clients away,
 * spread over a window.
 *
 * **Details**
 *
 * Running calls may finish within the host's `kickGrace`. Closing takes about
 * `window`, the grace time longer where calls take theirs, and never more than
 * `limit`. Without this the sockets are cut,
 * which their clients take for the network: they come back by their own
 * schedule, all at about the same time.
 *
 * **Example** (Draining on shutdown)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { ActorServer } from "effect-tether"
 *
 * export const Server = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" })).pipe(
 *   ActorServer.withDrain({ window: "5 seconds" }),
 *   Layer.orDie
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDrain =
  (options?: DrainOptions) => <A, E, R>(server: Layer.Layer<A, E, R>): Layer.Layer<A, E, R | ActorHost> =>
    // Built after the server, and so closed before it.
    Layer.provideMerge(
      Layer.effectDiscard(Effect.flatMap(ActorHost, (host) => Effect.addFinalizer(() => host.drain(options)))),
      server
    )

/**
 * The options of draining as `Config`, under `tether.drain`; what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const drainConfig: Config.Config<DrainOptions> = HostConfig.drain

/**
 * As `withDrain`, with options from the `ConfigProvider`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDrainConfig = (options: Config.Config<DrainOptions> = drainConfig) =>
<A, E, R>(
  server: Layer.Layer<A, E, R>
): Layer.Layer<A, E | Config.ConfigError, R | ActorHost> =>
  Layer.unwrap(Effect.map(options, (options) => withDrain(options)(server)))

/**
 * Routes for whoever watches over the process: is it alive, and may it be sent new clients?
 *
 * **Details**
 *
 * Liveness answers 200 as long as the process answers at all, also while it drains: being restarted would cut off those
 * who are leaving. Readiness answers 200, or 503 while the host drains and while `check` fails or takes longer than
 * `checkTimeout`. The body is a word for people: `live`, `ready`, `draining`, `unready`.
 *
 * **Example**
 *
 * ```ts
 * import { Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { ActorServer } from "effect-tether"
 *
 * export const Server = HttpRouter.serve(Layer.mergeAll(
 *   ActorServer.layerHttpRouter({ path: "/actors" }),
 *   ActorServer.layerHealth()
 * )).pipe(ActorServer.withDrain())
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHealth = <E = never, R = never>(options: {
  /** The path of the liveness route. Default: `/health/live`. */
  readonly live?: HttpRouter.PathInput | undefined
  /** The path of the readiness route. Default: `/health/ready`. */
  readonly ready?: HttpRouter.PathInput | undefined
  /** What else must be there, for example a database; run at every question. Default: nothing. */
  readonly check?: Effect.Effect<unknown, E, R> | undefined
  /** How long `check` may take. Default: 5 seconds. */
  readonly checkTimeout?: Duration.Input | undefined
} = {}): Layer.Layer<never, never, ActorHost | HttpRouter.HttpRouter | R> =>
  Layer.unwrap(Effect.gen(function*() {
    const host = yield* ActorHost
    const check = (options.check ?? Effect.void).pipe(
      Effect.timeout(options.checkTimeout ?? "5 seconds"),
      Effect.as(health(200, "ready")),
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("the check of readiness failed", cause), unready)),
      Effect.provideContext(yield* Effect.context<R>())
    )
    return Layer.merge(
      HttpRouter.add("GET", options.live ?? "/health/live", Effect.succeed(health(200, "live"))),
      HttpRouter.add(
        "GET",
        options.ready ?? "/health/ready",
        Effect.flatMap(host.isDraining, (draining) => draining ? Effect.succeed(health(503, "draining")) : check)
      )
    )
  }))

const health = (status: number, text: string) =>
  HttpServerResponse.text(text, { status, headers: { "cache-control": "no-store" } })

const unready = health(503, "unready")

/**
 * Serves the clients that a `SocketServer` accepts: WebSockets, TCP, pipes.
 *
 * **Details**
 *
 * Over a byte stream each message ends in a line feed. Sockets end without close
 * codes, which byte streams do not have; clients learn the reason all the same.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer: Layer.Layer<never, never, ActorHost | SocketServer.SocketServer> = Layer.effectDiscard(
  Effect.gen(function*() {
    const host = yield* ActorHost
    const server = yield* SocketServer.SocketServer
    yield* server.run((socket) => host.accept(Link.withoutCloseCodes(socket), { headers: Headers.empty })).pipe(
      Effect.catchCause((cause) => Effect.logError("the socket server ended", cause)),
      Effect.forkScoped
    )
  })
)
