/**
 * The rooms' implementation. What is said in a room is stored before anybody hears of it: a room goes on on another node
 * as if nothing had happened.
 */
import { Effect, Layer } from "effect"
import { Room } from "./Room.ts"

const Hooks = Room.layerHooks(Effect.succeed({
  onBeforeConnect: ({ params }) => Effect.succeed({ name: params.name })
}))

const makeHandlers = Effect.gen(function*() {
  const state = yield* Room.State
  const connections = yield* Room.Connections
  return Room.of({
    history: () => state.get,
    post: Effect.fnUntraced(function*({ text }) {
      const { state: { name } } = yield* Room.CurrentConnection
      const said = { from: name, text }
      const count = yield* state.modify((lines) => [lines.length + 1, [...lines, said]])
      yield* connections.broadcast("posted", said)
      return count
    })
  })
})

export const layer = Room.toLayer(makeHandlers, { initialState: [], durability: "commit" }).pipe(Layer.provide(Hooks))
