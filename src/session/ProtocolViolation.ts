/**
 * The failure of a peer to keep the protocol.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The peer sent what the protocol does not allow. It ends the connection; the
 * peer is told the message.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolViolation
  extends Schema.TaggedError<ProtocolViolation>("~effect-tether/session/ProtocolViolation")("ProtocolViolation", {
    message: Schema.String
  })
{}
