/**
 * What makes the story true: each sentence is told only after what it says was observed.
 */
import { type Duration, Effect, Option, Ref, Schedule, Schema, Stream, SubscriptionRef } from "effect"
import type { Message } from "./ChatRoom.ts"

/** What was observed instead of what was expected. */
export class Otherwise extends Schema.TaggedError<Otherwise>("scratchpad/chat/Otherwise")("Otherwise", {
  seen: Schema.String
}) {
  override get message() {
    return this.seen
  }
}

/** A sentence of the story that did not come true. */
export class ToldOtherwise extends Schema.TaggedError<ToldOtherwise>("scratchpad/chat/ToldOtherwise")("ToldOtherwise", {
  told: Schema.String,
  seen: Schema.String
}) {
  override get message() {
    return `it was to be told that ${this.told}; instead: ${this.seen}`
  }
}

/** How long a sentence may take to come true. */
export const patience: Duration.Input = "5 seconds"

/** Fails with what was seen unless the condition holds. */
export const holds = (condition: boolean, seen: string) =>
  condition ? Effect.void : Effect.fail(new Otherwise({ seen }))

/** Waits until a value of the ref passes; fails with the last one after a while. */
export const soon = Effect.fnUntraced(function*<A, B extends A = A>(
  ref: SubscriptionRef.SubscriptionRef<A>,
  expected: (value: A) => value is B,
  show: (value: A) => string
) {
  const found = yield* SubscriptionRef.changes(ref).pipe(
    Stream.filter(expected),
    Stream.runHead,
    Effect.timeoutOption(patience)
  )
  if (Option.isSome(found) && Option.isSome(found.value)) return found.value.value
  return yield* new Otherwise({ seen: show(yield* SubscriptionRef.get(ref)) })
})

/** Asks again until the number is the expected one; fails with the last one after a while. */
export const soonCounts = Effect.fnUntraced(function*(count: Effect.Effect<number>, expected: number) {
  const last = yield* Ref.make(-1)
  yield* count.pipe(
    Effect.tap((n) => Ref.set(last, n)),
    Effect.repeat({ until: (n) => n === expected, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOption(patience)
  )
  const seen = yield* Ref.get(last)
  yield* holds(seen === expected, `${seen} instead of ${expected}`)
})

/** What somebody said. */
export type Said = Pick<Message, "from" | "text">

/** What is wrong with what was read, compared with what was said (no sentence of it twice); none if all is right. */
export const complaints = (said: ReadonlyArray<Said>, read: ReadonlyArray<Said>): ReadonlyArray<string> => {
  const quote = ({ from, text }: Said) => `"${text}" of ${from}`
  const wanted = said.map(quote)
  const found = read.map(quote)
  const lost = wanted.filter((post) => !found.includes(post)).map((post) => `${post} is lost`)
  const doubled = found.filter((post, index) => found.indexOf(post) < index).map((post) => `${post} came twice`)
  const invented = found.filter((post) => !wanted.includes(post)).map((post) => `${post} was never said`)
  const wrong = [...lost, ...doubled, ...invented]
  if (wrong.length > 0) return wrong
  const first = wanted.findIndex((post, index) => found[index] !== post)
  return first === -1 ? [] : [`${found[first]} came where ${wanted[first]} belongs`]
}
