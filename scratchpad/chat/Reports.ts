/**
 * What a room tells the list of rooms.
 */
import { Effect, Schema, Stream } from "effect"
import { ChatRoom } from "./ChatRoom.ts"
import * as Presences from "./Presences.ts"
import { key, RoomInfo, RoomList, RoomName } from "./RoomList.ts"

/** Reports whenever somebody comes or goes or says something, while the scope is open. */
export const send = Effect.gen(function*() {
  const name = yield* ChatRoom.CurrentKey
  if (!isListed(name)) return
  const connections = yield* ChatRoom.Connections
  const state = yield* ChatRoom.State
  const list = yield* RoomList.client(key)
  const report = Effect.gen(function*() {
    const { messages } = yield* state.get
    const members = (yield* Presences.present).length
    yield* list.report(new RoomInfo({ name, members, last: messages.at(-1)?.number ?? 0 }))
  }).pipe(
    // The list is about to stop; the next report starts it again.
    Effect.ignore
  )
  yield* Stream.merge(state.changes, connections.changes).pipe(
    // However much happens while a report is on its way, one more is enough.
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() => report),
    Effect.forkScoped({ startImmediately: true })
  )
})

const isListed = Schema.is(RoomName)
