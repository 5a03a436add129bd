/**
 * The writing half of one socket: frames of one tick leave as one message.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { SchedulerDispatcher } from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Frame from "./Frame.ts"
import { Gate } from "./Gate.ts"
import type { Link } from "./Link.ts"

/**
 * Collects frames and writes them in the order they came in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing {
  /** Adds a frame to the next message; never waits. */
  readonly push: (frame: string) => void
  /** Adds a frame unless the same one waits already. */
  readonly pushOnce: (frame: string) => void
  /**
   * Runs a function and writes at once, as one message, what it has pushed. Of several batches in one turn of the
   * scheduler the first one leaves at once, the others together.
   */
  readonly batch: <A>(produce: () => A) => A
  /** Within a batch: writes what there is, if that is much, so that the peer can begin with it. */
  readonly relieve: () => void
  /** Length of the frames that wait for a write to end, in UTF-16 code units. */
  readonly waiting: () => number
  /** Writes a message even if nothing was pushed, for what `beforeWrite` adds. */
  readonly nudge: () => void
  /** Writes what was pushed, then closes the socket. The first call counts. */
  readonly end: (code: number, reason: string) => void
  /** Completes when nothing will be written any more: `end` has closed the socket, or writing has failed. */
  readonly done: Effect.Effect<void>
  /**
   * Completes when `end` has closed the socket. When writing has failed, it completes a moment later: what the peer said
   * last, perhaps why it left, may still have to be read.
   */
  readonly ended: Effect.Effect<void>
}

/** So many frames leave before their batch is over: one end would wait for the other otherwise, in turns. */
const early = 24

/** How long the last message may take to leave. */
const farewell = "5 seconds"

/** How long a socket that cannot be written to is still read. */
const lastWords = "1 second"

/**
 * Starts the writer of a link in the current scope. `beforeWrite` may add one
 * frame to each message, so that acknowledgements ride on data.
 *
 * **Details**
 *
 * There is no fiber of its own behind it: what was pushed is written by a task
 * of the scheduler, or at the end of a `batch`. A write that takes its time
 * holds the later ones back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (link: Link, options: {
  readonly maxBatchBytes: () => number
  readonly beforeWrite: () => string | undefined
  /** Runs when the socket has ended, a moment later where writing has failed. */
  readonly onEnd?: Effect.Effect<void> | undefined
}): Effect.Effect<Outgoing, never, Scope.Scope> =>
  Effect.flatMap(Effect.context<Scope.Scope>(), (context) =>
    Effect.withFiber((fiber) => {
      const writer = new Writer({
        ...options,
        onEnd: options.onEnd ?? Effect.void,
        link,
        context,
        dispatcher: fiber.currentDispatcher
      })
      return Effect.as(
        Scope.addFinalizer(Context.get(context, Scope.Scope), Effect.sync(() => writer.stop(false))),
        writer
      )
    }))

interface Environment {
  readonly link: Link
  readonly maxBatchBytes: () => number
  readonly beforeWrite: () => string | undefined
  readonly onEnd: Effect.Effect<void>
  readonly context: Context.Context<Scope.Scope>
  readonly dispatcher: SchedulerDispatcher
}

class Writer implements Outgoing {
  private readonly env: Environment
  private readonly gate = new Gate()
  private frames: Array<string> = []
  private closing: { readonly code: number; readonly reason: string } | undefined
  private state: "idle" | "scheduled" | "batching" | "writing" | "ended" = "idle"
  /** Whether there is something to write, or `beforeWrite` may have something. */
  private isAsked = false
  private failed = false
  private readonly once = new Set<string>()

  constructor(env: Environment) {
    this.env = env
    this.gate.close()
  }

  get done(): Effect.Effect<void> {
    return this.gate.await
  }

  get ended(): Effect.Effect<void> {
    return Effect.andThen(this.done, Effect.suspend(() => this.failed ? Effect.sleep(lastWords) : Effect.void))
  }

  push(frame: string): void {
    if (this.closing !== undefined) return
    this.frames.push(frame)
    this.nudge()
  }

  pushOnce(frame: string): void {
    if (this.once.has(frame)) return
    this.once.add(frame)
    this.push(frame)
  }

  nudge(): void {
    this.isAsked = true
    if (this.state !== "idle") return
    this.state = "scheduled"
    this.env.dispatcher.scheduleTask(() => this.flush(), 0)
  }

  waiting(): number {
    return this.state === "writing" ? this.frames.reduce((length, frame) => length + frame.length, 0) : 0
  }

  end(code: number, reason: string): void {
    if (this.closing !== undefined) return
    this.closing = { code, reason }
    this.nudge()
    // A peer that does not read its farewell is not waited for.
    this.fork(Effect.delay(Effect.sync(() => this.stop(false)), farewell))
  }

  batch<A>(produce: () => A): A {
    if (this.state !== "idle") return produce()
    this.state = "batching"
    const result = produce()
    if (!this.isAsked && this.isBatching()) {
      this.state = "idle"
      return result
    }
    this.flush()
    // Once per turn of the scheduler: a peer that sends message by message is answered by the batch all the same.
    this.nudge()
    return result
  }

  relieve(): void {
    if (this.frames.length < early || !this.isBatching()) return
    this.flush()
    if (this.state === "idle") this.state = "batching"
  }

  private isBatching(): boolean {
    return this.state === "batching"
  }

  /** Stops without another word. */
  stop(failed: boolean): void {
    if (this.state === "ended") return
    this.state = "ended"
    this.failed = failed
    this.closing ??= { code: 1006, reason: "" }
    this.frames = []
    this.gate.open()
    this.fork(Effect.andThen(this.ended, this.env.onEnd))
  }

  private flush(): void {
    if (this.state !== "scheduled" && this.state !== "batching") return
    this.state = "idle"
    this.isAsked = false
    const extra = this.env.beforeWrite()
    if (extra !== undefined) this.frames.push(extra)
    if (this.frames.length > 0) {
      const messages = toMessages(this.frames, this.env.maxBatchBytes())
      this.frames = []
      this.once.clear()
      const { write } = this.env.link
      this.run(
        messages.length === 1 ? write(messages[0]!) : Effect.forEach(messages, write, { discard: true }),
        (exit) => Exit.isSuccess(exit) ? this.goOn() : this.stop(true)
      )
    } else {
      this.goOn()
    }
  }

  /** After a write: what has come meanwhile is next, then the end. */
  private goOn(): void {
    if (this.state === "ended") return
    this.state = "idle"
    if (this.frames.length > 0 || this.isAsked) return this.nudge()
    if (this.closing === undefined) return
    this.run(this.env.link.close(this.closing.code, this.closing.reason), () => this.stop(false))
  }

  private run<E>(effect: Effect.Effect<void, E>, onExit: (exit: Exit.Exit<void, E>) => void): void {
    this.state = "writing"
    const fiber = this.fork(effect)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) fiber.addObserver(onExit)
    else onExit(exit)
  }

  private fork<E>(effect: Effect.Effect<void, E>): Fiber.Fiber<void, E> {
    return Fiber.runIn(Effect.runForkWith(this.env.context)(effect), Context.get(this.env.context, Scope.Scope))
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
      messages.push(`[${frames.slice(first, i).join(",")}]`)
      first = i
      length = 2
    }
    length += next
  }
  messages.push(`[${(first === 0 ? frames : frames.slice(first)).join(",")}]`)
  return messages
}
