/**
 * What happens to durable actors in a run, as data made from a seed.
 */
import { type Dice, makeDice } from "../Schedule.ts"

export type Kind = "append" | "slowly" | "fail" | "visit" | "beside" | "remind" | "forward" | "read"

export type Action =
  | { readonly _tag: "Call"; readonly kind: Kind; readonly op: number; readonly millis: number }
  | { readonly _tag: "Deposit"; readonly op: number; readonly key: number }
  | { readonly _tag: "Guest"; readonly op: number; readonly key: number; readonly millis: number }
  | { readonly _tag: "Cut" | "Freeze" | "HealLink"; readonly link: number }
  | { readonly _tag: "Latency"; readonly millis: number }
  | { readonly _tag: "Crash"; readonly millis: number }
  | { readonly _tag: "Restart"; readonly millis: number }
  | { readonly _tag: "HoldStorage" | "LetGo" | "FailCommit" | "LoseCommit" | "FailLoad" }

export interface Step {
  readonly after: number
  readonly client: number
  readonly action: Action
}

export interface Schedule {
  readonly seed: number
  readonly clients: number
  readonly keys: number
  readonly callsInFlight: number
  readonly maxIdleTime: number
  readonly hookMillis: number
  readonly kickGrace: number
  readonly steps: ReadonlyArray<Step>
}

type Weights = ReadonlyArray<readonly [number, (dice: Dice, op: () => number) => Action]>

const weights: Weights = [
  [60, (dice, op) => ({
    _tag: "Call",
    kind: dice.pick([
      "append",
      "append",
      "append",
      "append",
      "slowly",
      "fail",
      "visit",
      "visit",
      "beside",
      "remind",
      "forward",
      "read"
    ]),
    op: op(),
    millis: dice.pick([0, 0, 5, 100, 1_500])
  })],
  [6, (dice, op) => ({ _tag: "Deposit", op: op(), key: dice.int(0, 1) })],
  [6, (dice, op) => ({
    _tag: "Guest",
    op: op(),
    key: dice.int(0, 1),
    millis: dice.pick([0, 700, 3_000, 6_000])
  })],
  [8, (dice) => ({ _tag: "Cut", link: dice.int(0, 5) })],
  [3, (dice) => ({ _tag: "Freeze", link: dice.int(0, 5) })],
  [3, (dice) => ({ _tag: "HealLink", link: dice.int(0, 5) })],
  [2, (dice) => ({ _tag: "Latency", millis: dice.pick([0, 5, 80]) })],
  [7, (dice) => ({ _tag: "Crash", millis: dice.pick([0, 50, 2_000, 8_000]) })],
  [2, (dice) => ({ _tag: "Restart", millis: dice.pick([0, 50, 5_000]) })],
  [5, () => ({ _tag: "HoldStorage" })],
  [8, () => ({ _tag: "LetGo" })],
  [6, () => ({ _tag: "FailCommit" })],
  [6, () => ({ _tag: "LoseCommit" })],
  [2, () => ({ _tag: "FailLoad" })]
]

const choose = (dice: Dice, op: () => number): Action => {
  let left = dice.next() * weights.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, make] of weights) {
    left -= weight
    if (left < 0) return make(dice, op)
  }
  return weights[0]![1](dice, op)
}

const pause = (dice: Dice): number => {
  const share = dice.next()
  if (share < 0.35) return 0
  if (share < 0.65) return dice.int(1, 50)
  return share < 0.95 ? dice.int(50, 1_000) : dice.int(1_000, 6_000)
}

/** Makes the schedule of a seed. Every fault is one that durable connections survive. */
export const generate = (seed: number): Schedule => {
  const dice = makeDice(seed + 7_000_000)
  let ops = 0
  const clients = dice.int(1, 4)
  return {
    seed,
    clients,
    keys: dice.int(1, 2),
    callsInFlight: dice.pick([2, 8, 100]),
    maxIdleTime: dice.pick([0, 1_000, 60_000]),
    hookMillis: dice.pick([0, 0, 20, 300]),
    kickGrace: dice.pick([100, 10_000, 10_000]),
    steps: Array.from({ length: dice.int(10, 50) }, () => ({
      after: pause(dice),
      client: dice.int(0, clients - 1),
      action: choose(dice, () => ++ops)
    }))
  }
}

/** A step in a line. */
export const describe = ({ action, after, client }: Step): string => {
  const { _tag, ...fields } = action
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`).join(" ")
  return `+${after} ms, client ${client}: ${_tag} ${shown}`.trimEnd()
}
