/**
 * One direction of a link: messages on their way, in order, and those that have arrived and wait for a pull.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as MutableList from "effect/MutableList"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"

/**
 * What a socket carries besides closes; passed on as it is, never copied.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = string | Uint8Array

interface Parcel {
  readonly due: number
  readonly content: Message | Socket.CloseEvent
}

/**
 * What a lane needs of the network around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * How many messages the lane holds, on their way and arrived together.
   */
  readonly capacity: number
  readonly clock: Clock.Clock
  /**
   * Forks into the network's scope.
   */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly onMessage: () => void
  readonly onClose: (event: Socket.CloseEvent) => void
  readonly onOverflow: () => void
  /**
   * Runs once, before the reader learns that its side is over.
   */
  readonly onEnd: () => void
}

/**
 * One direction of a link, with its writer on one side and its reader on the other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  readonly send: (content: Message | Socket.CloseEvent) => void
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Message>, Socket.SocketError>
  /**
   * Why the reader's side is over, or `undefined` while it lives.
   */
  readonly ended: () => Socket.SocketError | undefined
  /**
   * Ends the reader's side: what is on its way is lost, what has arrived is read before the error.
   */
  readonly end: (error: Socket.SocketError) => void
  readonly freeze: () => void
  readonly stall: () => void
  readonly delay: (duration: Duration.Input) => void
  readonly heal: () => void
}

/**
 * A millisecond's millionth: the sum of two times may fall short of itself by less, and waiting for the rest would take
 * no time, for ever.
 */
const roundingError = 1e-6

/**
 * Creates a lane without faults.
 *
 * **Details**
 *
 * No fiber runs unless a message has to wait for its time; that one ends with the wait or with the lane.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Lane> {
  const inbox = yield* Queue.unbounded<Message, Socket.SocketError>()
  const readable = Latch.makeUnsafe(true)
  const transit = MutableList.make<Parcel>()
  let error: Socket.SocketError | undefined
  let courier: Fiber.Fiber<void> | undefined
  let latency = 0
  let frozen = false
  let stalled = false

  const now = () => options.clock.currentTimeMillisUnsafe()
  const head = (): Parcel | undefined => frozen || stalled ? undefined : MutableList.toArrayN(transit, 1)[0]

  const arrive = (content: Message | Socket.CloseEvent) => {
    if (Socket.isCloseEvent(content)) return options.onClose(content)
    Queue.offerUnsafe(inbox, content)
    options.onMessage()
  }
  // An arrival can resume a fiber that writes, cuts or freezes: nothing is carried over from one round to the next.
  const deliverDue = () => {
    for (let next = head(); next !== undefined && next.due - now() < roundingError; next = head()) {
      MutableList.take(transit)
      arrive(next.content)
    }
  }
  const carry = Effect.gen(function*() {
    for (let next = head(); next !== undefined; next = head()) {
      yield* Effect.sleep(next.due - now())
      deliverDue()
    }
  })
  const deliver = () => {
    deliverDue()
    if (courier !== undefined || head() === undefined) return
    courier = options.fork(carry)
    courier.addObserver(() => {
      courier = undefined
    })
  }
  return {
    send(content) {
      if (error !== undefined) return
      const held = transit.length + Queue.sizeUnsafe(inbox)
      if (held >= options.capacity && !Socket.isCloseEvent(content)) return options.onOverflow()
      MutableList.append(transit, { due: now() + latency, content })
      deliver()
    },
    pull: readable.whenOpen(Queue.takeAll(inbox)),
    ended: () => error,
    end(reason) {
      if (error !== undefined) return
      error = reason
      MutableList.clear(transit)
      courier?.interruptUnsafe()
      options.onEnd()
      readable.openUnsafe()
      Queue.failCauseUnsafe(inbox, Cause.fail(reason))
    },
    freeze() {
      frozen = true
    },
    stall() {
      if (error !== undefined) return
      stalled = true
      readable.closeUnsafe()
    },
    delay(duration) {
      latency = Duration.toMillis(duration)
    },
    heal() {
      frozen = false
      stalled = false
      latency = 0
      readable.openUnsafe()
      deliver()
    }
  }
})
