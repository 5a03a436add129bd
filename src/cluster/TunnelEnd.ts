/**
 * The far end of a tunnel, at the actor: a socket like any other, and the rules
 * by which it takes what is pushed.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Engine from "../session/Engine.ts"
import type { HeartbeatTiming } from "../session/Frame.ts"
import { Gate } from "../session/Gate.ts"
import { Heartbeat } from "../session/Heartbeat.ts"
import { type DownlinkFrame, TunnelBroken } from "./TunnelRpcs.ts"

/** So many messages, of so many UTF-16 code units together, may wait to be read; with more no push is taken. */
const capacity = 64
const maxLength = 1_048_576

/** How long a push waits for that until its node is told to ask again. */
const patience = "1 second"

/** How long the last frames may take to leave when the tunnel has ended. */
const farewell = "5 seconds"

/**
 * A tunnel as the actor's node keeps it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TunnelEnd {
  /** What the pushes brought, and the way back. */
  readonly socket: Socket.Socket
  readonly downlink: Queue.Dequeue<DownlinkFrame, Cause.Done>
  /** Takes the push of the next index, or says that it has no room for it now; any other ends the tunnel. */
  readonly take: (index: number, messages: ReadonlyArray<string>) => Effect.Effect<boolean, TunnelBroken>
  /** Tells the near end that the actor leaves: pushes will fail, and are not to end the tunnel. */
  readonly leave: () => void
  /** Ends the tunnel: nothing is read any more, what was written still leaves. */
  readonly end: () => void
}

/**
 * Makes an end in the current scope, which is that of the request that opened
 * the tunnel. `abort` drops that request: for a node that does not read what
 * is left for it, and for one from which nothing is heard in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: {
  readonly incarnation: string
  readonly heartbeat: HeartbeatTiming
  readonly abort: () => void
}) => Effect.Effect<TunnelEnd, never, Scope.Scope> = Effect.fnUntraced(function*(options) {
  const fork = Effect.runForkWith(yield* Effect.context<Scope.Scope>())
  const inbound = yield* makeInbound
  // One message at a time: what is written meanwhile leaves as one message with the next.
  const downlink = yield* Queue.bounded<DownlinkFrame, Cause.Done>(1)
  const engine = yield* Engine.make
  let next = 0
  let hasEnded = false
  let isLeaving = false

  const end = () => {
    if (hasEnded) return
    hasEnded = true
    inbound.end()
    Queue.endUnsafe(downlink)
    fork(Effect.sync(options.abort).pipe(Effect.delay(farewell), Effect.forkScoped))
  }
  const write = (frame: DownlinkFrame) =>
    Effect.flatMap(Queue.offer(downlink, frame), (isTaken) => isTaken ? Effect.void : Effect.fail(closed))

  yield* Queue.offer(downlink, ["opened", options.incarnation])
  const silent = Effect.andThen(
    Effect.logInfo("nothing is heard of the node that a client is connected to"),
    Effect.sync(options.abort)
  )
  const heartbeat = new Heartbeat(engine.deadlines, {
    ping: () => {},
    // Where the actor leaves no push gets here any more; that it ends in time is another's business.
    onSilence: () => isLeaving || engine.fork(silent)
  })
  heartbeat.start(options.heartbeat)
  yield* Effect.addFinalizer(() => Effect.sync(end))

  return {
    downlink,
    leave: () => {
      isLeaving = true
      fork(write(["leaving"]).pipe(Effect.ignore, Effect.forkScoped))
    },
    end,
    socket: makeSocket(inbound.pull, write, end),
    take: (index, messages) =>
      Effect.flatMap(inbound.awaitRoom, (isTaken) => {
        heartbeat.mark()
        if (hasEnded) return Effect.fail(new TunnelBroken({ cause: "UnknownTunnel" }))
        if (index !== next) {
          options.abort()
          return Effect.fail(new TunnelBroken({ cause: "WrongIndex" }))
        }
        if (isTaken) {
          next++
          inbound.add(messages)
        }
        return Effect.succeed(isTaken)
      })
  }
})

/** What was pushed and is not read yet: bounded by what is taken, as no push is while so much waits. */
const makeInbound = Effect.map(Queue.unbounded<string, Socket.SocketError>(), (queue) => {
  const room = new Gate()
  let length = 0
  return {
    pull: Effect.tap(Queue.takeAll(queue), (messages) =>
      Effect.sync(() => {
        for (const message of messages) length -= message.length
        room.open()
      })),
    /** Whether there is room, perhaps after a while. */
    awaitRoom: Effect.suspend(() => {
      if (Queue.sizeUnsafe(queue) < capacity && length < maxLength) return Effect.succeed(true)
      room.close()
      return Effect.map(Effect.timeoutOption(room.await, patience), Option.isSome)
    }),
    add: (messages: ReadonlyArray<string>) => {
      for (const message of messages) length += message.length
      Queue.offerAllUnsafe(queue, messages)
    },
    end: () => Queue.failCauseUnsafe(queue, gone)
  }
})

const makeSocket = (
  pull: Socket.Reader["pull"],
  send: (frame: DownlinkFrame) => Effect.Effect<void, Socket.SocketError>,
  end: () => void
): Socket.Socket => {
  const write: Socket.Writer["write"] = (chunk) => {
    if (Socket.isCloseEvent(chunk)) {
      return Effect.andThen(send(["close", chunk.code, chunk.reason ?? ""]), Effect.sync(end))
    }
    const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)
    return send(["message", text.endsWith("\n") ? text.slice(0, -1) : text])
  }
  return Socket.make({
    reader: Effect.as(Effect.addFinalizer(() => Effect.sync(end)), {
      pull,
      upgrade: Socket.SocketUpgradeError.unsupported
    }),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
}

const closed = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })
const gone = Cause.fail(closed)
