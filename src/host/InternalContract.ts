/**
 * The contract that nodes have with an actor: its internal RPCs, and nothing else that clients have.
 *
 * @since 0.1.0
 */
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import { ActorUnavailable, CallError } from "../CallError.ts"
import type { AnyActor, AnySchema } from "../internal/definition.ts"

const cache = new WeakMap<AnyActor, AnyActor>()

/**
 * The contract of an actor for nodes. Its RPCs may also fail with `CallError`, and it turns nodes away with
 * `ActorUnavailable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (actor: AnyActor): AnyActor => {
  let contract = cache.get(actor)
  if (contract === undefined) {
    contract = make(actor)
    cache.set(actor, contract)
  }
  return contract
}

const make = (actor: AnyActor): AnyActor => ({
  ...actor,
  eventSchemas: new Map(),
  schemas: {
    ...actor.schemas,
    params: Schema.Void as AnySchema,
    connectionState: Schema.Void as AnySchema,
    rejection: ActorUnavailable as Schema.Top as AnySchema
  },
  protocol: RpcGroup.make(
    ...Array.from(actor.internal.requests.values(), widen)
  ) as RpcGroup.Any as AnyActor["protocol"]
})

/** First, so that no schema of the app that fits as well gets hold of it. */
const widen = (rpc: Rpc.AnyWithProps): Rpc.Any =>
  (rpc as unknown as Rpc.Rpc<string>).setError(Schema.Union([CallError, rpc.errorSchema]))
