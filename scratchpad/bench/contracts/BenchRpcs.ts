/**
 * The work as a group of Effect's own RPCs; events are a stream that each client opens.
 */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

const Note = Schema.Struct({ text: Schema.String, number: Schema.Int })

export class BenchRpcs extends RpcGroup.make(
  Rpc.make("echo", { payload: Note, success: Note }),
  Rpc.make("shout", { payload: Note }),
  Rpc.make("said", { success: Note, stream: true })
) {}
