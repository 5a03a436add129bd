/**
 * The writing half of one socket: frames of one tick leave as one message.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SocketError } from "effect/socket/Socket"
import type { Engine } from "./Engine.ts"
import * as Frame from "./Frame.ts"
import type { Link } from "./Link.ts"

/**
 * What a writer writes for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  /** Largest message of several frames, in bytes. */
  readonly maxBatchBytes: () => number
  /** One more frame for a message that is about to leave, so that acknowledgements ride on data. */
  readonly beforeWrite: () => string | undefined
  /** The socket has ended; where writing has failed, a moment later. */
  readonly onEnd: () => void
}

/** So many frames leave before their batch is over: one end would wait for the other otherwise, in turns. */
const early = 24

/** Batches that follow each other within this time, in microseconds, came in one turn of the event loop, or nearly. */
const close = 50

/** How long the last message may take to leave, in milliseconds. */
const farewell = 5_000

/** How long a socket that cannot be written to is still read, in milliseconds. */
const lastWords = 1_000

/**
 * Collects frames and writes them in the order they came in.
 *
 * **Details**
 *
 * There is no fiber of its own behind it: what was pushed is written by a task
 * of the scheduler, or at the end of a `batch`. A write that takes its time
 * holds the later ones back.
 *
 * @category models
 * @since 0.1.0
 */
export class Outgoing {
  private readonly link: Link
  private readonly engine: Engine
  private readonly owner: Owner
  private frames: Array<string> = []
  private closing: { readonly code: number; readonly reason: string } | undefined
  private state: "idle" | "scheduled" | "batching" | "writing" | "ended" = "idle"
  /** Whether there is something to write, or `beforeWrite` may have something. */
  private isAsked = false
  /** When the last batch was written at once, in monotonic microseconds. */
  private batchedAt = -Infinity
  /** The frames of the next message that are not to be in it twice. */
  private once: Set<string> | undefined
  private ended: Deferred.Deferred<void> | undefined

  constructor(link: Link, engine: Engine, owner: Owner) {
    this.link = link
    this.engine = engine
    this.owner = owner
  }

  /** Completes when nothing will be written any more: `end` has closed the socket, or writing has failed. */
  get done(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.state === "ended") return Effect.void
      this.ended ??= Deferred.makeUnsafe()
      return Deferred.await(this.ended)
    })
  }

  /** Adds a frame to the next message; never waits. */
  push(frame: string): void {
    if (this.closing !== undefined) return
    // A literal takes no more room than it needs: most messages are one frame.
    if (this.frames.length === 0) this.frames = [frame]
    else this.frames.push(frame)
    this.nudge()
  }

  /** Adds a frame unless the same one waits already. */
  pushOnce(frame: string): void {
    this.once ??= new Set()
    if (this.once.has(frame)) return
    this.once.add(frame)
    this.push(frame)
  }

  /** Length of the frames that wait for a write to end, in UTF-16 code units. */
  waiting(): number {
    return this.state === "writing" ? this.frames.reduce((length, frame) => length + frame.length, 0) : 0
  }

  /** Writes a message even if nothing was pushed, for what `beforeWrite` adds. */
  nudge(): void {
    this.isAsked = true
    if (this.state !== "idle") return
    this.state = "scheduled"
    this.engine.dispatcher.scheduleTask(() => this.flush(), 0)
  }

  /** Writes what was pushed, then closes the socket. The first call counts. */
  end(code: number, reason: string): void {
    if (this.closing !== undefined) return
    this.closing = { code, reason }
    this.nudge()
    // A peer that does not read its farewell is not waited for.
    this.engine.deadlines.set(farewell, { onDeadline: () => this.leave() })
  }

  /**
   * Runs a function at a time in monotonic microseconds, and writes at once, as one message, what it has pushed. Of
   * batches that follow close on each other the first one leaves at once, the others together: a peer that sends message
   * by message is answered by the batch all the same.
   */
  batch<A>(now: number, produce: () => A): A {
    if (this.state !== "idle") return produce()
    this.state = "batching"
    const result = produce()
    if (!this.isBatching()) return result
    if (!this.isAsked) {
      this.state = "idle"
    } else if (now - this.batchedAt < close) {
      this.state = "idle"
      this.nudge()
    } else {
      this.batchedAt = now
      this.flush()
    }
    return result
  }

  /** Within a batch: writes what there is, if that is much, so that the peer can begin with it. */
  relieve(): void {
    if (this.frames.length < early || !this.isBatching()) return
    this.flush()
    if (this.state === "idle") this.state = "batching"
  }

  private isBatching(): boolean {
    return this.state === "batching"
  }

  /** The socket has ended: nothing is written any more. */
  stop(): void {
    this.finish()
  }

  private leave(): void {
    if (this.finish()) this.owner.onEnd()
  }

  /** What the peer said last, perhaps why it left, may still have to be read. */
  private fail(): void {
    if (!this.finish()) return
    this.engine.deadlines.set(lastWords, { onDeadline: () => this.owner.onEnd() })
  }

  private finish(): boolean {
    if (this.state === "ended") return false
    this.state = "ended"
    this.closing ??= { code: 1006, reason: "" }
    this.frames = []
    if (this.ended !== undefined) Deferred.doneUnsafe(this.ended, Exit.void)
    return true
  }

  private flush(): void {
    if (this.state !== "scheduled" && this.state !== "batching") return
    this.state = "idle"
    this.isAsked = false
    const extra = this.owner.beforeWrite()
    if (extra !== undefined) this.frames.push(extra)
    if (this.frames.length === 0) return this.goOn()
    const write = this.write(this.frames)
    this.frames = []
    this.once?.clear()
    this.run(write, (exit) => Exit.isSuccess(exit) ? this.goOn() : this.fail())
  }

  private write(frames: ReadonlyArray<string>): Effect.Effect<void, SocketError> {
    if (frames.length === 1) return this.link.write(this.engine.toMessage(frames[0]!))
    const messages = toMessages(frames, this.owner.maxBatchBytes())
    return messages.length === 1
      ? this.link.write(messages[0]!)
      : Effect.forEach(messages, (message) => this.link.write(message), { discard: true })
  }

  /** After a write: what has come meanwhile is next, then the end. */
  private goOn(): void {
    if (this.state === "ended") return
    this.state = "idle"
    if (this.frames.length > 0 || this.isAsked) return this.nudge()
    if (this.closing === undefined) return
    this.run(this.link.close(this.closing.code, this.closing.reason), () => this.leave())
  }

  private run<E>(effect: Effect.Effect<void, E>, onExit: (exit: Exit.Exit<void, E>) => void): void {
    this.state = "writing"
    const fiber = this.engine.fork(effect, this.link.scope)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) fiber.addObserver(onExit)
    else onExit(exit)
  }
}

const toMessages = (frames: ReadonlyArray<string>, maxBytes: number): ReadonlyArray<string> => {
  const messages: Array<string> = []
  let first = 0
  let length = 2
  for (let i = 0; i < frames.length; i++) {
    // A UTF-16 code unit takes at most three bytes in UTF-8.
    const next = frames[i]!.length * 3 + 1
    if (i > first && (length + next > maxBytes || i - first >= Frame.maxFrames)) {
      messages.push(`[${frames.slice(first, i).join(",")}]\n`)
      first = i
      length = 2
    }
    length += next
  }
  messages.push(`[${(first === 0 ? frames : frames.slice(first)).join(",")}]\n`)
  return messages
}
