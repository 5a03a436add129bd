/**
 * The chat room's implementation: who gets in, and what the room does.
 */
import { DateTime, Effect, Layer, Stream } from "effect"
import { Auth } from "./Auth.ts"
import { ChatRoom, Message, NotAllowed, NotInRoom } from "./ChatRoom.ts"
import * as Presences from "./Presences.ts"
import * as Reports from "./Reports.ts"
import * as RoomListServer from "./RoomListServer.ts"

/** How many messages the room remembers. */
const remembered = 500

const HooksLayer = ChatRoom.layerHooks(Effect.gen(function*() {
  const auth = yield* Auth
  return ChatRoom.Hooks.of({
    onBeforeConnect: ({ params }) => auth.verify(params.authToken),
    onConnect: Effect.fnUntraced(function*(connection) {
      const connections = yield* ChatRoom.Connections
      yield* connections.broadcast("joined", connection.state, { except: [connection.id] })
    }),
    onDisconnect: Effect.fnUntraced(function*(connection, reason) {
      const connections = yield* ChatRoom.Connections
      yield* connections.broadcast("left", { name: connection.state.name, reason })
    })
  })
}))

/** The connections of one member, who may be here from several places. */
const connectionsOf = Effect.fnUntraced(function*(name: string) {
  const connections = yield* ChatRoom.Connections
  const all = Array.from((yield* connections.all).values())
  const found = all.filter((connection) => connection.state.name === name)
  return found.length > 0 ? found : yield* new NotInRoom({ name })
})

const HandlersLayer = ChatRoom.toLayer(
  Effect.gen(function*() {
    const state = yield* ChatRoom.State
    const connections = yield* ChatRoom.Connections
    yield* Presences.announce
    yield* Reports.send
    return ChatRoom.of({
      post: Effect.fnUntraced(function*({ draft, text }) {
        const { state: { name } } = yield* ChatRoom.CurrentConnection
        const at = yield* DateTime.now
        const message = yield* state.modify((all) => {
          const isSaid = (message: Message) => message.draft === draft && message.from === name
          if (draft !== undefined && all.messages.some(isSaid)) return [undefined, all]
          const number = (all.messages.at(-1)?.number ?? 0) + 1
          const message = new Message({ number, from: name, text, at, ...(draft === undefined ? {} : { draft }) })
          return [message, { ...all, messages: [...all.messages, message].slice(-remembered) }]
        })
        if (message !== undefined) yield* connections.broadcast("posted", message)
      }),
      sendDirectMessage: Effect.fnUntraced(function*({ text, to }) {
        const sender = yield* ChatRoom.CurrentConnection
        const message = { from: sender.state.name, text, at: yield* DateTime.now }
        yield* Effect.forEach(yield* connectionsOf(to), (recipient) => recipient.send("directMessage", message))
      }),
      who: () => Presences.present,
      history: ({ after }) =>
        Stream.unwrap(Effect.map(
          state.get,
          ({ messages }) => Stream.fromIterable(messages.filter((message) => message.number > after))
        )),
      kick: Effect.fnUntraced(function*({ name, reason }) {
        const sender = yield* ChatRoom.CurrentConnection
        if (sender.state.role !== "admin") return yield* new NotAllowed({ needed: "admin" })
        yield* Effect.forEach(yield* connectionsOf(name), (connection) => connection.disconnect(reason))
      }),
      announce: ({ text }) => connections.broadcast("announced", { text })
    })
  }),
  // What was said is stored before anybody hears it.
  { durability: "commit", initialState: { messages: [], gone: [] }, maxIdleTime: "5 minutes" }
)

export const layer = Layer.merge(HandlersLayer.pipe(Layer.provide(HooksLayer)), RoomListServer.layer)
