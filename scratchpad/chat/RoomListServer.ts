/**
 * The implementation of the list of rooms.
 */
import { Effect, Layer } from "effect"
import { Auth } from "./Auth.ts"
import { RoomInfo, RoomList } from "./RoomList.ts"

/** How many rooms are listed; the longest silent ones make room for others. */
const listed = 50

/** Rooms that are there before anybody has entered one. */
const initialState = {
  rooms: ["lobby", "kitchen", "workshop"].map((name) => new RoomInfo({ name, members: 0, last: 0 }))
}

const HooksLayer = RoomList.layerHooks(Effect.gen(function*() {
  const auth = yield* Auth
  return RoomList.Hooks.of({
    onBeforeConnect: ({ params }) => Effect.asVoid(auth.verify(params.authToken)),
    onConnect: Effect.fnUntraced(function*(connection) {
      const state = yield* RoomList.State
      yield* connection.send("rooms", yield* state.get)
    })
  })
}))

const HandlersLayer = RoomList.toLayer(
  Effect.gen(function*() {
    const state = yield* RoomList.State
    const connections = yield* RoomList.Connections
    return RoomList.of({
      report: Effect.fnUntraced(function*(room) {
        const rooms = yield* state.modify(({ rooms }) => {
          const next = withRoom(rooms, room)
          return [next, { rooms: next }]
        })
        yield* connections.broadcast("rooms", { rooms })
      })
    })
  }),
  { initialState, maxIdleTime: "1 hour" }
)

/** A known room keeps its place. */
const withRoom = (rooms: ReadonlyArray<RoomInfo>, room: RoomInfo): ReadonlyArray<RoomInfo> => {
  if (rooms.some(({ name }) => name === room.name)) {
    return rooms.map((known) => known.name === room.name ? room : known)
  }
  const empty = rooms.findIndex(({ members }) => members === 0)
  const kept = rooms.length < listed ? rooms : rooms.filter((_, index) => index !== Math.max(0, empty))
  return [...kept, room]
}

export const layer = HandlersLayer.pipe(Layer.provide(HooksLayer))
