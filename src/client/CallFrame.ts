/**
 * Calls and refusals as they travel.
 *
 * @since 0.1.0
 */
import type * as Rpc from "effect/rpc/Rpc"
import type { Request } from "effect/rpc/RpcMessage"
import { NotExecuted, OutcomeUnknown, type Reason, ReplyTooLarge } from "../ConnectionError.ts"
import * as Frame from "../session/Frame.ts"

/**
 * Encodes a call whose payload is encoded already.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: Request<Rpc.Any>, payload: unknown, trace?: string): string => {
  const headers = Object.entries(message.headers)
  const meta: Frame.CallMeta = {
    ...(headers.length === 0 ? {} : { headers }),
    ...(message.discard === true ? { discard: true as const } : {}),
    ...(trace === undefined ? {} : { trace })
  }
  const id = message.id as number
  return Object.keys(meta).length === 0
    ? Frame.encode(["call", id, message.tag, payload])
    : Frame.encode(["call", id, message.tag, payload, meta])
}

/**
 * Why a call cannot travel: a frame that is too large is never sent, so that
 * it is not sent again for ever either.
 *
 * @category guards
 * @since 0.1.0
 */
export const checkSize = (frame: string, limits: Frame.Limits | undefined): NotExecuted | undefined =>
  limits !== undefined && Frame.exceeds(frame, limits.frameBytes)
    ? new NotExecuted({
      cause: "FrameTooLarge",
      message: `the encoded call has ${Frame.byteLength(frame)} bytes and ${limits.frameBytes} are allowed`
    })
    : undefined

/**
 * What a refusal of the server means for the caller.
 *
 * @category decoding
 * @since 0.1.0
 */
export const toReason = (refusal: Frame.Refusal, message: string): Reason => {
  switch (refusal) {
    case "ReplyTooLarge": {
      const [bytes = 0, limit = 0] = message.split(" ").map(toCount)
      return new ReplyTooLarge({ bytes, limit })
    }
    case "OutcomeUnknown":
      return new OutcomeUnknown({ cause: undefined })
    case "Interrupted":
      return new NotExecuted({ cause: "ConnectionEnded", message: "the call was interrupted before it ran" })
    default:
      return new NotExecuted({ cause: refusal, message })
  }
}

/** The server may say anything. */
const toCount = (text: string): number => {
  const number = Number(text)
  return Number.isSafeInteger(number) && number >= 0 ? number : 0
}
