/**
 * What was said, and below it what waits to be.
 */
import { DateTime } from "effect"
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react"
import { useAtomSet } from "../../../src/react.ts"
import type { Stay } from "./Stay.ts"
import { type Draft, Line, type View } from "./View.ts"

export const Conversation = ({ isAway, stay, view }: {
  readonly stay: Stay
  readonly view: View
  readonly isAway: boolean
}) => {
  const { lines, drafts } = view
  const { atEnd, box, toEnd } = useEnd(lines.length + drafts.length)
  return (
    <div className="scroll">
      <div className="log" ref={box} tabIndex={0} role="region" aria-label={`Conversation in ${stay.room}`}>
        <ol role="log" aria-label="Messages">
          {lines.length === 0 && !isAway ? <li className="note">Nobody has said anything yet.</li> : null}
          {lines.map((line, index) => (
            <Entry key={line.key} line={line} me={stay.pass.name} isNext={isNext(lines[index - 1], line)} />
          ))}
        </ol>
        {drafts.length === 0 ? null : (
          <ol className="drafts" aria-label="Not sent yet">
            {drafts.map((draft) => <DraftEntry key={draft.id} stay={stay} draft={draft} isAway={isAway} />)}
          </ol>
        )}
      </div>
      {atEnd ? null : <button type="button" className="to-end" onClick={toEnd}>To the newest ↓</button>}
    </div>
  )
}

/** Keeps the newest in sight, unless the reader has scrolled up. */
const useEnd = (count: number) => {
  const box = useRef<HTMLDivElement>(null)
  const [atEnd, setAtEnd] = useState(true)
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight })
  useEffect(() => {
    const { current } = box
    if (current === null) return
    const look = () => setAtEnd(current.scrollHeight - current.scrollTop - current.clientHeight < 60)
    current.addEventListener("scroll", look, { passive: true })
    // The keyboard of a phone takes away half of the height.
    const observer = new ResizeObserver(() => atEndNow.current && toEnd())
    observer.observe(current)
    return () => {
      current.removeEventListener("scroll", look)
      observer.disconnect()
    }
  }, [])
  const atEndNow = useRef(atEnd)
  atEndNow.current = atEnd
  useLayoutEffect(() => {
    if (atEndNow.current) toEnd()
  }, [count])
  return { box, atEnd, toEnd }
}

/** Whether a line goes on what the same person said just before. */
const isNext = (before: Line | undefined, line: Line) =>
  before?._tag === "Said" && line._tag === "Said" && before.message.from === line.message.from &&
  DateTime.toEpochMillis(line.message.at) - DateTime.toEpochMillis(before.message.at) < 5 * 60_000

const Entry = memo(({ isNext, line, me }: {
  readonly line: Line
  readonly me: string
  readonly isNext: boolean
}) =>
  Line.$match(line, {
    Noted: ({ at, text }) => (
      <li className="note">
        <Time at={at} /> <span>{text}</span>
      </li>
    ),
    Said: ({ message: { at, from, text } }) => (
      <li className="said" data-mine={from === me} data-next={isNext}>
        <Head from={from} at={at} />
        <p>{text}</p>
        {from === me ? <span className="sent" role="img" aria-label="Sent">✓</span> : null}
      </li>
    ),
    Whispered: ({ at, from, text, to }) => (
      <li className="said whisper" data-mine={from === me}>
        <Head from={from} at={at} />
        <span className="whisper-to">{from === me ? `to ${to} alone` : "to you alone"}</span>
        <p>{text}</p>
      </li>
    )
  })
)

const Head = ({ at, from }: { readonly from: string; readonly at: DateTime.Utc }) => (
  <>
    <span className="who" style={{ "--hue": hueOf(from) } as object}>{from}</span>
    <Time at={at} />
  </>
)

const Time = ({ at }: { readonly at: DateTime.Utc }) => (
  <time dateTime={DateTime.formatIso(at)}>
    {DateTime.toDateUtc(at).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" })}
  </time>
)

/** The same colour for a name on every page. */
const hueOf = (name: string) =>
  Math.round(Array.from(name).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) * 137.508 % 360)

const DraftEntry = ({ draft, isAway, stay }: {
  readonly stay: Stay
  readonly draft: Draft
  readonly isAway: boolean
}) => {
  const sayAgain = useAtomSet(stay.sayAgain)
  const takeBack = useAtomSet(stay.takeBack)
  const { _tag: progress } = draft.progress
  const drop = () => {
    takeBack(draft)
    // The button goes with the draft, and whoever pressed it by the keyboard must not be lost.
    document.getElementById("message")?.focus()
  }
  return (
    <li className="said draft" data-progress={progress}>
      <span className="who">{draft.to === undefined ? "Not sent yet" : `To ${draft.to}, not sent yet`}</span>
      <p>{draft.text}</p>
      <span className="progress">{progressInWords(draft, isAway)}</span>
      {progress === "Failed" || progress === "Unsure"
        ? <button type="button" className="link" onClick={() => sayAgain(draft)}>Send again</button>
        : null}
      {progress === "Arrived" ? null : (
        <button type="button" className="link" onClick={drop}>
          {progress === "Waiting" ? "Take back" : "Forget it"}
        </button>
      )}
    </li>
  )
}

const progressInWords = ({ progress }: Draft, isAway: boolean) => {
  switch (progress._tag) {
    case "Waiting":
      return isAway ? "Waits for the network" : "On its way"
    case "Arrived":
      return "Has arrived"
    case "Unsure":
      return "The connection was lost on the way; it may have arrived"
    case "Failed":
      return `Not sent: ${progress.why}`
  }
}
