/**
 * The writing half of one socket: frames of one tick leave as one message.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
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
  /** Writes a message even if nothing was pushed, for what `beforeWrite` adds. */
  readonly nudge: () => void
  /** Writes what was pushed, then closes the socket. The first call counts. */
  readonly end: (code: number, reason: string) => void
  /**
   * Completes when `end` has closed the socket. When writing has failed, it completes a moment later: what the peer said
   * last, perhaps why it left, may still have to be read.
   */
  readonly ended: Effect.Effect<void>
}

/** How long a socket that cannot be written to is still read. */
const lastWords = "1 second"

/**
 * Starts the writer of a link in the current scope. `beforeWrite` may add one
 * frame to each message, so that acknowledgements ride on data.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(link: Link, options: {
  readonly maxBatchBytes: number
  readonly beforeWrite: () => string | undefined
}): Effect.fn.Return<Outgoing, never, Scope.Scope> {
  let frames: Array<string> = []
  let closing: { readonly code: number; readonly reason: string } | undefined
  const wake = Latch.makeUnsafe(false)
  const ended = Latch.makeUnsafe(false)
  let failed = false

  const flush = Effect.suspend(() => {
    const extra = options.beforeWrite()
    if (extra !== undefined) frames.push(extra)
    if (frames.length === 0) return Effect.void
    const messages = toMessages(frames, options.maxBatchBytes)
    frames = []
    return messages.length === 1 ? link.write(messages[0]!) : Effect.forEach(messages, link.write, { discard: true })
  })

  yield* Effect.gen(function*() {
    while (true) {
      yield* wake.await
      // The frames that the current tick still produces join this message.
      yield* Effect.yieldNow
      wake.closeUnsafe()
      yield* flush
      if (closing !== undefined && frames.length === 0) {
        return yield* link.close(closing.code, closing.reason)
      }
    }
  }).pipe(
    Effect.catch(() =>
      Effect.sync(() => {
        failed = true
      })
    ),
    Effect.ensuring(Effect.sync(() => {
      closing ??= { code: 1006, reason: "" }
      frames = []
      ended.openUnsafe()
    })),
    Effect.forkScoped
  )

  return {
    push: (frame) => {
      if (closing !== undefined) return
      frames.push(frame)
      wake.openUnsafe()
    },
    nudge: () => {
      wake.openUnsafe()
    },
    end: (code, reason) => {
      closing ??= { code, reason }
      wake.openUnsafe()
    },
    ended: Effect.andThen(ended.await, Effect.suspend(() => failed ? Effect.sleep(lastWords) : Effect.void))
  }
})

const toMessages = (frames: ReadonlyArray<string>, maxBytes: number): ReadonlyArray<string> => {
  const messages: Array<string> = []
  let first = 0
  let length = 2
  for (let i = 0; i < frames.length; i++) {
    // A UTF-16 code unit takes at most three bytes in UTF-8.
    const next = frames[i]!.length * 3 + 1
    if (i > first && length + next > maxBytes) {
      messages.push(`[${frames.slice(first, i).join(",")}]`)
      first = i
      length = 2
    }
    length += next
  }
  messages.push(`[${(first === 0 ? frames : frames.slice(first)).join(",")}]`)
  return messages
}
