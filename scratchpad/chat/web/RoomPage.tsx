/**
 * One room: the rope, the rooms, the conversation, the people.
 */
import { type MouseEvent, useEffect, useMemo, useState } from "react"
import type { Status } from "../../../src/ConnectionStatus.ts"
import { useAtomSet, useAtomValue } from "../../../src/react.ts"
import type { Presence, Unauthorized } from "../ChatRoom.ts"
import { Composer } from "./Composer.tsx"
import { Conversation } from "./Conversation.tsx"
import { Farewell } from "./Farewell.tsx"
import { KickDialog } from "./KickDialog.tsx"
import { People } from "./People.tsx"
import { Rooms } from "./Rooms.tsx"
import { RopeBar } from "./RopeBar.tsx"
import * as StatusWords from "./StatusWords.ts"
import * as Stay from "./Stay.ts"
import type { Pass } from "./Visit.ts"

export const RoomPage = ({ onLeave, pass, room }: {
  readonly room: string
  readonly pass: Pass
  readonly onLeave: (refusal?: string) => void
}) => {
  // Whoever was removed comes back by a stay of its own.
  const [turn, setTurn] = useState(0)
  const stay = useMemo(() => Stay.make(room, pass), [room, pass, turn])
  return <StayPage key={turn} stay={stay} onLeave={onLeave} onReturn={() => setTurn(turn + 1)} />
}

type Panel = "rooms" | "people" | undefined

const StayPage = ({ onLeave, onReturn, stay }: {
  readonly stay: Stay.Stay
  readonly onLeave: (refusal?: string) => void
  readonly onReturn: () => void
}) => {
  const view = useAtomValue(stay.view)
  const status = useAtomValue(stay.status)
  const say = useAtomSet(stay.say)
  const [panel, setPanel] = useState<Panel>()
  const [to, setTo] = useState<string>()
  const [kicked, setKicked] = useState<string>()
  const unsent = view.drafts.filter(({ progress }) => progress._tag === "Waiting").length
  const words = StatusWords.of(status, unsent)
  const members = view.members.map((member) =>
    member.name === stay.pass.name ? { ...member, standing: standingOf(status) } : member
  )
  const me = members.find(({ name }) => name === stay.pass.name)
  const present = members.filter(({ standing }) => standing !== "gone").length

  useEffect(() => {
    document.title = `${unsent > 0 ? `(${unsent} waiting) ` : ""}${stay.room} · Tether chat`
  }, [unsent, stay.room])
  useEffect(() => {
    if (status?._tag === "Rejected") onLeave(words.detail)
  }, [status, onLeave, words.detail])
  // On a narrow screen a panel covers the page, so whoever opens it by the keyboard must get into it.
  useEffect(() => {
    if (panel !== undefined) document.getElementById(panel)?.focus()
  }, [panel])
  const toggle = (next: Panel) => setPanel(panel === next ? undefined : next)
  const close = () => {
    if (panel !== undefined) document.querySelector<HTMLElement>(`[aria-controls="${panel}"]`)?.focus()
    setPanel(undefined)
  }

  return (
    <div
      className="room"
      data-panel={panel}
      onKeyDown={({ key }) => key === "Escape" && close()}
    >
      <a className="skip" href="#message" onClick={skip}>Skip to the message field</a>
      <RopeBar stay={stay} status={status} words={words} unsent={unsent}>
        <button
          type="button"
          className="panel-button"
          aria-expanded={panel === "rooms"}
          aria-controls="rooms"
          onClick={() => toggle("rooms")}
        >
          Rooms
        </button>
        <button
          type="button"
          className="panel-button"
          aria-expanded={panel === "people"}
          aria-controls="people"
          onClick={() => toggle("people")}
        >
          People {present}
        </button>
      </RopeBar>
      <Rooms stay={stay} view={view} onChoose={() => setPanel(undefined)} onLeave={() => onLeave()} />
      <main className="talk">
        <Conversation stay={stay} view={view} isAway={status?._tag !== "Connected"} />
        {status?._tag === "Disconnected"
          ? <Farewell words={words} room={stay.room} onReturn={onReturn} onLeave={() => onLeave()} />
          : (
            <Composer
              room={stay.room}
              to={to}
              isAway={words.rope !== "taut"}
              onAll={() => setTo(undefined)}
              onSay={(text) => say({ text, to })}
            />
          )}
      </main>
      <People
        members={members}
        me={stay.pass.name}
        isCurrent={status?._tag === "Connected"}
        isOver={status?._tag === "Disconnected"}
        isAdmin={me?.role === "admin"}
        onWhisper={(name) => {
          setPanel(undefined)
          setTo(name)
          focusMessage()
        }}
        onKick={setKicked}
      />
      {kicked === undefined ? null : <KickDialog stay={stay} name={kicked} onClose={() => setKicked(undefined)} />}
    </div>
  )
}

/** One knows of oneself before the room does. */
const standingOf = (status: Status<Unauthorized> | undefined): Presence["standing"] => {
  switch (status?._tag) {
    case "Connected":
      return "joined"
    case "Disconnected":
    case "Rejected":
      return "gone"
    default:
      return "suspended"
  }
}

/** The address names the room, so the link must not be followed. */
const skip = (event: MouseEvent) => {
  event.preventDefault()
  focusMessage()
}

const focusMessage = () => document.getElementById("message")?.focus()
