/**
 * Accepts the sockets of clients.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as SocketServer from "effect/socket/SocketServer"
import { ActorHost } from "./internal/actorHost.ts"

/**
 * Adds the WebSocket endpoint of all actors to the app's `HttpRouter`.
 *
 * **Details**
 *
 * One path serves every actor and key: what a client asks for travels in the
 * first frame, never in the URL, where tokens would end up in logs. A request
 * from a browser whose `Origin` is not in `origins` is answered with 403; one
 * that is not a WebSocket upgrade with 426.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpRouter = (options: {
  /** The path of the endpoint, for example `/actors`. */
  readonly path: HttpRouter.PathInput
  /** The origins from which browsers may connect. Default: all. */
  readonly origins?: ReadonlyArray<string> | undefined
}): Layer.Layer<never, never, ActorHost | HttpRouter.HttpRouter> =>
  Layer.unwrap(Effect.map(ActorHost, (host) =>
    HttpRouter.add(
      "GET",
      options.path,
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const origin = request.headers.origin
        if (origin !== undefined && options.origins !== undefined && !options.origins.includes(origin)) {
          return Effect.succeed(HttpServerResponse.text("origin not allowed", { status: 403 }))
        }
        return request.upgrade.pipe(
          Effect.flatMap((socket) => host.accept(socket, { headers: request.headers })),
          Effect.as(HttpServerResponse.empty()),
          Effect.catch(() =>
            Effect.succeed(HttpServerResponse.text("this is a WebSocket endpoint", {
              status: 426,
              headers: { upgrade: "websocket", connection: "upgrade" }
            }))
          )
        )
      })
    )))

/**
 * Serves the clients that a `SocketServer` accepts: WebSockets, TCP, pipes.
 *
 * **Details**
 *
 * Over a byte stream each message ends in a line feed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer: Layer.Layer<never, never, ActorHost | SocketServer.SocketServer> = Layer.effectDiscard(
  Effect.gen(function*() {
    const host = yield* ActorHost
    const server = yield* SocketServer.SocketServer
    yield* server.run((socket) => host.accept(socket, { headers: Headers.empty })).pipe(
      Effect.catchCause((cause) => Effect.logError("the socket server ended", cause)),
      Effect.forkScoped
    )
  })
)
