/**
 * What the sockets of a host, or of a client, share: the means to act without a fiber of their own.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { Deadlines } from "./Deadlines.ts"

/**
 * Runs what sockets leave to be done later.
 *
 * @category models
 * @since 0.1.0
 */
export class Engine {
  /** Where all sockets that have something to write in one turn of the scheduler wait together. */
  readonly dispatcher: Scheduler.SchedulerDispatcher
  readonly deadlines: Deadlines
  private readonly context: Context.Context<never>
  private readonly scope: Scope.Scope
  private lastFrame = ""
  private lastMessage = ""

  constructor(context: Context.Context<never>, scope: Scope.Scope, dispatcher: Scheduler.SchedulerDispatcher) {
    this.context = context
    this.scope = scope
    this.dispatcher = dispatcher
    this.deadlines = new Deadlines(context, scope)
  }

  /** Starts an effect at once, in a fiber that ends with the scope; `scope` is the engine's own where none is given. */
  fork<A, E>(effect: Effect.Effect<A, E>, scope: Scope.Scope = this.scope): Fiber.Fiber<A, E> {
    return Fiber.runIn(Effect.runForkWith(this.context)(effect), scope)
  }

  /** The message of one frame alone. All receivers of a broadcast have the same: it is put together once. */
  toMessage(frame: string): string {
    if (frame !== this.lastFrame) {
      this.lastFrame = frame
      this.lastMessage = `[${frame}]\n`
    }
    return this.lastMessage
  }
}

/**
 * Makes an engine in the current scope. What its sockets have to write leaves
 * in the next turn of the scheduler.
 *
 * **Details**
 *
 * Where there is no `setImmediate`, as in browsers, that turn is a timer away,
 * of up to 4 milliseconds: there it leaves as soon as what runs now is done.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Engine, never, Scope.Scope> = Effect.withFiber((fiber) => {
  const scope = Context.getUnsafe(fiber.context, Scope.Scope)
  const dispatcher = "setImmediate" in globalThis ? fiber.currentDispatcher : promptly.makeDispatcher()
  return Effect.succeed(new Engine(Context.omit(Scope.Scope)(fiber.context), scope, dispatcher))
})

/** Its turns are microtasks. */
const promptly = new Scheduler.MixedScheduler("sync")
