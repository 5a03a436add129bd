/**
 * What stands in the place of the message field once one has been sent away.
 */
import { useEffect, useRef } from "react"
import type { StatusWords } from "./StatusWords.ts"

export const Farewell = ({ onLeave, onReturn, room, words }: {
  readonly words: StatusWords
  readonly room: string
  readonly onReturn: () => void
  readonly onLeave: () => void
}) => {
  const back = useRef<HTMLButtonElement>(null)
  useEffect(() => back.current?.focus(), [])
  return (
    <section className="farewell" role="alert">
      <h2>{words.title === "Removed" ? `You were removed from ${room}` : `You are no longer in ${room}`}</h2>
      <p>{words.detail}</p>
      <button type="button" className="primary" ref={back} onClick={onReturn}>Come back in</button>
      <button type="button" className="link" onClick={onLeave}>Leave</button>
    </section>
  )
}
