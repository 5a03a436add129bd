/**
 * What the calls of an actor's connections need of its instance.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcServer from "effect/rpc/RpcServer"
import type { AnyActor } from "../internal/definition.ts"
import type { ActorTelemetry } from "./ActorTelemetry.ts"
import type { Callers } from "./Callers.ts"
import type { Settings } from "./Settings.ts"

/**
 * What an instance needs to run calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallEnvironment {
  readonly actor: AnyActor
  readonly key: string
  readonly address: string
  readonly context: Context.Context<never>
  readonly settings: Settings
  readonly telemetry: ActorTelemetry
  readonly server: RpcServer.RpcServer<Rpc.Any>
  /** Who waits for the calls, where they come from nodes; `undefined` for those of clients. */
  readonly callers: Callers | undefined
  /** Whether unary handlers run one at a time. */
  readonly isSerial: boolean
}
