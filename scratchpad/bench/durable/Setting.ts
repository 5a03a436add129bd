/**
 * What the rows of the durable benchmark share: how long each runs, on which disk, and what is stored.
 */
import { mkdtempSync } from "node:fs"
import { join } from "node:path"

export interface Setting {
  /** How long one run of a row takes. */
  readonly millis: number
  /** A name that no file has. */
  readonly newFile: () => string
}

export const make = (millis: number, folder: string): Setting & { readonly folder: string } => {
  const own = mkdtempSync(join(folder, "bench-durable-"))
  let files = 0
  return { millis, folder: own, newFile: () => join(own, `${files++}.db`) }
}

/** What an actor of a chat room might store with one call: a state of 200 bytes, and a reply of 100. */
export const text = "x".repeat(189)
export const state = JSON.stringify({ text })
export const replyText = "y".repeat(88)
export const reply = JSON.stringify({ reply: replyText })
