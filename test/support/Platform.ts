/**
 * A platform whose signals a test gives.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PlatformSignals, type Signal } from "../../src/PlatformSignals.ts"

/**
 * The signals of one test.
 *
 * @category services
 * @since 0.1.0
 */
export class Platform extends Context.Service<Platform, {
  readonly listeners: Set<(signal: Signal) => void>
  /** Gives a signal at once, without anything else happening before it returns. */
  readonly tell: (signal: Signal) => void
}>()("effect-tether/test/Platform") {
  static readonly layer = Layer.effectContext(Effect.sync(() => {
    const listeners = new Set<(signal: Signal) => void>()
    const signals: PlatformSignals = {
      listen: (listener) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        ))
    }
    return Context.make(Platform, {
      listeners,
      tell: (signal) => listeners.forEach((listener) => listener(signal))
    }).pipe(Context.add(PlatformSignals, signals))
  }))
}
