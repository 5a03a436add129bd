/**
 * The methods that Effect's `RpcClient` makes: those of streams, and of RPCs with middleware.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClient, FromServer, Request } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import { ConnectionError, InvalidReply, OutcomeUnknown } from "../ConnectionError.ts"
import { ClientLeft } from "../DisconnectReason.ts"
import type { AnyActor } from "../internal/definition.ts"
import { InOrder } from "../session/InOrder.ts"
import * as RpcCodec from "../session/RpcCodec.ts"
import * as Call from "./Call.ts"
import { type Caller, encode } from "./Caller.ts"
import * as CallFrame from "./CallFrame.ts"

/**
 * Makes the methods of all RPCs in this way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  actor: AnyActor,
  caller: Caller,
  takeId: () => number
): Effect.fn.Return<Readonly<Record<string, unknown>>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const group = actor.protocol as unknown as RpcGroup.RpcGroup<Rpc.Any>
  const { client, write } = yield* RpcClient.makeNoSerialization(group, {
    disableTracing: true,
    supportsAck: true,
    generateRequestId: takeId as () => never,
    onFromClient: ({ message }): Effect.Effect<void> => streams.onMessage(message)
  }).pipe(
    // With the scope of the handle it would interrupt who calls later; when the client ends all calls settle, those to
    // come too.
    Scope.provide(Scope.makeUnsafe()),
    Effect.provideContext(caller.context as Context.Context<any>)
  )
  const streams = new Streams(actor, caller, scope, write)
  yield* Effect.addFinalizer(() => streams.close)
  return client as {}
})

class Streams {
  private readonly actor: AnyActor
  private readonly caller: Caller
  private readonly scope: Scope.Scope
  private readonly write: (message: FromServer<Rpc.Any>) => Effect.Effect<void>
  /** How the streams end whose last chunks their consumers have not taken yet. */
  private readonly unread = new Map<number, Exit.Exit<unknown, unknown>>()

  constructor(actor: AnyActor, caller: Caller, scope: Scope.Scope, write: Streams["write"]) {
    this.actor = actor
    this.caller = caller
    this.scope = scope
    this.write = write
  }

  /** The scope takes the deliveries with it: a stream whose tail is lost must not end as if it were whole. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(this.unread, ([id, exit]) => this.end(id, Exit.isSuccess(exit) ? cutShort : exit), {
        discard: true
      })
    )
  }

  onMessage(message: FromClient<Rpc.Any>): Effect.Effect<void> {
    switch (message._tag) {
      case "Request":
        return this.begin(message)
      case "Interrupt":
        return Effect.sync(() => this.caller.interrupt(message.requestId as number))
      case "Ack":
        return Effect.sync(() => this.caller.taken(message.requestId as number))
      default:
        return Effect.void
    }
  }

  private begin(request: Request<Rpc.Any>): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      const rpc = this.actor.protocol.requests.get(request.tag)!
      return encode(
        request,
        rpc,
        this.caller,
        fiber.context,
        (frame, follow) => Effect.sync(() => this.caller.begin(this.toCall(request, rpc, frame), follow))
      )
    })
  }

  private toCall(request: Request<Rpc.Any>, rpc: Rpc.AnyWithProps, frame: string): Call.Call {
    if (RpcCodec.of(rpc).isStream) return this.toStream(request, rpc, frame)
    // Who made the call goes on within `end`, whose effect has nothing left to do.
    return Call.make(request, rpc, frame, (exit) => void this.end(request.id as number, exit))
  }

  private toStream(request: Request<Rpc.Any>, rpc: Rpc.AnyWithProps, frame: string): Call.Call {
    const { decodeChunk } = RpcCodec.of(rpc)
    const id = request.id as number
    /** The stream ends here, and its handler on the server is told to. */
    const refuse = (reason: InvalidReply): Effect.Effect<void> => {
      const exit = Exit.fail(new ConnectionError<unknown>({ reason }))
      this.caller.giveUp(call, exit)
      return this.end(id, exit)
    }
    const hand = (encoded: ReadonlyArray<unknown>) =>
      Effect.matchEffect(decodeChunk(encoded), {
        onFailure: ({ message }) => refuse(new InvalidReply({ message })),
        onSuccess: (values) =>
          this.write({ _tag: "Chunk", clientId: 0, requestId: id as never, values: values as never })
      })
    const delivery = new InOrder<Effect.Effect<void>>({
      act: (effect) => effect,
      onDefect: (_, cause) => {
        const reason = CallFrame.died(cause)
        return refuse(reason)
      },
      context: this.caller.context,
      scope: this.scope
    })
    const onExit = (exit: Exit.Exit<unknown, unknown>) => {
      this.unread.set(id, exit)
      // `write` forgets the call when it is called, not when its effect runs: the chunks before must have been taken.
      delivery.offer(Effect.suspend(() => {
        this.unread.delete(id)
        return this.end(id, exit)
      }))
    }
    const call = Call.make(request, rpc, frame, onExit, {
      size: () => delivery.size,
      offer: (values) => delivery.offer(Effect.suspend(() => hand(values))),
      drop: () => void delivery.takeAll()
    })
    return call
  }

  private end(id: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return this.write({ _tag: "Exit", clientId: 0, requestId: id as never, exit: exit as never })
  }
}

const cutShort = Exit.fail(new ConnectionError({ reason: new OutcomeUnknown({ cause: ClientLeft.make({}) }) }))
