/**
 * Damage done to a text that was right, or nearly.
 */
import type { Dice } from "../simulation/Schedule.ts"

const tokens: ReadonlyArray<string> = [
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  "\"",
  "\\",
  "\\u0000",
  "\\ud800",
  "null",
  "true",
  "-",
  "1e999",
  "9007199254740993",
  "\n",
  " ",
  "\u0000",
  "\ufeff",
  "\"__proto__\":",
  "[[[[[[[[",
  "]]]]]]]]"
]

const damages: ReadonlyArray<(text: string, dice: Dice) => string> = [
  // Cut off.
  (text, dice) => text.slice(0, dice.int(0, text.length)),
  // The beginning is missing.
  (text, dice) => text.slice(dice.int(0, text.length)),
  // A token too many.
  (text, dice) => splice(text, dice.int(0, text.length), 0, dice.pick(tokens)),
  // A piece replaced.
  (text, dice) => splice(text, dice.int(0, text.length), dice.int(1, 4), dice.pick(tokens)),
  // A piece missing.
  (text, dice) => splice(text, dice.int(0, text.length), dice.int(1, 10), ""),
  // A piece twice.
  (text, dice) => {
    const from = dice.int(0, text.length)
    return splice(text, from, 0, text.slice(from, from + dice.int(1, 40)))
  },
  // A character changed.
  (text, dice) => splice(text, dice.int(0, text.length), 1, String.fromCharCode(dice.int(0, 65_535))),
  // The same message again in the same text.
  (text) => text + text
]

const splice = (text: string, at: number, remove: number, insert: string) =>
  text.slice(0, at) + insert + text.slice(at + remove)

/** Damages a text once or several times. */
export const mutate = (text: string, dice: Dice): string => {
  let damaged = text
  for (let times = dice.pick([1, 1, 1, 2, 5]); times > 0; times--) damaged = dice.pick(damages)(damaged, dice)
  return damaged
}
