/**
 * A member of the room in the story, who remembers what was heard.
 */
import { type Context, Effect, Option, type Redacted, Ref, Stream, SubscriptionRef } from "effect"
import type { ActorClient } from "../../src/Actor.ts"
import type { Status } from "../../src/ConnectionStatus.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { demoToken } from "./Auth.ts"
import { ChatRoom, type Message, type Room, type Unauthorized } from "./ChatRoom.ts"
import * as Format from "./Format.ts"
import * as Heard from "./Heard.ts"
import * as Told from "./Told.ts"

export interface Witness {
  readonly name: string
  readonly room: Room
  readonly heard: SubscriptionRef.SubscriptionRef<ReadonlyArray<Heard.Heard>>
  /** The messages that came as events, just as they came: nothing was looked up in the history. */
  readonly events: Ref.Ref<ReadonlyArray<Message>>
}

/** The default policy, only faster, so that the story does not take long. */
const reconnect = Reconnect.fullJitter({ floor: "150 millis", base: "300 millis", cap: "1 second" })

const plain = Format.make(false)

/** Opens a client of the lobby for `name`; it leaves with the scope. */
export const make = Effect.fnUntraced(function*(
  name: string,
  network: Context.Context<ActorClient>,
  token: Redacted.Redacted<string> = demoToken(name)
) {
  const room = yield* ChatRoom.connect("lobby", {
    params: { authToken: token },
    subscribe: Heard.subscribe,
    reconnect
  }).pipe(Effect.provideContext(network))
  const heard = yield* SubscriptionRef.make<ReadonlyArray<Heard.Heard>>([])
  yield* Heard.stream(room).pipe(
    Stream.runForEach((what) => SubscriptionRef.update(heard, (all) => [...all, what])),
    // Its end is seen in the status.
    Effect.ignore,
    Effect.forkScoped
  )
  const events = yield* Ref.make<ReadonlyArray<Message>>([])
  yield* room.events.posted.pipe(
    Stream.runForEach((message) => Ref.update(events, (all) => [...all, message])),
    Effect.ignore,
    Effect.forkScoped
  )
  return { name, room, heard, events } satisfies Witness
})

/** Waits for a status of this kind. */
export const stands = <Tag extends Status["_tag"]>(witness: Witness, tag: Tag) =>
  Told.soon(
    witness.room.status,
    (status): status is Extract<Status<Unauthorized>, { readonly _tag: Tag }> => status._tag === tag,
    (status) => plain.status(witness.name, status, 0)
  )

/** Waits until something of this kind was heard that passes. */
export const hears = Effect.fnUntraced(function*<Tag extends Heard.Heard["_tag"]>(
  witness: Witness,
  tag: Tag,
  expected: (heard: Extract<Heard.Heard, { readonly _tag: Tag }>) => boolean
) {
  yield* Told.soon(
    witness.heard,
    (all): all is typeof all => all.some((heard) => heardAs(tag)(heard) && expected(heard)),
    (all) => `${witness.name} heard ${all.length} things, the last one: ${describeLast(all)}`
  )
})

/** What was heard of this kind so far. */
export const heardOf = <Tag extends Heard.Heard["_tag"]>(witness: Witness, tag: Tag) =>
  Effect.map(SubscriptionRef.get(witness.heard), (all) => all.filter(heardAs(tag)))

const heardAs =
  <Tag extends Heard.Heard["_tag"]>(tag: Tag) =>
  (heard: Heard.Heard): heard is Extract<Heard.Heard, { readonly _tag: Tag }> => heard._tag === tag

const describeLast = (all: ReadonlyArray<Heard.Heard>) =>
  Option.match(Option.fromUndefinedOr(all.at(-1)), { onNone: () => "none", onSome: plain.heard })
