/**
 * The story of a chat room, by real clients over real WebSockets; every sentence of it is checked before it is told.
 */
import { Effect, Redacted, Ref, Stream } from "effect"
import { ChatRoom } from "./ChatRoom.ts"
import { tellKilling } from "./Killing.ts"
import { tellOutage } from "./Outage.ts"
import { chapter, say, Stage, tell } from "./Stage.ts"
import * as Told from "./Told.ts"
import * as Witness from "./Witness.ts"

/** How long the whole story may take. */
const limit = "40 seconds"

/** Tells the story; the number of messages that it leaves in the room. */
export const story = Effect.gen(function*() {
  const cast = yield* tellJoining()
  yield* tellRefusal(cast)
  yield* tellPosts(cast)
  yield* tellDirectMessage(cast)
  yield* tellKick(cast)
  yield* tellOutage(cast)
  yield* tellGoingOn(cast)
  yield* tellKilling
  return yield* tellEnd(cast)
}).pipe(
  Effect.scoped,
  Effect.timeoutOrElse({
    duration: limit,
    orElse: () =>
      Effect.fail(new Told.ToldOtherwise({ told: "all of it takes less than 40 seconds", seen: "it took longer" }))
  })
)

interface Cast {
  readonly ada: Witness.Witness
  readonly ben: Witness.Witness
  readonly cleo: Witness.Witness
}

const tellJoining = Effect.fnUntraced(function*() {
  const { direct, flaky } = yield* Stage
  yield* chapter("Ada, ben and cleo join with their tokens")
  const ada = yield* Witness.make("ada", direct)
  yield* tell("ada is connected", Witness.stands(ada, "Connected"))
  const ben = yield* Witness.make("ben", flaky)
  yield* tell("ben is connected", Witness.stands(ben, "Connected"))
  const cleo = yield* Witness.make("cleo", direct)
  yield* tell("cleo is connected", Witness.stands(cleo, "Connected"))
  yield* tell(
    "ada, who was there first, hears the others join",
    Effect.forEach([ben, cleo], ({ name }) => Witness.hears(ada, "Joined", ({ member }) => member.name === name))
  )
  yield* tell("the room knows three members, of whom ada is admin", isListed(ada, "ada:admin ben:member cleo:member"))
  return { ada, ben, cleo }
})

const isListed = Effect.fnUntraced(function*({ room }: Witness.Witness, expected: string) {
  const members = (yield* room.rpc.who()).map(({ name, role }) => `${name}:${role}`).join(" ")
  yield* Told.holds(members === expected, `in the room are ${members}`)
})

const tellRefusal = Effect.fnUntraced(function*({ ada }: Cast) {
  const { direct } = yield* Stage
  yield* chapter("Mallory tries it with a token that she made up")
  const mallory = yield* Witness.make("mallory", direct, Redacted.make("mallory:guess"))
  const { rejection } = yield* tell("she is refused", Witness.stands(mallory, "Rejected"))
  yield* tell(
    "the refusal is typed: it names her and tells what is wrong",
    Told.holds(
      rejection._tag === "Unauthorized" && rejection.name === "mallory" && rejection.hint.includes("password"),
      `${rejection._tag} of ${rejection.name}: ${rejection.hint}`
    )
  )
  yield* tell("what she posts fails with the same refusal and never runs", failsWith(mallory, "Rejected"))
  yield* tell("nobody in the room noticed", isListed(ada, "ada:admin ben:member cleo:member"))
})

/** A post of somebody whose handle is done. */
const failsWith = Effect.fnUntraced(function*({ room }: Witness.Witness, reason: string) {
  const error = yield* Effect.flip(room.rpc.post({ text: "Let me in" })).pipe(
    Effect.mapError(() => new Told.Otherwise({ seen: "the post succeeded" }))
  )
  yield* Told.holds(
    error.reason._tag === reason && error.executed === "no",
    `it failed with ${error.reason._tag}, executed: ${error.executed}`
  )
})

const tellPosts = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  yield* chapter("They talk")
  yield* say(ada, "Good morning, everyone", [ada, ben, cleo])
  yield* say(ben, "Morning! I am on the train", [ada, ben, cleo])
  yield* say(cleo, "Have a good trip", [ada, ben, cleo])
})

const tellDirectMessage = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  yield* chapter("Ada has something for ben alone")
  const text = "Don't tell cleo: the cake is for her"
  yield* tell(
    `ben gets the direct message "${text}"`,
    Effect.andThen(
      ada.room.rpc.sendDirectMessage({ to: "ben", text }),
      Witness.hears(ben, "DirectMessage", (direct) => direct.from === "ada" && direct.text === text)
    )
  )
  // What cleo hears next comes after whatever she was sent before.
  yield* say(ben, "I can keep a secret", [ada, ben, cleo])
  const leaked = yield* Witness.heardOf(cleo, "DirectMessage")
  yield* tell("cleo got nothing of it", Told.holds(leaked.length === 0, `cleo heard ${leaked.length} direct messages`))
  const error = yield* Effect.flip(ada.room.rpc.sendDirectMessage({ to: "zoe", text })).pipe(
    Effect.mapError(() => new Told.ToldOtherwise({ told: "zoe is not in the room", seen: "the message was delivered" }))
  )
  yield* tell(
    "a direct message to zoe fails, typed: she is not in the room",
    Told.holds(error._tag === "NotInRoom" && error.name === "zoe", error.message)
  )
})

