/**
 * Calls and refusals as they travel.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type { Headers } from "effect/http/Headers"
import { InvalidReply, NotExecuted, OutcomeUnknown, type Reason, ReplyTooLarge } from "../ConnectionError.ts"
import * as Frame from "../session/Frame.ts"

/**
 * What a method was asked to do, as in `RpcMessage.Request`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly id: unknown
  readonly tag: string
  readonly payload: unknown
  readonly headers: Headers
  readonly discard?: boolean | undefined
}

/**
 * Encodes a call whose payload is encoded already.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  request: Request,
  payload: unknown,
  trace: string | undefined,
  chain: NonNullable<Frame.CallMeta["chain"]> = []
): string => {
  const id = request.id as number
  const headers = Object.entries(request.headers)
  if (headers.length === 0 && request.discard !== true && trace === undefined && chain.length === 0) {
    return Frame.encode(["call", id, request.tag, payload])
  }
  const meta: Frame.CallMeta = {
    ...(headers.length === 0 ? {} : { headers }),
    ...(request.discard === true ? { discard: true as const } : {}),
    ...(trace === undefined ? {} : { trace }),
    ...(chain.length === 0 ? {} : { chain })
  }
  return Frame.encode(["call", id, request.tag, payload, meta])
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

/**
 * A schema that died over what the server sent is a fault of the app, and must not leave the caller waiting.
 *
 * @category decoding
 * @since 0.1.0
 */
export const died = (cause: Cause.Cause<unknown>): InvalidReply =>
  new InvalidReply({ message: `the schema died: ${Cause.pretty(cause)}` })

/** The server may say anything. */
const toCount = (text: string): number => {
  const number = Number(text)
  return Number.isSafeInteger(number) && number >= 0 ? number : 0
}
