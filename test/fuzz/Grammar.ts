/**
 * Frames that are nearly right: the shapes of the protocol, filled with values that are likely to hurt.
 */
import * as Schedule from "../simulation/Schedule.ts"

/** A source of chance, and how often what it is asked for is something that nobody should say. */
export interface Dice extends Schedule.Dice {
  readonly wild: number
}

export const makeDice = (seed: number, wild: number): Dice => ({ ...Schedule.makeDice(seed), wild })

const isTame = (dice: Dice) => !dice.chance(dice.wild)

const oddNumbers: ReadonlyArray<unknown> = [
  0,
  -0,
  1,
  2,
  3,
  7,
  -1,
  0.5,
  1e21,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 31,
  2 ** 32,
  "1",
  null,
  [],
  {}
]

const oddTexts: ReadonlyArray<string> = [
  "",
  "a",
  "noise",
  "echo",
  "count",
  "whoami",
  "hang",
  "k",
  "__proto__",
  "constructor",
  "toString",
  "\u0000",
  "\ud800",
  "\udfff\ud83d",
  "\u2028\u2029",
  "👋🏽",
  "\\\"",
  "]],[[",
  "x".repeat(256),
  "x".repeat(257),
  "é".repeat(200),
  "Fortress",
  "Success",
  "ProtocolError"
]

/** A whole number that a client may well send, or one that it had better not. */
const number = (dice: Dice): unknown => isTame(dice) ? dice.int(0, 8) : dice.pick(oddNumbers)

const text = (dice: Dice): string => dice.pick(oddTexts)

/** Any JSON value, `depth` levels deep at most. */
const value = (dice: Dice, depth = 3): unknown => {
  const roll = dice.int(0, depth > 0 ? 8 : 4)
  switch (roll) {
    case 0:
      return null
    case 1:
      return dice.chance(0.5)
    case 2:
      return number(dice)
    case 3:
    case 4:
      return text(dice)
    case 5:
    case 6:
      return Array.from({ length: dice.int(0, 4) }, () => value(dice, depth - 1))
    case 7:
      return dice.chance(0.2) ? abyss : nest(dice.pick([1, 10, 63, 64, 65]))
    default:
      return Object.fromEntries(Array.from({ length: dice.int(0, 4) }, () => [text(dice), value(dice, depth - 1)]))
  }
}

/** Stands for a tree that is too deep for `JSON.stringify` as well. */
const abyss = "@abyss@"

const abyssText = `${"{\"children\":[".repeat(3_000)}${"]}".repeat(3_000)}`

/** The text of a message. */
export const stringify = (frames: ReadonlyArray<unknown>): string =>
  JSON.stringify(frames).replaceAll(`"${abyss}"`, abyssText)

const nest = (depth: number): unknown => {
  let nested: unknown = []
  for (let i = 1; i < depth; i++) nested = i % 2 === 0 ? [nested] : { children: [nested] }
  return nested
}

const reasons = [
  "ClientLeft",
  "Kicked",
  "Lost",
  "Refused",
  "SlowConsumer",
  "ProtocolError",
  "InvalidParams",
  "UnknownActor",
  "InternalError",
  "Draining",
  "Displaced",
  "Stale",
  "ActorStopped",
  "Unheard"
]

const reason = (dice: Dice): unknown => ({
  _tag: dice.pick(reasons),
  reason: text(dice),
  message: text(dice),
  actor: text(dice),
  ...(dice.chance(0.3) ? { retryAfter: number(dice) } : {}),
  frames: number(dice),
  bytes: number(dice)
})

/** What a peer has been given in a welcome, and may bring back. */
export interface Ticket {
  readonly connection: string
  readonly token: string
  readonly epoch: string
}

/** A hello, perhaps with a ticket, of which parts may be others'. */
export const hello = (dice: Dice, loot: ReadonlyArray<Ticket>, attach: number): unknown => {
  const part = (name: keyof Ticket, ticket: Ticket) => isTame(dice) ? ticket[name] : dice.pick([...loot, ticket])[name]
  const ticket = loot.length > 0 && dice.chance(0.6) ? dice.pick(loot) : undefined
  return ["hello", {
    protocol: isTame(dice) ? 1 : number(dice),
    actor: isTame(dice) ? "Fortress" : text(dice),
    key: isTame(dice) ? "a" : text(dice),
    params: isTame(dice) ? { name: dice.pick(["eve", "mallory"]) } : value(dice),
    subscriptions: isTame(dice) ? ["noise"] : Array.from({ length: dice.int(0, 300) }, () => text(dice)),
    attach: isTame(dice) ? attach : number(dice),
    ...(ticket === undefined ? {} : {
      resume: {
        connection: part("connection", ticket),
        token: isTame(dice) ? part("token", ticket) : text(dice),
        epoch: part("epoch", ticket),
        received: isTame(dice) ? 0 : number(dice)
      }
    })
  }]
}

const tree = (depth: number): unknown => {
  let nested: unknown = { children: [] }
  for (let i = 1; i < depth; i++) nested = { children: [nested] }
  return nested
}