const tellKick = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  const { direct } = yield* Stage
  yield* chapter("Dan sells watches")
  const dan = yield* Witness.make("dan", direct)
  yield* tell("dan is connected", Witness.stands(dan, "Connected"))
  yield* say(dan, "Cheap watches!", [ada, ben, cleo])
  yield* say(dan, "Very cheap watches!!", [ada, ben, cleo])
  const kick = { name: "dan", reason: "Too many watches" }
  const refusal = yield* Effect.flip(ben.room.rpc.kick(kick)).pipe(
    Effect.mapError(() => new Told.ToldOtherwise({ told: "ben may not kick", seen: "dan was kicked by ben" }))
  )
  yield* tell("ben may not kick him, since he is no admin", Told.holds(refusal._tag === "NotAllowed", refusal.message))
  yield* tell(
    `ada kicks him: "${kick.reason}"`,
    Effect.andThen(ada.room.rpc.kick(kick), isKicked(dan, kick.reason))
  )
  yield* tell(
    "the others hear it, and why",
    Effect.forEach(
      [ada, ben, cleo],
      (listener) =>
        Witness.hears(
          listener,
          "Left",
          ({ name, reason }) => name === "dan" && reason._tag === "Kicked" && reason.reason === kick.reason
        )
    )
  )
  yield* tell("what he posts now fails and never runs", failsWith(dan, "Disconnected"))
})

const isKicked = Effect.fnUntraced(function*(witness: Witness.Witness, expected: string) {
  const { reason } = yield* Witness.stands(witness, "Disconnected")
  yield* Told.holds(
    reason._tag === "Kicked" && reason.reason === expected,
    `the connection ended with ${reason._tag}${reason._tag === "Kicked" ? `: ${reason.reason}` : ""}`
  )
})

const tellGoingOn = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  yield* chapter("The conversation goes on")
  yield* say(cleo, "There you are again", [ada, ben, cleo])
  yield* say(ben, "It was only a tunnel", [ada, ben, cleo])
  const text = "Cake at four in the kitchen"
  const lobby = yield* ChatRoom.client("lobby")
  yield* tell(
    `the server itself announces: "${text}"`,
    Effect.andThen(
      lobby.announce({ text }),
      Effect.forEach(
        [ada, ben, cleo],
        (listener) => Witness.hears(listener, "Announced", (announced) => announced.text === text)
      )
    )
  )
})

const tellEnd = Effect.fnUntraced(function*({ ada, ben, cleo }: Cast) {
  const { said } = yield* Stage
  const all = yield* Ref.get(said)
  yield* chapter("And in the end")
  yield* Effect.forEach([ada, ben, cleo], (witness) =>
    tell(
      `${witness.name} has read all ${all.length} messages: none lost, none twice, in order`,
      Effect.flatMap(
        Witness.heardOf(witness, "Posted"),
        (posted) => allRight(all, posted.map(({ message }) => message))
      )
    ))
  yield* tell(
    "as events alone all of it reached ada and cleo, and what reached ben came once and in order",
    Effect.gen(function*() {
      yield* allRight(all, yield* Ref.get(ada.events))
      yield* allRight(all, yield* Ref.get(cleo.events))
      const numbers = (yield* Ref.get(ben.events)).map(({ number }) => number)
      yield* Told.holds(
        numbers.every((n, i) => n > (numbers[i - 1] ?? 0)),
        `ben got the messages ${numbers.join(", ")}`
      )
    })
  )
  yield* tell(
    "the room remembers the same",
    Effect.flatMap(Stream.runCollect(ada.room.rpc.history({ after: 0 })), (history) => allRight(all, history))
  )
  yield* cleo.room.disconnect("Good night")
  yield* tell(
    "cleo leaves, and the others hear her reason",
    Effect.forEach(
      [ada, ben],
      (listener) =>
        Witness.hears(
          listener,
          "Left",
          ({ name, reason }) => name === "cleo" && reason._tag === "ClientLeft" && reason.reason === "Good night"
        )
    )
  )
  return all.length
})

const allRight = (said: ReadonlyArray<Told.Said>, read: ReadonlyArray<Told.Said>) => {
  const wrong = Told.complaints(said, read)
  return Told.holds(wrong.length === 0, wrong.join("; "))
}
