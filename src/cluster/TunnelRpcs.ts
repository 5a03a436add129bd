/**
 * What nodes say to an actor's node: the RPCs of the entity that an actor is
 * in the cluster.
 *
 * @since 0.1.0
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import type * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { ActorUnavailable } from "../CallError.ts"

/**
 * The tunnel cannot take what was pushed: it is not there, belongs to another
 * life of the actor, or something is missing or came twice.
 *
 * @category errors
 * @since 0.1.0
 */
export class TunnelBroken extends Schema.TaggedError<TunnelBroken>("~effect-tether/cluster/TunnelBroken")(
  "TunnelBroken",
  { cause: Schema.Literals(["UnknownTunnel", "OtherIncarnation", "WrongIndex"]) }
) {
  override get message() {
    return `the tunnel is broken: ${this.cause}`
  }
}

const OpenedFrame = Schema.Tuple([Schema.Literal("opened"), Schema.String])
/** The actor leaves its node: nothing is taken any more, what it still has to say follows. */
const LeavingFrame = Schema.Tuple([Schema.Literal("leaving")])
const MessageFrame = Schema.Tuple([Schema.Literal("message"), Schema.String])
const CloseFrame = Schema.Tuple([Schema.Literal("close"), Schema.Int, Schema.String])

/**
 * What the actor's node sends down a tunnel: first which life of the actor it
 * leads to, then messages, perhaps a close.
 *
 * @category models
 * @since 0.1.0
 */
export const DownlinkFrame = Schema.Union([OpenedFrame, MessageFrame, LeavingFrame, CloseFrame])

/**
 * @category models
 * @since 0.1.0
 */
export type DownlinkFrame = typeof DownlinkFrame.Type

/**
 * Opens a tunnel and is its downlink. Runs nothing of the actor: the engine
 * repeats it on the next owner when a node has crashed.
 */
const Open = Rpc.make("Open", {
  payload: {
    tunnel: Schema.String,
    /** What travels through it: a client's socket, or the calls of a node. */
    use: Schema.Literals(["Socket", "Calls"]),
    /** The headers of the request that became the client's socket. */
    headers: Schema.Record(Schema.String, Schema.String),
    /** Where the client's socket comes from, if its node can tell. */
    remoteAddress: Schema.optionalKey(Schema.String)
  },
  success: DownlinkFrame,
  stream: true
})

/**
 * The uplink: the next messages of a tunnel. None at all is a sign of life. The answer tells whether they were taken; if
 * not, they are to be pushed again under the same index, as the actor reads slowly.
 */
const Push = Rpc.make("Push", {
  payload: {
    tunnel: Schema.String,
    incarnation: Schema.String,
    /** Rises by one with each push of the tunnel that was taken, from 0 on. */
    index: Schema.Int,
    messages: Schema.Array(Schema.String)
  },
  success: Schema.Boolean,
  error: TunnelBroken
})

/**
 * Never answers: keeps the entity from being put to sleep while it is in use,
 * and is interrupted first when the entity has to go.
 */
const Hold = Rpc.make("Hold", { payload: { incarnation: Schema.String, hold: Schema.Int } })
  .annotate(ClusterSchema.InterruptOnTermination, true)

/** Starts the actor's instance if it is asleep: for its alarms, and for connections that it had. */
const Wake = Rpc.make("Wake", { error: ActorUnavailable })

/**
 * Makes the entity of the actor of a name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeEntity = (type: string) =>
  Entity.make(`effect-tether/${type}`, [Open, Push, Hold, Wake]).annotate(ClusterSchema.ClientTracingEnabled, false)

/**
 * @category models
 * @since 0.1.0
 */
export type ActorEntity = ReturnType<typeof makeEntity>

/**
 * The entity's client, for one key.
 *
 * @category models
 * @since 0.1.0
 */
export type EntityClient = ReturnType<Effect.Success<ActorEntity["client"]>>
