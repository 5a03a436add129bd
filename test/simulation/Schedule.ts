/**
 * What happens in a run, as data: generated from a seed, shrunk by leaving steps out.
 */

/** A source of pseudo-random numbers (mulberry32). */
export interface Dice {
  /** A number from 0 to 1, 1 excluded. */
  readonly next: () => number
  /** A whole number from `min` to `max`, both included. */
  readonly int: (min: number, max: number) => number
  readonly chance: (share: number) => boolean
  readonly pick: <A>(options: ReadonlyArray<A>) => A
}

export const makeDice = (seed: number): Dice => {
  let state = Math.imul(seed, 0x9E3779B1) ^ Math.floor(seed / 4_294_967_296) ^ 0x85EBCA6B
  const next = () => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return { next, int, chance: (share) => next() < share, pick: (options) => options[int(0, options.length - 1)]! }
}

export type Kind = "work" | "again" | "beside" | "fail" | "die" | "count" | "kickMe"
export type Mood = "calm" | "slow" | "refuse" | "die" | "connectDies"
export type Way = "both" | "uplink" | "downlink"

export type Action =
  | {
    readonly _tag: "Call"
    readonly kind: Kind
    readonly op: number
    readonly millis: number
    /** Values of a stream. */
    readonly values: number
    readonly discard: boolean
  }
  | { readonly _tag: "Interrupt"; readonly op: number }
  | { readonly _tag: "Listen" | "StopListening" | "Leave" | "CloseScope" | "Fresh" }
  | { readonly _tag: "SetMood"; readonly mood: Mood }
  | { readonly _tag: "Publish"; readonly op: number; readonly times: number }
  | { readonly _tag: "Tick"; readonly times: number }
  | { readonly _tag: "Kick"; readonly retryAfter: number | undefined }
  | { readonly _tag: "Cut" | "Stall" | "HealLink"; readonly link: number }
  | { readonly _tag: "Freeze"; readonly link: number; readonly way: Way }
  | { readonly _tag: "CutAfter"; readonly link: number | undefined; readonly messages: number }
  | { readonly _tag: "Latency"; readonly millis: number }
  | { readonly _tag: "CutAll" | "FreezeAll" | "RefuseAll" | "HealAll" }
  | { readonly _tag: "Restart"; readonly millis: number; readonly drain: boolean }

/** A step: wait, then do something to or for a client. */
export interface Step {
  readonly after: number
  readonly client: number
  readonly action: Action
}

/** How the host, the actors and the clients of a run are set up. Times in milliseconds. */
export interface Config {
  readonly clients: number
  readonly keys: number
  readonly resumeWindow: number
  readonly bufferFrames: number
  readonly callsInFlight: number
  readonly streamWindow: number
  readonly queueCapacity: number
  readonly onQueueFull: "suspend" | "fail"
  readonly concurrency: 1 | "unbounded"
  readonly maxIdleTime: number
  readonly hookMillis: number
  readonly kickGrace: number
  /** Whether the actor decides on a resume by `onResume`, or by `onBeforeConnect` alone. */
  readonly asksOnResume: boolean
  /** Time that a consumer of an event or of a stream takes for each. */
  readonly readMillis: number
}

export interface Schedule {
  readonly seed: number
  /** Whether every fault is one that a session must survive: then each call runs exactly once and nothing is missed. */
  readonly survivable: boolean
  readonly config: Config
  readonly steps: ReadonlyArray<Step>
}

const makeConfig = (dice: Dice, survivable: boolean): Config => ({
  clients: dice.int(1, 4),
  keys: dice.int(1, 2),
  resumeWindow: survivable ? 60_000 : dice.pick([0, 5_000, 30_000, 60_000]),
  bufferFrames: survivable ? 1_024 : dice.pick([12, 16, 48, 1_024]),
  callsInFlight: dice.pick([2, 8, 100]),
  streamWindow: dice.pick([1, 2, 16]),
  queueCapacity: dice.pick([3, 1_024]),
  onQueueFull: dice.pick(["suspend", "fail"]),
  concurrency: dice.chance(0.75) ? 1 : "unbounded",
  maxIdleTime: dice.pick([0, 1_000, 60_000]),
  hookMillis: dice.pick([0, 0, 20, 400]),
  kickGrace: dice.pick([100, 10_000]),
  asksOnResume: dice.chance(0.6),
  readMillis: dice.pick([0, 0, 5, 200])
})

