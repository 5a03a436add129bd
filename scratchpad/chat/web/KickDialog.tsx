/**
 * Asks an admin for the reason before somebody is removed.
 */
import { Option } from "effect"
import { AsyncResult } from "effect/reactivity"
import { type FormEvent, useEffect, useId, useRef, useState } from "react"
import { useAtomSet, useAtomValue } from "../../../src/react.ts"
import type { Stay } from "./Stay.ts"

export const KickDialog = ({ name, onClose, stay }: {
  readonly stay: Stay
  readonly name: string
  readonly onClose: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState("")
  const [asked, setAsked] = useState(false)
  const kick = useAtomSet(stay.kick)
  const result = useAtomValue(stay.kick)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    if (asked && AsyncResult.isSuccess(result) && !result.waiting) dialog.current?.close()
  }, [asked, result])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setAsked(true)
    kick({ name, reason: reason.trim() })
  }
  const failure = asked && !result.waiting ? Option.getOrUndefined(AsyncResult.error(result)) : undefined
  return (
    <dialog ref={dialog} className="kick" aria-labelledby={`${id}-title`} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={`${id}-title`}>Remove {name}</h2>
        <label htmlFor={`${id}-reason`}>The reason, which {name} will read</label>
        <input
          id={`${id}-reason`}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
          maxLength={200}
          autoComplete="off"
          required
        />
        {failure === undefined ? null : <p className="door-refusal" role="alert">{failure.message}</p>}
        <div className="dialog-buttons">
          <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
          <button type="submit" className="primary danger" disabled={asked && result.waiting}>Remove {name}</button>
        </div>
      </form>
    </dialog>
  )
}
