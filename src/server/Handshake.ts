/**
 * The first frame of an accepted socket: which actor is asked for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SocketError } from "effect/socket/Socket"
import * as Frame from "../session/Frame.ts"
import type { Link } from "../session/Link.ts"
import { ProtocolViolation } from "../session/ProtocolViolation.ts"

/**
 * Reads the `hello` of a socket. Everything else is a protocol error.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readHello = (
  link: Link,
  options: { readonly maxBytes: number }
): Effect.Effect<Frame.Hello, SocketError | ProtocolViolation> =>
  Effect.flatMap(link.pull, (messages) => {
    const [message, ...more] = messages
    if (more.length > 0) return violation("a client sends nothing between its hello and the welcome")
    if (Frame.exceeds(message, options.maxBytes + 1)) {
      return violation(`a hello has at most ${options.maxBytes} bytes; send less as params`)
    }
    const frames = Frame.decodeClient(message)
    if (Exit.isFailure(frames)) return violation("the first frame must be a hello")
    const [frame, ...others] = frames.value
    if (frame?.[0] !== "hello" || others.length > 0) return violation("the first frame must be a hello, alone")
    return frame[1].protocol === Frame.version
      ? Effect.succeed(frame[1])
      : violation(`the server speaks version ${Frame.version} of the protocol, not ${frame[1].protocol}`)
  })

const violation = (message: string) => Effect.fail(new ProtocolViolation({ message }))
