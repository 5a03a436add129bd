/**
 * Peers of a host that say what they like: sockets in memory on which a test writes any text or bytes.
 *
 * @since 0.1.0
 */
import { Effect, Exit, Latch, Option, Queue } from "effect"
import { Headers } from "effect/http"
import { Socket } from "effect/socket"
import * as ActorHost from "../../src/ActorHost.ts"
import * as Frame from "../../src/session/Frame.ts"
import { settle } from "./settle.ts"

/**
 * A frame of the server, by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type FrameOf<Tag> = Extract<Frame.ServerFrame, readonly [Tag, ...ReadonlyArray<any>]>

/**
 * The far end of a socket that a host serves.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawPeer {
  /** Sends chunks as they are, one WebSocket message each, and lets the host act on them. */
  readonly raw: (...chunks: ReadonlyArray<string | Uint8Array>) => Effect.Effect<void>
  /** Sends one message of frames that need not be legal. */
  readonly send: (...frames: ReadonlyArray<unknown>) => Effect.Effect<void>
  /** The frames of a kind that have come so far. */
  readonly frames: <Tag extends Frame.ServerFrame[0]>(tag: Tag) => ReadonlyArray<FrameOf<Tag>>
  /** What has come so far, message by message. */
  readonly messages: ReadonlyArray<string>
  /** The close codes that have come. */
  readonly closes: ReadonlyArray<number>
  /** Closed while this end does not read. */
  readonly reading: Latch.Latch
  /** Whether the host still serves the socket. */
  readonly isServed: () => boolean
  /** How much of what was sent the host has not read yet, in messages. */
  readonly unread: Effect.Effect<number>
  /** Goes away without a word. */
  readonly drop: Effect.Effect<void>
}

/**
 * Lets things happen until a condition holds, where they need threads of the platform, as hashing does; not for ever.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settleUntil = (isDone: () => boolean): Effect.Effect<boolean> =>
  Effect.map(Effect.repeat(settle, { until: isDone, times: 200 }), isDone)

const gone = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

const decode = (message: string) => Exit.getSuccess(Frame.decodeServer(message)).pipe(Option.getOrThrow)

/**
 * Opens a socket to the host. As over a WebSocket, a message is read when the host asks for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(options: {
  /** What of the host's words has not left it yet, in bytes. */
  readonly backlog?: () => number
  readonly remoteAddress?: string
} = {}) {
  const host = yield* ActorHost.ActorHost
  const inbound = yield* Queue.unbounded<string | Uint8Array, Socket.SocketError>()
  const reading = yield* Latch.make(true)
  const messages: Array<string> = []
  const closes: Array<number> = []
  const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
    Effect.andThen(
      reading.await,
      Effect.sync(() => {
        if (Socket.isCloseEvent(chunk)) closes.push(chunk.code)
        else if (typeof chunk === "string") messages.push(chunk)
      })
    )
  const socket = Socket.make({
    reader: Effect.as(Effect.addFinalizer(() => Queue.fail(inbound, gone)), {
      pull: Effect.map(Queue.take(inbound), (message) => [message] as const),
      upgrade: Socket.SocketUpgradeError.unsupported
    }),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
  const served = yield* Effect.forkScoped(host.accept(socket, { headers: Headers.empty, ...options }))
  const raw: RawPeer["raw"] = (...chunks) => Effect.andThen(Queue.offerAll(inbound, chunks), settle)
  const peer: RawPeer = {
    raw,
    send: (...frames) => raw(JSON.stringify(frames)),
    frames: (tag) => messages.flatMap(decode).filter((frame) => frame[0] === tag) as any,
    messages,
    closes,
    reading,
    isServed: () => served.pollUnsafe() === undefined,
    unread: Queue.size(inbound),
    drop: Effect.andThen(Queue.fail(inbound, gone), settle)
  }
  return peer
})

/**
 * A `hello` to an actor that takes no params.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hello = (actor: string, fields: Partial<Record<keyof Frame.Hello, unknown>> = {}) =>
  ["hello", {
    protocol: Frame.version,
    actor,
    key: "k",
    params: null,
    subscriptions: [],
    attach: 1,
    ...fields
  }] as const

/**
 * Opens a socket, is welcomed and confirms it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const enter = Effect.fnUntraced(function*(
  actor: string,
  fields?: Parameters<typeof hello>[1],
  options?: Parameters<typeof open>[0]
) {
  const peer = yield* open(options)
  yield* peer.send(hello(actor, fields))
  yield* settleUntil(() => peer.messages.length > 0)
  yield* peer.send(["ack", 0])
  const [welcome] = peer.frames("welcome")
  if (welcome === undefined) return yield* Effect.die(new Error(`not welcomed: ${peer.messages.join("")}`))
  return { ...peer, welcome: welcome[1] }
})
