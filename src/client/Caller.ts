/**
 * What stands behind the methods of a client.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcCodec from "../session/RpcCodec.ts"
import type { Call } from "./Call.ts"
import * as CallFrame from "./CallFrame.ts"
import type { ClientTelemetry } from "./ClientTelemetry.ts"
import type { Escort } from "./Escort.ts"

/**
 * What the methods make calls for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Caller {
  readonly context: Context.Context<never>
  readonly telemetry: ClientTelemetry | undefined
  /** What goes with the calls that are made in a context; `undefined` where nothing ever does. */
  readonly escort: ((context: Context.Context<never>) => Escort) | undefined
  /** Sends a call, now or later, or tells it why not. `follow` keeps what goes with it as it is until then. */
  readonly begin: (call: Call, follow: Follow | undefined) => void
  /** Says something about a call, if it is with the server. */
  readonly tell: (call: Call, news: string) => void
  /** Who made the call has gone. */
  readonly interrupt: (id: number) => void
  /** The caller was told otherwise how the call ended: its server is to give it up. */
  readonly giveUp: (call: Call, exit: Exit.Exit<unknown, unknown>) => void
  /** The consumer of a stream has taken a chunk. */
  readonly taken: (id: number) => void
}

/**
 * Keeps what goes with a call as it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Follow = (call: Call) => void

/**
 * Encodes a call, most often at once, and goes on with its frame; `context` is that of the caller.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <A, E>(
  request: CallFrame.Request,
  rpc: Rpc.AnyWithProps,
  self: Pick<Caller, "context" | "telemetry" | "escort" | "tell">,
  context: Context.Context<never>,
  use: (frame: string, follow: Follow | undefined) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const escort = self.escort?.(context)
  const go = (payload: unknown, trace: string | undefined) => {
    if (escort === undefined) return use(CallFrame.encode(request, payload, trace), undefined)
    const frame = () => CallFrame.encode(request, payload, escort.trace, escort.chain())
    return use(frame(), (call) =>
      escort.attend((news) => {
        call.frame = frame()
        self.tell(call, news)
      }))
  }
  const send = (trace: string | undefined): Effect.Effect<A, E> => {
    const encoded = RpcCodec.of(rpc).encodePayload(request.payload)
    if (Exit.isExit(encoded) && Exit.isSuccess(encoded)) return go(encoded.value, trace)
    return Effect.flatMap(
      Effect.orDie(RpcCodec.withServices(encoded, self.context)),
      (payload) => go(payload, trace)
    )
  }
  return self.telemetry === undefined ? send(undefined) : self.telemetry.begin(request, context, send)
}
