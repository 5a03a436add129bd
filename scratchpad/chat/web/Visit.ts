/**
 * One stay of one person in one room: the connection, what is to be seen, and what one can do.
 */
import { Context, DateTime, Effect, FiberMap, Layer, Redacted, Schema, Stream, SubscriptionRef } from "effect"
import { ChatRoom, type Room } from "../ChatRoom.ts"
import * as Heard from "../Heard.ts"
import * as DraftStore from "./DraftStore.ts"
import * as View from "./View.ts"

/** Who somebody is, and how they show it. */
export const Pass = Schema.Struct({ name: Schema.NonEmptyString, token: Schema.String })

export type Pass = typeof Pass.Type

export class Visit extends Context.Service<Visit, {
  readonly room: Room
  readonly view: SubscriptionRef.SubscriptionRef<View.View>
  /** Sends a text to all, or to `to` alone. It waits among the drafts until it has arrived. */
  readonly say: (text: string, to?: string) => Effect.Effect<void>
  /** Sends a draft that has failed once more. */
  readonly sayAgain: (draft: View.Draft) => Effect.Effect<void>
  /** Takes a draft back; what was not sent yet never is. */
  readonly takeBack: (draft: View.Draft) => Effect.Effect<void>
}>()("effect-tether/scratchpad/chat/web/Visit") {}

const make = Effect.fnUntraced(function*(key: string, { name, token }: Pass) {
  const room = yield* ChatRoom.connect(key, {
    params: { authToken: Redacted.make(token, { label: "token" }) },
    subscribe: [...Heard.subscribe, "presence"]
  })
  const kept = yield* DraftStore.load(key, name)
  const view = yield* SubscriptionRef.make(View.empty(kept))
  const sending = yield* FiberMap.make<string>()
  const send = (draft: View.Draft) =>
    Effect.asVoid(FiberMap.run(sending, draft.id, deliver(room, view, draft, name), { startImmediately: true }))

  yield* SubscriptionRef.changes(view).pipe(
    Stream.map(({ drafts }) => drafts),
    Stream.changes,
    Stream.runForEach((drafts) => DraftStore.save(key, name, drafts)),
    Effect.forkScoped
  )
  yield* follow(room, view, name)
  yield* Effect.forEach(kept, send)

  return Visit.of({
    room,
    view,
    say: Effect.fnUntraced(function*(text, to) {
      const id = yield* Effect.sync(() => crypto.randomUUID())
      yield* sayDraft({ id, text, ...(to === undefined ? {} : { to }), progress: View.Progress.Waiting() })
    }),
    sayAgain: (draft) => sayDraft({ ...draft, progress: View.Progress.Waiting() }),
    takeBack: ({ id }) =>
      Effect.andThen(FiberMap.remove(sending, id), SubscriptionRef.update(view, (all) => View.dropped(all, id)))
  })

  function sayDraft(draft: View.Draft) {
    return Effect.andThen(SubscriptionRef.update(view, (all) => View.drafted(all, draft)), send(draft))
  }
})

/** Keeps the view up to date while the scope is open. */
const follow = Effect.fnUntraced(function*(room: Room, view: SubscriptionRef.SubscriptionRef<View.View>, me: string) {
  yield* Heard.stream(room).pipe(
    Stream.runForEach((heard) =>
      Effect.flatMap(DateTime.now, (now) => SubscriptionRef.update(view, (all) => View.heard(all, heard, now, me)))
    ),
    // Why it ended is in the status.
    Effect.ignore,
    Effect.forkScoped
  )
  yield* room.events.presence.pipe(
    Stream.runForEach((presence) => SubscriptionRef.update(view, (all) => View.stand(all, presence))),
    Effect.ignore,
    Effect.forkScoped
  )
})

/** Sends a draft and notes what becomes of it. */
const deliver = (
  room: Room,
  view: SubscriptionRef.SubscriptionRef<View.View>,
  draft: View.Draft,
  me: string
): Effect.Effect<void> => {
  const note = (progress: View.Progress) =>
    SubscriptionRef.update(view, (all) => View.progressed(all, draft.id, progress))
  const { id, text, to } = draft
  const sent = to === undefined
    ? room.rpc.post({ text, draft: id }).pipe(
      // The room says a draft once, so it may be asked again where the answer was lost.
      Effect.retry({ while: ({ reason }) => reason._tag === "OutcomeUnknown" }),
      Effect.andThen(note(View.Progress.Arrived()))
    )
    : room.rpc.sendDirectMessage({ to, text }).pipe(
      Effect.andThen(DateTime.now),
      Effect.flatMap((now) => SubscriptionRef.update(view, (all) => View.delivered(all, draft, me, now)))
    )
  return sent.pipe(
    Effect.catchReason("ConnectionError", "OutcomeUnknown", () => note(View.Progress.Unsure())),
    Effect.catch(({ message }) => note(View.Progress.Failed({ why: message })))
  )
}

/** Enters the room, and leaves it when the layer's scope closes. */
export const layer = (room: string, pass: Pass) => Layer.effect(Visit, make(room, pass))
