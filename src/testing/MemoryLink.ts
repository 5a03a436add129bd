/**
 * A link between a client and a server: two lanes, two ends and the closing handshake between them.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import * as Countdown from "./Countdown.ts"
import type { Controls, Direction, Link } from "./Faults.ts"
import * as Faults from "./Faults.ts"
import * as Lane from "./Lane.ts"

/**
 * What one side of a link holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface End {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Lane.Message>, Socket.SocketError>
  /**
   * Sends a message or starts a close. Messages fail once this end has closed or ended; a second close does nothing.
   */
  readonly write: (chunk: Lane.Message | Socket.CloseEvent) => Effect.Effect<void, Socket.SocketError>
  /**
   * Ends this side: its pulls fail, the other side learns `code` after all that was written.
   */
  readonly leave: (code: number) => void
  /**
   * Takes in the close of the other side and answers it, unless this side closed first.
   */
  readonly receive: (event: Socket.CloseEvent) => void
}

/**
 * A link as its network sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryLink {
  readonly id: number
  readonly client: End
  readonly server: End
  readonly controls: Controls
  readonly link: Link
}

/**
 * The close code of a connection that died without a close.
 *
 * @category constants
 * @since 0.1.0
 */
const abnormalClosure = 1006

const closeError = (event: Socket.CloseEvent) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: event.code, closeReason: event.reason }) })

const makeEnd = (inbound: Lane.Lane, outbound: Lane.Lane): End => {
  let closed: Socket.SocketError | undefined

  const markClosed = (event: Socket.CloseEvent) => {
    const isFirst = closed === undefined && inbound.ended() === undefined
    if (isFirst) closed = closeError(event)
    return isFirst
  }
  // The other end may answer a close within the send, so this end ends first: it keeps its own reason.
  const finish = (event: Socket.CloseEvent, error: Socket.SocketError) => {
    const isFirst = markClosed(event)
    inbound.end(error)
    if (isFirst) outbound.send(event)
  }
  return {
    pull: inbound.pull,
    write: (chunk) =>
      Effect.suspend(() => {
        if (Socket.isCloseEvent(chunk)) {
          if (markClosed(chunk)) outbound.send(chunk)
          return Effect.void
        }
        const error = inbound.ended() ?? closed
        if (error !== undefined) return Effect.fail(error)
        outbound.send(chunk)
        return Effect.void
      }),
    leave: (code) => finish(new Socket.CloseEvent(code), closeError(new Socket.CloseEvent(abnormalClosure))),
    receive: (event) => finish(event, closeError(event))
  }
}

const makeControls = (uplink: Lane.Lane, downlink: Lane.Lane, countdown: Countdown.Countdown): Controls => ({
  cut: () => cutLanes(uplink, downlink),
  freeze(direction) {
    if (direction !== "downlink") uplink.freeze()
    if (direction !== "uplink") downlink.freeze()
  },
  stall: downlink.stall,
  delay(duration) {
    uplink.delay(duration)
    downlink.delay(duration)
  },
  cutAfter: countdown.start,
  heal() {
    countdown.stop()
    uplink.heal()
    downlink.heal()
  }
})

const cutLanes = (uplink: Lane.Lane, downlink: Lane.Lane) => {
  const error = closeError(new Socket.CloseEvent(abnormalClosure))
  uplink.end(error)
  downlink.end(error)
}

/**
 * Creates a link without faults.
 *
 * **Details**
 *
 * `onMessage` runs at each arrival, `onEnd` once, when both ends have ended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Pick<Lane.Options, "capacity" | "clock" | "fork" | "onEnd"> & {
    readonly id: number
    readonly onMessage: (direction: Direction) => void
  }
): Effect.fn.Return<MemoryLink> {
  const cut = () => cutLanes(uplink, downlink)
  const countdown = Countdown.make(cut)
  const lane = (direction: Direction, receiver: () => End) =>
    Lane.make({
      ...options,
      onMessage() {
        countdown.tick(direction)
        options.onMessage(direction)
      },
      onClose: (event) => receiver().receive(event),
      onOverflow: cut,
      onEnd() {
        if (uplink.ended() !== undefined && downlink.ended() !== undefined) options.onEnd()
      }
    })
  const uplink: Lane.Lane = yield* lane("uplink", () => server)
  const downlink: Lane.Lane = yield* lane("downlink", () => client)
  const client = makeEnd(downlink, uplink)
  const server = makeEnd(uplink, downlink)
  const controls = makeControls(uplink, downlink, countdown)

  return { id: options.id, client, server, controls, link: { id: options.id, ...Faults.fromControls(controls) } }
})
