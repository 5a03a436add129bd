/**
 * A host against peers that say anything: nothing of it is a defect, every end has its code, and an honest client in
 * between is answered every time.
 */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as ActorHost from "../../src/ActorHost.ts"
import * as EndCode from "../../src/session/EndCode.ts"
import * as Fortress from "../support/Fortress.ts"
import { Keep } from "../support/Fortress.ts"
import { enter, open, type RawPeer, settleUntil } from "../support/RawPeer.ts"
import { settle } from "../support/settle.ts"
import * as Grammar from "./Grammar.ts"
import { mutate } from "./Mutate.ts"

/** Small, so that they are reached. */
const options: ActorHost.HostOptions = {
  maxFrameBytes: 60_000,
  maxBatchBytes: 100_000,
  maxHelloBytes: 4_000,
  maxCallsInFlight: 5,
  maxSubscriptions: 3,
  bufferFrames: 64,
  bufferBytes: 30_000,
  streamWindow: 4,
  resumeWindow: "2 seconds",
  hookTimeout: "1 second",
  handshakeTimeout: "2 seconds",
  kickGrace: "500 millis",
  maxFramesPerSecond: 1_000
}

const codes: ReadonlySet<number> = new Set([
  ...Object.values(EndCode.codes),
  EndCode.rejected,
  EndCode.silent,
  EndCode.handshakeTimeout
])

/** What went wrong, and where. */
export interface Failure {
  readonly seed: number
  readonly message: string
}

const encoder = new TextEncoder()

const chunk = (dice: Grammar.Dice, frames: ReadonlyArray<unknown>): string | Uint8Array => {
  const message = Grammar.stringify(frames)
  const text = dice.chance(dice.wild) ? mutate(message, dice) : message
  if (dice.chance(0.9)) return text
  const bytes = encoder.encode(dice.chance(0.8) ? `${text}\n` : text)
  if (dice.chance(dice.wild)) bytes[dice.int(0, bytes.length - 1)] = dice.int(0, 255)
  return bytes
}

/** What one peer says, one message after the other. */
const makeScript = (dice: Grammar.Dice, loot: ReadonlyArray<Grammar.Ticket>, attach: number) => {
  const script = dice.chance(dice.wild / 3) ? [] : [chunk(dice, [Grammar.hello(dice, loot, attach)])]
  for (let i = dice.int(0, 10); i > 0; i--) {
    script.push(chunk(dice, Array.from({ length: dice.int(0, 5) }, () => Grammar.clientFrame(dice))))
  }
  return script
}

/** Why an end is none; `undefined` for a proper one. */
const checkEnd = (peer: RawPeer): string | undefined => {
  if (peer.isServed()) return undefined
  const [code] = peer.closes
  if (code === undefined) return "the socket ended without a code"
  if (!codes.has(code)) return `the socket ended with the unknown code ${code}`
  const spoken = peer.frames("bye").length + peer.frames("rejected").length
  return spoken === 1 || code >= EndCode.silent || code === EndCode.codes.Draining ? undefined : `${spoken} last words`
}

const pass = Effect.fnUntraced(function*(seconds: number) {
  for (let i = 0; i < seconds * 2; i++) yield* Effect.andThen(TestClock.adjust("500 millis"), settle)
})

/**
 * Lets the peers of a seed loose on a host, one after the other and side by side, until they have said `inputs` messages.
 * Returns what went wrong.
 */
export const run = (isDurable: boolean) => (seed: number, inputs: number): Effect.Effect<Failure | undefined> =>
  Effect.gen(function*() {
    const host = yield* ActorHost.ActorHost
    const { errors } = yield* Keep
    const honest = yield* enter("Fortress", { key: "a", params: { name: "ada" } })
    const loot: Array<Grammar.Ticket> = []
    let visits = 0
    let said = 0
    let asked = 0
    const failure = (message: string): Failure => ({ seed, message: `${message}, after ${said} messages` })

    while (said < inputs) {
      // Some keep to the protocol nearly always: they get further.
      const dice = Grammar.makeDice(seed * 1_000 + ++visits, [0, 0.02, 0.3][visits % 3]!)
      const peer = yield* open()
      for (const message of makeScript(dice, loot.slice(-3), visits)) {
        if (!peer.isServed()) break
        said++
        if (dice.chance(0.05)) yield* peer.reading.close
        yield* peer.raw(message)
      }
      yield* peer.reading.open
      yield* settle
      const wrong = checkEnd(peer)
      if (wrong !== undefined) return failure(wrong)
      loot.push(...peer.frames("welcome").map(([, welcome]) => welcome))
      yield* honest.send(["call", asked, "echo", { text: "well?" }], ["ack", asked])
      const answered = yield* settleUntil(() =>
        honest.messages.some((message) => message.includes(`["reply",${asked},`))
      )
      if (!answered) return failure("an honest client got no answer")
      asked++
      // Most go without a word; some stay, beside those that come.
      if (dice.chance(0.9)) yield* peer.drop
      yield* TestClock.adjust(dice.pick([0, 10, 100, 500]))
      if (errors.length > 0) return failure(`logged: ${errors[0]}`)
    }
    yield* honest.send(["bye", { reason: { _tag: "ClientLeft" }, received: asked }])
    yield* pass(95)
    if (errors.length > 0) return failure(`logged: ${errors[0]}`)
    const left = yield* host.size
    return left === 0 ? undefined : failure(`${left} actors are left`)
  }).pipe(
    Effect.scoped,
    Effect.provide(isDurable ? Fortress.layerDurable(options) : Fortress.layer(options)),
    Effect.provide(TestClock.layer()),
    Effect.catchDefect((defect) => Effect.succeed({ seed, message: `a defect: ${String(defect)}` }))
  )
