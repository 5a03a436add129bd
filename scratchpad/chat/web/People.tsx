/**
 * Who is here, who is away, who is gone.
 */
import type { Presence } from "../ChatRoom.ts"

export const People = ({ isAdmin, isCurrent, isOver, me, members, onKick, onWhisper }: {
  readonly members: ReadonlyArray<Presence>
  readonly me: string
  readonly isAdmin: boolean
  /** Whether one has been sent away, and can do nothing any more. */
  readonly isOver: boolean
  /** Whether one would hear of a change. */
  readonly isCurrent: boolean
  readonly onWhisper: (name: string) => void
  readonly onKick: (name: string) => void
}) => {
  const sorted = standings.flatMap((standing) => members.filter((member) => member.standing === standing))
  return (
    <aside id="people" data-current={isCurrent} className="panel people" tabIndex={-1} aria-label="People">
      <h2>People</h2>
      {isCurrent ? null : <p className="hint">As you last heard.</p>}
      <ul>
        {sorted.map(({ name, role, standing }) => (
          <li key={name} data-standing={standing}>
            <span className="mark" aria-hidden="true" />
            <span className="person">
              <span className="person-name">{name}</span>
              {name === me ? " (you)" : ""}
              {role === "admin" ? <span className="role">admin</span> : null}
            </span>
            <span className="standing">{inWords[standing]}</span>
            {name === me || standing === "gone" || isOver ? null : (
              <span className="person-actions">
                <button
                  type="button"
                  className="link"
                  aria-label={`Write to ${name} alone`}
                  onClick={() => onWhisper(name)}
                >
                  Write
                </button>
                {isAdmin
                  ? (
                    <button
                      type="button"
                      className="link danger"
                      aria-label={`Remove ${name}`}
                      onClick={() => onKick(name)}
                    >
                      Remove
                    </button>
                  )
                  : null}
              </span>
            )}
          </li>
        ))}
      </ul>
    </aside>
  )
}

/** Those who can answer first. */
const standings = ["joined", "suspended", "gone"] as const

const inWords = { joined: "here", suspended: "away, may be back", gone: "gone" }
