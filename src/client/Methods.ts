/**
 * The typed methods of a client: what turns their arguments into calls.
 *
 * @since 0.1.0
 */

// Errors of the app's own effects are erased behind the contract.
// @effect-diagnostics anyUnknownInErrorContext:off
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as Scope from "effect/Scope"
import type { AnyActor } from "../internal/definition.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import * as Call from "./Call.ts"
import { type Caller, encode } from "./Caller.ts"
import * as Streams from "./Streams.ts"

/**
 * Makes the methods of a client, one for each RPC.
 *
 * **Details**
 *
 * Streams, and RPCs with middleware, are those of Effect's `RpcClient`, which has two fibers for a call. The others,
 * nearly all there are, have none beside the caller's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  actor: AnyActor,
  self: Caller
): Effect.fn.Return<Readonly<Record<string, unknown>>, never, Scope.Scope> {
  let nextId = 0
  const takeId = () => nextId++
  const others = yield* Streams.make(actor, self, takeId)
  const direct = Array.from(actor.protocol.requests.values())
    .filter((rpc) => rpc.middlewares.size === 0 && !RpcCodec.of(rpc).isStream)
    .map((rpc) => [rpc._tag, makeMethod(rpc, self, takeId)])
  return { ...others, ...Object.fromEntries(direct) }
})

const makeMethod = (rpc: Rpc.AnyWithProps, self: Caller, takeId: () => number) =>
(
  input: unknown,
  options?: { readonly headers?: Headers.Input | undefined; readonly discard?: boolean | undefined }
): Effect.Effect<unknown, unknown> => {
  const payload = rpc.payloadSchema.make(input)
  const headers = options?.headers === undefined ? undefined : Headers.fromInput(options.headers)
  const discard = options?.discard === true
  return Effect.withFiber((fiber) => {
    const id = takeId()
    const common = fiber.getRef(RpcClient.CurrentHeaders)
    const request = {
      id,
      tag: rpc._tag,
      payload,
      headers: headers === undefined ? common : Headers.merge(common, headers),
      discard
    }
    return encode(request, rpc, self, fiber.context, (frame, follow) =>
      Effect.callback((resume) => {
        self.begin(Call.make(request, rpc, frame, resume), follow)
        return Effect.sync(() => self.interrupt(id))
      }))
  })
}
