/**
 * How much of what was written to a WebSocket has not left yet.
 *
 * @since 0.1.0
 */
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Predicate from "effect/Predicate"

/**
 * Reads it from the socket under a request, in bytes; `undefined` where the server's requests have none like Node's.
 *
 * **Details**
 *
 * Writing to a WebSocket never waits, and a peer can acknowledge what it has not read. Its socket is the one place where
 * that shows.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = ({ source }: HttpServerRequest): (() => number) | undefined => {
  if (!Predicate.hasProperty(source, "socket")) return undefined
  const { socket } = source
  return hasWritableLength(socket) ? () => socket.writableLength : undefined
}

const hasWritableLength = (socket: unknown): socket is { readonly writableLength: number } =>
  Predicate.hasProperty(socket, "writableLength") && typeof socket.writableLength === "number"
