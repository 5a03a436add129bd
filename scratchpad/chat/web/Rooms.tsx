/**
 * The list of rooms, and the way to one that is not there yet.
 */
import { type FormEvent, useId, useMemo, useRef, useState } from "react"
import { useAtomValue } from "../../../src/react.ts"
import type { RoomInfo } from "../RoomList.ts"
import * as Stay from "./Stay.ts"
import type { View } from "./View.ts"

export const Rooms = ({ onChoose, onLeave, stay, view }: {
  readonly stay: Stay.Stay
  readonly view: View
  readonly onChoose: () => void
  readonly onLeave: () => void
}) => {
  const rooms = useAtomValue(useMemo(() => Stay.makeRooms(stay.pass), [stay.pass]))
  const isNew = useNews(rooms, stay.room)
  const all = rooms.some(({ name }) => name === stay.room) ? rooms : [...rooms, placeholder(stay.room, view)]
  return (
    <nav id="rooms" className="panel rooms" tabIndex={-1} aria-label="Rooms">
      <h2>Rooms</h2>
      <ul>
        {all.map(({ members, name }) => (
          <li key={name}>
            <a
              href={`#${encodeURIComponent(name)}`}
              aria-current={name === stay.room ? "page" : undefined}
              onClick={onChoose}
            >
              <span className="room-name">{name}</span>
              {isNew(name) ? <span className="news">new</span> : null}
              <span className="room-count">
                {members === 0 ? "empty" : members}
                {members === 0 ? null : <span className="aside">{members === 1 ? " person" : " people"}</span>}
              </span>
            </a>
          </li>
        ))}
      </ul>
      <NewRoom onChoose={onChoose} />
      <p className="identity">
        You are <b>{stay.pass.name}</b>. <button type="button" className="link" onClick={onLeave}>Leave</button>
      </p>
    </nav>
  )
}

const placeholder = (name: string, { members }: View) => ({
  name,
  members: members.filter(({ standing }) => standing !== "gone").length,
  last: 0
})

/** Whether something was said in a room since the reader was last there. */
const useNews = (rooms: ReadonlyArray<RoomInfo>, here: string) => {
  const seen = useRef(seenInRooms)
  for (const { last, name } of rooms) {
    if (name === here || !seen.current.has(name)) seen.current.set(name, last)
  }
  return (name: string) => (rooms.find((room) => room.name === name)?.last ?? 0) > (seen.current.get(name) ?? 0)
}

const seenInRooms = new Map<string, number>()

const NewRoom = ({ onChoose }: { readonly onChoose: () => void }) => {
  const [name, setName] = useState("")
  const id = useId()
  const open = (event: FormEvent) => {
    event.preventDefault()
    const wanted = name.trim().toLowerCase()
    if (wanted === "") return
    setName("")
    location.hash = encodeURIComponent(wanted)
    onChoose()
  }
  return (
    <form className="new-room" onSubmit={open}>
      <label htmlFor={id}>Another room</label>
      <div>
        <input
          id={id}
          value={name}
          onChange={({ target }) => setName(target.value)}
          maxLength={30}
          pattern="[\p{L}\p{N}][\p{L}\p{N} '\-]*"
          title="Letters, digits, spaces, hyphens"
          autoComplete="off"
        />
        <button type="submit">Go</button>
      </div>
    </form>
  )
}