const pause = (dice: Dice): number => {
  const share = dice.next()
  if (share < 0.3) return 0
  if (share < 0.6) return dice.int(1, 50)
  return share < 0.92 ? dice.int(50, 1_000) : dice.int(1_000, 12_000)
}

/** A time that no run lasts: such calls end because they are interrupted. */
export const endless = 1_000_000_000

type Weights = ReadonlyArray<readonly [number, (dice: Dice, op: () => number) => Action]>

const useful: Weights = [
  [50, (dice, op) => ({
    _tag: "Call",
    kind: dice.pick(["work", "work", "work", "again", "beside", "fail", "die", "count", "count"]),
    op: op(),
    millis: dice.pick([0, 0, 0, 5, 50, 300, 3_000]),
    values: dice.int(0, 40),
    discard: dice.chance(0.12)
  })],
  [3, (dice, op) => ({
    _tag: "Call",
    kind: dice.pick(["beside", "count"]),
    op: op(),
    millis: endless,
    values: 3,
    discard: false
  })],
  [7, (dice) => ({ _tag: "Interrupt", op: dice.next() })],
  [9, (dice, op) => ({ _tag: "Publish", op: op(), times: dice.pick([1, 1, 3, 20]) })],
  [7, (dice) => ({ _tag: "Tick", times: dice.pick([1, 2, 10]) })],
  [3, () => ({ _tag: "Listen" })],
  [2, () => ({ _tag: "StopListening" })]
]

const gentle: Weights = [
  [8, (dice) => ({ _tag: "Cut", link: dice.int(0, 5) })],
  [3, () => ({ _tag: "CutAll" })],
  [4, (dice) => ({
    _tag: "CutAfter",
    link: dice.chance(0.5) ? dice.int(0, 5) : undefined,
    messages: dice.int(1, 12)
  })],
  [4, (dice) => ({ _tag: "Freeze", link: dice.int(0, 5), way: dice.pick(["both", "uplink", "downlink"]) })],
  [2, (dice) => ({ _tag: "HealLink", link: dice.int(0, 5) })],
  [3, (dice) => ({ _tag: "Latency", millis: dice.pick([0, 5, 80, 400]) })]
]

const harsh: Weights = [
  [2, (dice) => ({ _tag: "Stall", link: dice.int(0, 5) })],
  [1, () => ({ _tag: "FreezeAll" })],
  [1, () => ({ _tag: "RefuseAll" })],
  [4, () => ({ _tag: "HealAll" })],
  [4, (dice) => ({ _tag: "Kick", retryAfter: dice.pick([undefined, 0, 500, 5_000]) })],
  [
    2,
    (dice, op) => ({ _tag: "Call", kind: "kickMe", op: op(), millis: dice.pick([0, 300]), values: 0, discard: false })
  ],
  [2, () => ({ _tag: "Leave" })],
  [1, () => ({ _tag: "CloseScope" })],
  [4, () => ({ _tag: "Fresh" })],
  [3, (dice) => ({ _tag: "SetMood", mood: dice.pick(["calm", "calm", "slow", "refuse", "die", "connectDies"]) })],
  [1, (dice) => ({ _tag: "Restart", millis: dice.pick([0, 100, 8_000]), drain: dice.chance(0.5) })]
]

const choose = (dice: Dice, weights: Weights, op: () => number): Action => {
  let left = dice.next() * weights.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, make] of weights) {
    left -= weight
    if (left < 0) return make(dice, op)
  }
  return weights[0]![1](dice, op)
}

/** Makes the schedule of a seed. */
export const generate = (seed: number): Schedule => {
  const dice = makeDice(seed)
  const survivable = dice.chance(0.4)
  const config = makeConfig(dice, survivable)
  const weights = survivable ? [...useful, ...gentle] : [...useful, ...gentle, ...harsh]
  let ops = 0
  const steps: Array<Step> = []
  for (let left = dice.int(10, 60); left > 0; left--) {
    const action = choose(dice, weights, () => ++ops)
    steps.push({
      after: pause(dice),
      client: dice.int(0, config.clients - 1),
      // What is interrupted is one of the last calls.
      action: action._tag === "Interrupt"
        ? { _tag: "Interrupt", op: Math.max(1, ops - Math.floor(action.op * 4)) }
        : action
    })
  }
  return { seed, survivable, config, steps }
}

/** A step in a line. */
export const describe = ({ action, after, client }: Step): string => {
  const { _tag, ...fields } = action
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`).join(" ")
  return `+${after} ms, client ${client}: ${_tag} ${shown}`.trimEnd()
}
