/**
 * Where the members of a room stand, for those who are in it.
 */
import { Effect, Stream } from "effect"
import type { ConnectionChange } from "../../src/Connections.ts"
import { ChatRoom, type Member, Presence } from "./ChatRoom.ts"

type Change = ConnectionChange<Member, typeof ChatRoom.schemas.events>

/** How many of those who are gone the room remembers. */
const remembered = 50

/** The members of now, each once: somebody may be here from several places. */
export const present = Effect.gen(function*() {
  const connections = yield* ChatRoom.Connections
  const members = new Map<string, Presence>()
  for (const { state: { name, role }, status } of (yield* connections.all).values()) {
    const joined = status === "Connected" || members.get(name)?.standing === "joined"
    members.set(name, new Presence({ name, role, standing: joined ? "joined" : "suspended" }))
  }
  return Array.from(members.values())
})

/**
 * Tells everybody what changes, while the scope is open.
 *
 * One fiber tells it all and looks at the list anew each time, so that what is told later is never older. Whoever comes
 * gets all of it first; whoever comes back to a connection has missed nothing.
 */
export const announce = Effect.gen(function*() {
  const connections = yield* ChatRoom.Connections
  yield* connections.changes.pipe(Stream.runForEach(tell), Effect.forkScoped({ startImmediately: true }))
})

const tell = Effect.fnUntraced(function*({ _tag, connection }: Change) {
  const connections = yield* ChatRoom.Connections
  const members = yield* present
  const { name, role } = connection.state
  const member = members.find((member) => member.name === name) ?? new Presence({ name, role, standing: "gone" })
  const gone = yield* remember(member)
  if (_tag === "Connected") yield* connection.send("presence", { members: [...members, ...gone], complete: true })
  yield* connections.broadcast("presence", { members: [member], complete: false }, { except: [connection.id] })
})

/** Those who are gone, the last ones first. */
const remember = Effect.fnUntraced(function*(member: Presence) {
  const state = yield* ChatRoom.State
  return yield* state.modify((all) => {
    const others = all.gone.filter(({ name }) => name !== member.name)
    const gone = member.standing === "gone" ? [member, ...others].slice(0, remembered) : others
    return [gone, { ...all, gone }]
  })
})
