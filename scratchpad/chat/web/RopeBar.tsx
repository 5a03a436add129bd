/**
 * The head of the page: the rope between the reader and the room shows the connection, and the words beside it say it.
 */
import { Duration } from "effect"
import { type ReactNode, useEffect, useState } from "react"
import type { Status, Waiting } from "../../../src/ConnectionStatus.ts"
import { useAtomValue } from "../../../src/react.ts"
import type { Unauthorized } from "../ChatRoom.ts"
import * as Words from "../Words.ts"
import type { Rope, StatusWords } from "./StatusWords.ts"
import { condition, type Stay } from "./Stay.ts"
import { Switches } from "./Switches.tsx"

export const RopeBar = ({ children, status, stay, unsent, words }: {
  readonly stay: Stay
  readonly status: Status<Unauthorized> | undefined
  readonly words: StatusWords
  readonly unsent: number
  readonly children: ReactNode
}) => {
  const network = useAtomValue(condition)
  return (
    <header className="bar" data-rope={words.rope} data-network={network}>
      <div className="bar-title">
        <h1>{stay.room}</h1>
        <div className="bar-panels">{children}</div>
      </div>
      <div className="bar-rope" aria-hidden="true">
        <span className="knot">{stay.pass.name}</span>
        <Cord rope={words.rope} beads={unsent} />
        <span className="knot">{stay.room}</span>
      </div>
      <div className="bar-status">
        <p role="status">
          <strong>{words.title}.</strong> {words.detail}
        </p>
        {status?._tag === "Waiting" ? <Countdown waiting={status} /> : null}
        {network === "frozen" && status?._tag === "Connected"
          ? <p className="countdown">Frozen: it takes a few seconds of silence to notice.</p>
          : null}
      </div>
      <Switches />
    </header>
  )
}

const shapes: Record<Rope, ReadonlyArray<string>> = {
  taut: ["M0 24 C200 27 400 27 600 24"],
  slack: ["M0 24 C150 74 450 74 600 24"],
  parted: ["M0 24 C70 30 150 66 236 58", "M600 24 C540 30 460 70 378 54"]
}

/** The rope, with a bead for each message that waits on this side of it. */
const Cord = ({ beads, rope }: { readonly rope: Rope; readonly beads: number }) => (
  <div className="cord">
    <svg viewBox="0 0 600 80" preserveAspectRatio="none">
      {shapes[rope].map((shape) => <path key={`core ${shape}`} className="rope-core" d={shape} />)}
      {shapes[rope].map((shape) => <path key={`twist ${shape}`} className="rope-twist" d={shape} />)}
    </svg>
    <span className="beads">
      {Array.from({ length: Math.min(beads, 9) }, (_, index) => <i key={index} />)}
    </span>
  </div>
)

/** Not read aloud: it changes all the time. */
const Countdown = ({ waiting }: { readonly waiting: Waiting }) => {
  const [left, setLeft] = useState(waiting.delay)
  useEffect(() => {
    const end = Date.now() + Duration.toMillis(waiting.delay)
    const show = () => setLeft(Duration.millis(Math.max(0, end - Date.now())))
    show()
    const timer = setInterval(show, 100)
    return () => clearInterval(timer)
  }, [waiting])
  return <p className="countdown" aria-hidden="true">next try in {Words.seconds(left)}</p>
}
