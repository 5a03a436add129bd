/**
 * What the page shows of a room, as a value: each thing that happens makes the next one.
 */
import { Data, type DateTime } from "effect"
import type { Message, Presence } from "../ChatRoom.ts"
import { Heard } from "../Heard.ts"
import * as Words from "../Words.ts"

/** What can be read. */
export type Line = Data.TaggedEnum<{
  Said: { readonly key: string; readonly message: Message }
  Whispered: {
    readonly key: string
    readonly from: string
    readonly to: string
    readonly text: string
    readonly at: DateTime.Utc
  }
  Noted: { readonly key: string; readonly text: string; readonly at: DateTime.Utc }
}>

export const Line = Data.taggedEnum<Line>()

/** How far a draft has come; `Unsure`: it was sent, and nobody knows whether it arrived. */
export type Progress = Data.TaggedEnum<{
  Waiting: {}
  Arrived: {}
  Unsure: {}
  Failed: { readonly why: string }
}>

export const Progress = Data.taggedEnum<Progress>()

/** What the writer has written and the room has not repeated yet; `to` names the only reader of a direct message. */
export interface Draft {
  readonly id: string
  readonly text: string
  readonly to?: string
  readonly progress: Progress
}

export interface View {
  readonly lines: ReadonlyArray<Line>
  readonly drafts: ReadonlyArray<Draft>
  readonly members: ReadonlyArray<Presence>
  /** How many lines there ever were, for their keys. */
  readonly count: number
}

/** How many lines are kept. */
const kept = 600

export const empty = (drafts: ReadonlyArray<Draft>): View => ({ lines: [], drafts, members: [], count: 0 })

/** Something was heard at a time. */
export const heard = (view: View, what: Heard, at: DateTime.Utc, me: string): View =>
  Heard.$match(what, {
    Posted: ({ message }) => said(view, message, me),
    Joined: ({ member }) => noted(view, `${member.name} has come in`, at),
    Left: ({ name, reason }) => noted(view, `${name} ${Words.left(reason)}`, at),
    DirectMessage: ({ at, from, text }) => whispered(view, { from, to: me, text, at }),
    Announced: ({ text }) => noted(view, text, at)
  })

/** The room has it: one's own draft of it has done its work. */
const said = (view: View, message: Message, me: string): View => {
  const isDraft = ({ id }: Draft) => message.from === me && message.draft === id
  return add({ ...view, drafts: view.drafts.filter((draft) => !isDraft(draft)) }, (key) => Line.Said({ key, message }))
}

const noted = (view: View, text: string, at: DateTime.Utc): View => add(view, (key) => Line.Noted({ key, text, at }))

const whispered = (
  view: View,
  whisper: { readonly from: string; readonly to: string; readonly text: string; readonly at: DateTime.Utc }
): View => add(view, (key) => Line.Whispered({ key, ...whisper }))

const add = (view: View, make: (key: string) => Line): View => ({
  ...view,
  lines: [...view.lines, make(`${view.count}`)].slice(-kept),
  count: view.count + 1
})

/** Members whose standing has changed, or all of them. */
export const stand = (
  view: View,
  presence: { readonly members: ReadonlyArray<Presence>; readonly complete: boolean }
): View => {
  const told = new Map(presence.members.map((member) => [member.name, member]))
  if (presence.complete) return { ...view, members: presence.members }
  const members = view.members.map((member) => told.get(member.name) ?? member)
  const known = new Set(members.map(({ name }) => name))
  return { ...view, members: [...members, ...presence.members.filter(({ name }) => !known.has(name))] }
}

export const drafted = (view: View, draft: Draft): View => ({
  ...view,
  drafts: [...view.drafts.filter(({ id }) => id !== draft.id), draft]
})

/** A draft has come further. */
export const progressed = (view: View, id: string, progress: Progress): View => ({
  ...view,
  drafts: view.drafts.map((draft) => draft.id === id ? { ...draft, progress } : draft)
})

/** The draft is no more: it was taken back. */
export const dropped = (view: View, id: string): View => ({
  ...view,
  drafts: view.drafts.filter((draft) => draft.id !== id)
})

/** A direct message has reached its reader. */
export const delivered = (view: View, draft: Draft, me: string, at: DateTime.Utc): View =>
  whispered(dropped(view, draft.id), { from: me, to: draft.to ?? "", text: draft.text, at })
