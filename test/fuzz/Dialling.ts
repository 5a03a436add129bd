/**
 * A client against servers that say anything: it never dies of it, never hangs, and every call of it settles.
 */
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import * as SocketClient from "../../src/client/SocketClient.ts"
import { ActorClient } from "../../src/internal/actorClient.ts"
import * as MemoryNetwork from "../../src/testing/MemoryNetwork.ts"
import * as Fortress from "../support/Fortress.ts"
import { Keep } from "../support/Fortress.ts"
import { settle } from "../support/settle.ts"
import * as Grammar from "./Grammar.ts"
import { mutate } from "./Mutate.ts"
import type { Failure } from "./Serving.ts"

const encoder = new TextEncoder()

const chunk = (dice: Grammar.Dice, frames: ReadonlyArray<unknown>): string | Uint8Array => {
  const message = Grammar.stringify(frames)
  const text = dice.chance(dice.wild) ? mutate(message, dice) : message
  return dice.chance(0.95) ? text : encoder.encode(`${text}\n`)
}

/** Serves one socket with lies, until it is tired of it. */
const lie = (dice: Grammar.Dice, onSaid: () => void) =>
  Effect.fnUntraced(
    function*(socket: Socket.Socket) {
      const { pull } = yield* socket.reader
      const writer = yield* socket.writer
      const say = (message: string | Uint8Array | Socket.CloseEvent) =>
        Effect.andThen(Effect.sync(onSaid), writer.write(message))
      yield* pull
      if (dice.chance(0.9)) yield* say(chunk(dice, [Grammar.welcome(dice)]))
      for (let i = dice.int(0, 12); i > 0; i--) {
        if (dice.chance(0.5)) yield* Effect.raceFirst(pull, Effect.sleep("10 millis"))
        yield* say(chunk(dice, Array.from({ length: dice.int(0, 4) }, () => Grammar.serverFrame(dice))))
      }
      yield* Effect.sleep(dice.pick([0, 100, 2_000, 60_000]))
      if (dice.chance(0.5)) {
        yield* say(
          new Socket.CloseEvent(dice.pick([1000, 1001, 1011, 4000, 4003, 4013, 4999]), "bye")
        )
      }
    },
    Effect.scoped,
    (served) => Effect.ignore(served)
  )

const adjust = Effect.fnUntraced(function*(times: number, millis: number) {
  for (let i = 0; i < times; i++) yield* Effect.andThen(TestClock.adjust(millis), settle)
})

/** One client, from its first dial to its end. */
const live = Effect.fnUntraced(function*(dice: Grammar.Dice, dial: Effect.Effect<Socket.Socket>) {
  const scope = yield* Scope.make()
  const client = yield* Fortress.Fortress.connect("k", { params: {}, subscribe: ["noise"] }).pipe(
    Effect.provideService(ActorClient, SocketClient.make(dial)),
    Scope.provide(scope)
  )
  const { rpc } = client
  const calls = yield* Effect.forEach([
    rpc.echo({ text: "a" }),
    rpc.plant({ children: [] }),
    rpc.keep({ a: 1 }),
    rpc.whoami(),
    rpc.hang(),
    Effect.timeout(rpc.echo({ text: "b" }), "300 millis"),
    Stream.runDrain(Stream.take(rpc.count(), 3)),
    Stream.runDrain(client.events.noise),
    Stream.runDrain(client.gaps)
  ], (call) => Effect.forkChild(Effect.asVoid(call as Effect.Effect<unknown, unknown>), { startImmediately: true }))
  yield* adjust(dice.int(1, 20), dice.pick([10, 200, 1_000]))

  const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
  yield* adjust(4, 1_000)
  if (closing.pollUnsafe() === undefined) return "the handle does not close"
  const open = calls.filter((call) => call.pollUnsafe() === undefined).length
  yield* Fiber.interruptAll(calls)
  if (open > 0) return `${open} calls or streams are open after the handle has closed`
  return undefined
})

/** Lets clients dial the lying server of a seed until it has said `inputs` messages. Returns what went wrong. */
export const run = (seed: number, inputs: number): Effect.Effect<Failure | undefined> =>
  Effect.gen(function*() {
    const { errors } = yield* Keep
    const dice = Grammar.makeDice(seed, [0, 0.02, 0.3][seed % 3]!)
    const network = yield* MemoryNetwork.make()
    const talk = { said: 0 }
    yield* network.accept(lie(dice, () => talk.said++))
    while (talk.said < inputs) {
      const wrong = yield* live(dice, network.dial)
      if (wrong !== undefined) return { seed, message: `${wrong}, after ${talk.said} messages` }
      if (errors.length > 0) return { seed, message: `logged: ${errors[0]}, after ${talk.said} messages` }
    }
    return undefined
  }).pipe(
    Effect.scoped,
    Effect.provide(Fortress.layer()),
    Effect.provide(TestClock.layer()),
    Effect.catchDefect((defect) => Effect.succeed({ seed, message: `a defect: ${String(defect)}` }))
  )
