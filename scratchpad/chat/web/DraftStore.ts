/**
 * Keeps what waits to be sent over a reload of the page. The room knows each draft by its id, so that one which had
 * arrived all the same is not said twice.
 */
import { Effect, Option, Schema } from "effect"
import { type Draft, Progress } from "./View.ts"

const Stored = Schema.fromJsonString(Schema.Array(Schema.Struct({
  id: Schema.String,
  text: Schema.String,
  to: Schema.optionalKey(Schema.String)
})))

const keyOf = (room: string, name: string) => `drafts of ${name} in ${room}`

/** The drafts that were kept; none where they cannot be read. */
export const load = (room: string, name: string): Effect.Effect<ReadonlyArray<Draft>> =>
  Effect.sync(() => sessionStorage.getItem(keyOf(room, name))).pipe(
    Effect.flatMap((text) => Effect.fromNullishOr(text)),
    Effect.flatMap(Schema.decodeEffect(Stored)),
    Effect.map((drafts) => drafts.map((draft): Draft => ({ ...draft, progress: Progress.Waiting() }))),
    Effect.option,
    Effect.map(Option.getOrElse(() => []))
  )

export const save = (room: string, name: string, drafts: ReadonlyArray<Draft>): Effect.Effect<void> =>
  Schema.encodeEffect(Stored)(
    drafts.map(({ id, text, to }) => to === undefined ? { id, text } : { id, text, to })
  ).pipe(
    Effect.flatMap((text) => Effect.sync(() => sessionStorage.setItem(keyOf(room, name), text))),
    Effect.orDie
  )
