/**
 * Where one writes.
 */
import { type FormEvent, type KeyboardEvent, useState } from "react"

export const Composer = ({ isAway, onAll, onSay, room, to }: {
  readonly room: string
  /** The only reader, for a direct message. */
  readonly to: string | undefined
  readonly isAway: boolean
  readonly onAll: () => void
  readonly onSay: (text: string) => void
}) => {
  const [text, setText] = useState("")
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim() === "") return
    onSay(text.trim())
    setText("")
  }
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) send(event)
    if (event.key === "Escape" && to !== undefined) onAll()
  }
  return (
    <form className="composer" onSubmit={send} data-whisper={to !== undefined}>
      <label htmlFor="message">{to === undefined ? `Message to everyone in ${room}` : `Message to ${to} alone`}</label>
      {to === undefined ? null : <button type="button" className="link" onClick={onAll}>Write to all instead</button>}
      <div className="composer-line">
        <textarea
          id="message"
          value={text}
          onChange={({ target }) => setText(target.value)}
          onKeyDown={onKey}
          rows={Math.min(5, text.split("\n").length)}
          maxLength={2000}
          enterKeyHint="send"
          autoFocus
          aria-describedby="message-hint"
        />
        <button type="submit" className="primary">Send</button>
      </div>
      <p id="message-hint" className="hint">
        {isAway ? "You are away. What you write waits here and is sent when you are back." : hintFor(to)}
      </p>
    </form>
  )
}

const hintFor = (to: string | undefined) =>
  to === undefined
    ? "Enter sends, Shift and Enter begin a new line."
    : `Only ${to} gets it, and the room does not keep it.`
