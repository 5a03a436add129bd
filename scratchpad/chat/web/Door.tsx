/**
 * Where one says who one is.
 */
import { type FormEvent, useId, useState } from "react"
import { tokenOf } from "../Token.ts"
import type { Pass } from "./Visit.ts"

export const Door = ({ onEnter, refusal, room }: {
  readonly room: string
  /** Why one was not let in before. */
  readonly refusal: string | undefined
  readonly onEnter: (pass: Pass) => void
}) => {
  const [name, setName] = useState("")
  const [password, setPassword] = useState("sesame")
  const id = useId()
  const enter = (event: FormEvent) => {
    event.preventDefault()
    const known = name.trim()
    if (known !== "") onEnter({ name: known, token: tokenOf(known, password) })
  }
  return (
    <main className="door">
      <svg className="door-rope" viewBox="0 0 400 90" aria-hidden="true" preserveAspectRatio="none">
        <path className="rope-core" d="M0 14 C120 14 130 78 210 62 S330 10 400 22" />
        <path className="rope-twist" d="M0 14 C120 14 130 78 210 62 S330 10 400 22" />
      </svg>
      <h1>
        Tether <em>chat</em>
      </h1>
      <p className="door-lead">
        A room you stay in. Cut your network, freeze it, close the lid: what you write waits, and what you missed comes
        after.
      </p>
      <form onSubmit={enter}>
        {refusal === undefined ? null : <p className="door-refusal" role="alert">{refusal}</p>}
        <label htmlFor={`${id}-name`}>Your name</label>
        <input
          id={`${id}-name`}
          value={name}
          onChange={({ target }) => setName(target.value)}
          maxLength={24}
          required
          autoFocus
          autoComplete="nickname"
          aria-describedby={`${id}-hint`}
        />
        <p id={`${id}-hint`} className="hint">
          Any name will do. <b>ada</b> can remove people.
        </p>
        <label htmlFor={`${id}-password`}>Password</label>
        <input
          id={`${id}-password`}
          value={password}
          onChange={({ target }) => setPassword(target.value)}
          autoComplete="off"
          spellCheck={false}
          aria-describedby={`${id}-secret`}
        />
        <p id={`${id}-secret`} className="hint">
          It is <b>sesame</b>. Another one is refused.
        </p>
        <button className="primary" type="submit">Enter {room}</button>
      </form>
    </main>
  )
}