const payloadOf = (dice: Dice, rpc: string): unknown => {
  if (!isTame(dice)) return value(dice)
  switch (rpc) {
    case "echo":
    case "shout":
      return { text: dice.chance(0.9) ? text(dice) : "x".repeat(dice.pick([1_000, 9_000, 61_000])) }
    case "plant":
      return dice.chance(0.1) ? abyss : tree(dice.pick([1, 20, 32, 33]))
    case "keep":
      return { [text(dice)]: value(dice) }
    case "big":
      return { length: dice.pick([0, 1, 1_000, 5_000]) }
    default:
      return null
  }
}

const rpcs = ["echo", "shout", "plant", "keep", "big", "whoami", "hang", "count", "missing"]

const call = (dice: Dice): unknown => {
  const rpc = isTame(dice) ? dice.pick(rpcs) : text(dice)
  const frame = ["call", isTame(dice) ? dice.int(0, 1_000_000) : number(dice), rpc, payloadOf(dice, rpc)]
  if (dice.chance(0.8)) return frame
  return [...frame, {
    ...(dice.chance(0.5) ? { headers: [[text(dice), text(dice)]] } : {}),
    ...(dice.chance(0.5) ? { discard: true } : {}),
    ...(isTame(dice) ? {} : { [text(dice)]: value(dice) })
  }]
}

/** A frame of a client. */
export const clientFrame = (dice: Dice): unknown => {
  if (dice.chance(dice.wild / 3)) {
    return dice.pick([
      () => hello(dice, [], 1),
      () => ["bye", { reason: reason(dice), received: number(dice) }],
      () => [text(dice), value(dice)],
      () => value(dice)
    ])()
  }
  const roll = dice.next()
  if (roll < 0.55) return call(dice)
  if (roll < 0.65) return ["ack", isTame(dice) ? 0 : number(dice)]
  if (roll < 0.72) return ["interrupt", number(dice)]
  if (roll < 0.79) return ["chunk-ack", number(dice)]
  if (roll < 0.86) return [dice.pick(["subscribe", "unsubscribe"]), text(dice)]
  return [dice.pick(["ping", "pong"])]
}

const exit = (dice: Dice): unknown =>
  dice.pick([
    { _tag: "Success", value: value(dice) },
    { _tag: "Success", value: "a" },
    { _tag: "Failure", cause: [{ _tag: "Die", defect: value(dice) }] },
    { _tag: "Failure", cause: [{ _tag: "Fail", error: value(dice) }] },
    { _tag: "Failure", cause: [{ _tag: "Interrupt", fiberId: number(dice) }] },
    { _tag: "Failure", cause: value(dice) },
    value(dice)
  ])

export const welcome = (dice: Dice): unknown => ["welcome", {
  connection: text(dice),
  epoch: text(dice),
  token: text(dice),
  resumed: !isTame(dice),
  received: isTame(dice) ? 0 : number(dice),
  limits: {
    frameBytes: isTame(dice) ? 10_000 : number(dice),
    batchBytes: isTame(dice) ? 100_000 : number(dice),
    callsInFlight: isTame(dice) ? 100 : number(dice),
    subscriptions: isTame(dice) ? 256 : number(dice),
    streamWindow: isTame(dice) ? 16 : number(dice),
    bufferFrames: isTame(dice) ? 1_000 : number(dice),
    bufferBytes: isTame(dice) ? 1_000_000 : number(dice)
  },
  heartbeat: {
    interval: isTame(dice) ? 15_000 : number(dice),
    timeout: isTame(dice) ? 10_000 : number(dice)
  },
  resumeWindow: isTame(dice) ? 60_000 : number(dice)
}]

const refusals = [
  "UnknownRpc",
  "InvalidPayload",
  "FrameTooLarge",
  "TooManyCalls",
  "ConnectionEnded",
  "ReplyTooLarge",
  "Interrupted"
]

/** A frame of a server. */
export const serverFrame = (dice: Dice): unknown => {
  if (dice.chance(dice.wild / 3)) {
    return dice.pick([
      () => welcome(dice),
      () => ["bye", { reason: reason(dice), received: number(dice) }],
      () => ["rejected", value(dice)],
      () => [text(dice), value(dice)],
      () => value(dice)
    ])()
  }
  const roll = dice.next()
  if (roll < 0.4) return ["reply", number(dice), exit(dice)]
  if (roll < 0.55) return ["refused", number(dice), dice.pick(refusals), dice.pick([text(dice), "1 2", "1e999 -1"])]
  if (roll < 0.65) return ["chunk", number(dice), Array.from({ length: dice.int(0, 3) }, () => value(dice))]
  if (roll < 0.85) return ["event", isTame(dice) ? "noise" : text(dice), isTame(dice) ? text(dice) : value(dice)]
  if (roll < 0.9) return ["ack", isTame(dice) ? 0 : number(dice)]
  return [dice.pick(["ping", "pong"])]
}
