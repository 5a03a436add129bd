/**
 * The chapter in which the network is cut in the middle of a conversation.
 */
import { Effect, Fiber, Ref, Stream } from "effect"
import type { Waiting } from "../../src/ConnectionStatus.ts"
import { Screen } from "./Screen.ts"
import { chapter, say, Stage, tell } from "./Stage.ts"
import * as StatusLine from "./StatusLine.ts"
import * as Told from "./Told.ts"
import * as Witness from "./Witness.ts"

interface Cast {
  readonly ada: Witness.Witness
  readonly ben: Witness.Witness
  readonly cleo: Witness.Witness
}

const typed = ["Hello? Anybody?", "I seem to be alone", "I go on typing anyway"]

export const tellOutage = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  const { network } = yield* Stage
  yield* chapter("The network of ben is cut in the middle of the conversation")
  yield* say(ben, "As I was saying", [ada, ben, cleo])
  const line = yield* watch(ben)
  yield* network.unplug
  yield* tell("ben's client notices that it is away", Witness.stands(ben, "Waiting"))
  const posts = yield* typeAway(ben)
  yield* say(ada, "Where is ben?", [ada, cleo])
  yield* say(cleo, "His train is in a tunnel", [ada, cleo])
  const { attempt } = yield* tell("two tries to reach the server fail, and ben's client backs off", backsOff(ben))
  yield* tell("the three messages still wait", Told.soonCounts(ben.room.queued, typed.length))
  yield* network.plug
  yield* tell(`the network is back, and try ${attempt} or a later one succeeds`, Witness.stands(ben, "Connected"))
  yield* Fiber.interrupt(line)
  yield* (yield* Screen).clear
  yield* arrive({ ada, ben, cleo }, posts)
})

/** Shows where the client stands while the network is away. */
const watch = Effect.fnUntraced(function*({ name, room }: Witness.Witness) {
  const { format } = yield* Stage
  const screen = yield* Screen
  return yield* StatusLine.stream(room, { name, format, live: screen.animated }).pipe(
    Stream.drop(1),
    Stream.runForEach((line) => screen.status(`    ${line}`)),
    Effect.forkScoped
  )
})

/** The posts of somebody who is away; each waits in the queue before the next one is made. */
const typeAway = Effect.fnUntraced(function*({ name, room }: Witness.Witness) {
  const post = (text: string, queued: number) =>
    room.rpc.post({ text }).pipe(
      Effect.forkScoped({ startImmediately: true }),
      Effect.tap(Told.soonCounts(room.queued, queued))
    )
  const posts = yield* tell(
    `three messages of ${name} wait in the queue of the client`,
    Effect.forEach(typed, (text, index) => post(text, index + 1))
  )
  yield* tell(
    `${name} takes back a fourth one before it was sent`,
    Effect.gen(function*() {
      yield* Fiber.interrupt(yield* post("Never mind", typed.length + 1))
      yield* Told.soonCounts(room.queued, typed.length)
    })
  )
  return posts
})

const backsOff = (witness: Witness.Witness) =>
  Told.soon(
    witness.room.status,
    (status): status is Waiting => status._tag === "Waiting" && status.attempt > 2,
    (status) => `the status of ${witness.name} is ${status._tag}`
  )

/** The queued posts run, in order, and whoever was away hears what was missed. */
const arrive = Effect.fnUntraced(
  function*<E extends { readonly message: string }>(
    { ada, ben, cleo }: Cast,
    posts: ReadonlyArray<Fiber.Fiber<void, E>>
  ) {
    const { format, said } = yield* Stage
    const screen = yield* Screen
    yield* tell(
      "the queued messages are sent, and none waits any more",
      Effect.andThen(
        Effect.forEach(posts, Fiber.join),
        Told.soonCounts(ben.room.queued, 0)
      )
    )
    yield* Ref.update(said, (all) => [...all, ...typed.map((text) => ({ from: ben.name, text }))])
    yield* Effect.forEach(typed, (text) => screen.print(`    ${format.said(ben.name, text)}`))
    yield* tell("ada and cleo hear them", Effect.forEach([ada, cleo], (listener) => hearsAll(listener, ben, typed)))
    yield* tell(
      "ben hears what was said while he was away",
      Effect.andThen(
        hearsAll(ben, ada, ["Where is ben?"]),
        hearsAll(ben, cleo, ["His train is in a tunnel"])
      )
    )
  }
)

const hearsAll = (listener: Witness.Witness, speaker: Witness.Witness, texts: ReadonlyArray<string>) =>
  Effect.forEach(
    texts,
    (text) => Witness.hears(listener, "Posted", ({ message }) => message.from === speaker.name && message.text === text)
  )
