import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, type Duration, Effect, Layer, Schema, SchemaGetter, type Scope, Stream } from "effect"
import { HttpRouter, type HttpServer, HttpServerResponse } from "effect/http"
import { Rpc, RpcGroup, RpcMiddleware } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import type { CallError } from "../../src/CallError.ts"
import type * as Client from "../../src/Client.ts"
import * as Connection from "../../src/Connection.ts"
import type { ConnectionError } from "../../src/ConnectionError.ts"
import type { Status } from "../../src/ConnectionStatus.ts"
import type { ActorClient } from "../../src/internal/actorClient.ts"
import type { ActorHost } from "../../src/internal/actorHost.ts"

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { hint: Schema.String }) {}
class NotInRoom extends Schema.TaggedError<NotInRoom>()("NotInRoom", { recipient: Schema.String }) {}

class ChatRoom extends Actor.make("ChatRoom", {
  params: { authToken: Schema.String },
  connectionState: { userId: Schema.Finite, role: Schema.Literals(["admin", "member"]) },
  state: { messages: Schema.Array(Schema.String) },
  rejection: Unauthorized,
  events: {
    directMessage: { from: Schema.Finite, message: Schema.String },
    posted: Schema.String,
    joined: { userId: Schema.Finite },
    tick: Schema.Void
  },
  rpcs: [
    Rpc.make("post", { payload: { message: Schema.String } }),
    Rpc.make("sendDirectMessage", {
      payload: { recipient: Connection.ConnectionId, message: Schema.String },
      error: NotInRoom
    }),
    Rpc.make("history", { success: Schema.String, error: NotInRoom, stream: true })
  ],
  internal: [Rpc.make("announce", { payload: { text: Schema.String } }), Rpc.make("close")]
}) {}

interface ChatUser {
  readonly userId: number
  readonly role: "admin" | "member"
}

class Auth extends Context.Service<Auth, {
  readonly verify: (token: string) => Effect.Effect<ChatUser, Unauthorized>
}>()("Auth") {}

class Db extends Context.Service<Db, {
  readonly load: (key: string) => Effect.Effect<ReadonlyArray<string>>
}>()("Db") {}

const HooksLayer = ChatRoom.layerHooks(Effect.gen(function*() {
  const auth = yield* Auth
  return ChatRoom.Hooks.of({
    onBeforeConnect: ({ params }) => auth.verify(params.authToken),
    onConnect: Effect.fnUntraced(function*(connection) {
      const connections = yield* ChatRoom.Connections
      yield* connections.broadcast("joined", { userId: connection.state.userId }, { except: [connection.id] })
      yield* connections.broadcast("tick")
      yield* connection.send("tick")
      yield* Effect.sleep("1 second").pipe(Effect.forever, Effect.forkScoped)
    })
  })
}))

const chatHandlers = Effect.gen(function*() {
  const state = yield* ChatRoom.State
  const connections = yield* ChatRoom.Connections
  return ChatRoom.of({
    post: Effect.fnUntraced(function*({ message }) {
      yield* state.update((s) => ({ messages: [...s.messages, message] }))
      yield* connections.broadcast("posted", message)
    }),
    sendDirectMessage: Effect.fnUntraced(function*({ message, recipient }) {
      const sender = yield* ChatRoom.CurrentConnection
      const target = yield* connections.get(recipient).pipe(
        Effect.catchTag("ConnectionNotFound", () => Effect.fail(new NotInRoom({ recipient })))
      )
      yield* target.send("directMessage", { from: sender.state.userId, message })
    }),
    history: () => Stream.unwrap(Effect.map(state.get, (s) => Stream.fromIterable(s.messages))),
    announce: ({ text }) => connections.broadcast("posted", text),
    close: () => Effect.void
  })
})

const ChatRoomLayer = ChatRoom.toLayer(chatHandlers, {
  initialState: Effect.gen(function*() {
    const key = yield* ChatRoom.CurrentKey
    const db = yield* Db
    return { messages: yield* db.load(key) }
  }),
  maxIdleTime: "5 minutes"
})

class Nothing extends Actor.make("Nothing") {}

class Two extends Actor.make("Two", { rpcs: [Rpc.make("x")], internal: [Rpc.make("y")] }) {}

class Score extends Actor.make("Score", { rpcs: [Rpc.make("win")] }) {}

const ScoreLayer = Score.toLayer({
  win: Effect.fnUntraced(function*() {
    const lobby = yield* ChatRoom.client("lobby")
    yield* lobby.announce({ text: "won" }).pipe(Effect.catchTag("CallError", () => Effect.void))
  })
}).pipe(Layer.provide(Score.layerAdmitAll))

declare const freshToken: Effect.Effect<{ readonly authToken: string }, "offline", Db>

describe("toLayer", () => {
  it("asks for the host, the hooks and what the handlers use, and for nothing of the actor's own", () => {
    expectTypeOf(ChatRoomLayer).toEqualTypeOf<
      Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"ChatRoom"> | Db>
    >()
  })

  it("does not give internal handlers a connection", () => {
    const layer = Two.toLayer({
      x: () => Two.CurrentConnection.use((connection) => connection.disconnect()),
      y: () => Two.CurrentConnection.use((connection) => connection.disconnect())
    })
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"Two"> | Actor.Id.CurrentConnection<"Two">>
    >()
  })

  it("does not give the build of an instance a connection", () => {
    const layer = Two.toLayer(Effect.gen(function*() {
      const connection = yield* Two.CurrentConnection
      return Two.of({ x: () => connection.disconnect(), y: () => Effect.void })
    }))
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"Two"> | Actor.Id.CurrentConnection<"Two">>
    >()
  })

  it("gives the build of an instance a scope", () => {
    const layer = Two.toLayer(Effect.gen(function*() {
      yield* Effect.addFinalizer(() => Effect.void)
      return Two.of({ x: () => Effect.void, y: () => Effect.void })
    }))
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"Two">>>()
  })

  it("refuses a build that can fail", () => {
    // @ts-expect-error the start of an instance cannot fail
    Two.toLayer(Effect.gen(function*() {
      yield* Effect.fail("x")
      return Two.of({ x: () => Effect.void, y: () => Effect.void })
    }))
  })

  it("refuses handlers of which one is missing", () => {
    // @ts-expect-error y is missing
    Two.toLayer({ x: () => Effect.void })
  })

  it("refuses to go without the initial state of an actor that has one", () => {
    // @ts-expect-error initialState is missing
    ChatRoom.toLayer(chatHandlers)
  })

  it("needs no options for an actor without state", () => {
    const layer = Nothing.toLayer({}).pipe(Layer.provide(Nothing.layerAdmitAll))
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<never, never, ActorHost>>()
  })

  it("asks for the host where a handler calls another actor", () => {
    expectTypeOf(ScoreLayer).toEqualTypeOf<Layer.Layer<never, never, ActorHost>>()
  })
})

describe("hooks", () => {
  it("ask for what their build uses", () => {
    expectTypeOf(HooksLayer).toEqualTypeOf<Layer.Layer<Actor.Id.Hooks<"ChatRoom">, never, Auth>>()
  })

  it("of an actor with connection state cannot admit all", () => {
    // @ts-expect-error an actor with connectionState needs layerHooks
    ChatRoomLayer.pipe(Layer.provide(ChatRoom.layerAdmitAll))
  })

  it("must return the connection's state", () => {
    ChatRoom.layerHooks({
      // @ts-expect-error the role is missing
      onBeforeConnect: () => Effect.succeed({ userId: 1 })
    })
  })

  it("may fail with the typed rejection only", () => {
    ChatRoom.layerHooks({
      // @ts-expect-error not the rejection of this actor
      onBeforeConnect: () => Effect.fail("no")
    })
    Nothing.layerHooks({
      // @ts-expect-error an actor without a rejection cannot refuse
      onBeforeConnect: () => Effect.fail("no")
    })
  })
})

describe("events", () => {
  const connections = ChatRoom.Connections.useSync((connections) => connections)

  it("are sent with the payload of their schema", () => {
    Effect.map(connections, ({ broadcast }) => {
      expectTypeOf(broadcast("tick", undefined, { except: [] })).toEqualTypeOf<Effect.Effect<void>>()
      // @ts-expect-error the payload is a string
      broadcast("posted", 1)
      // @ts-expect-error the payload is missing
      broadcast("posted")
      // @ts-expect-error no such event
      broadcast("nope")
    })
  })

  it("are streams of the payload of their schema", () => {
    type Events = Actor.ClientOf<typeof ChatRoom>["events"]
    expectTypeOf<Events["directMessage"]>().toEqualTypeOf<
      Stream.Stream<{ readonly from: number; readonly message: string }, ConnectionError<Unauthorized>>
    >()
    expectTypeOf<Events["tick"]>().toEqualTypeOf<Stream.Stream<void, ConnectionError<Unauthorized>>>()
  })

  it("are named by the actor's connections", () => {
    expectTypeOf<Actor.ConnectionOf<typeof ChatRoom>["subscriptions"]>().toEqualTypeOf<
      ReadonlySet<"directMessage" | "posted" | "joined" | "tick">
    >()
  })
})

class User extends Context.Service<User, { readonly id: number }>()("User") {}
class Denied extends Schema.TaggedError<Denied>()("Denied", {}) {}
class AuthMiddleware extends RpcMiddleware.Service<AuthMiddleware, { provides: User }>()("AuthMiddleware", {
  error: Denied,
  requiredForClient: true
}) {}
class Group
  extends RpcGroup.make(Rpc.make("a"), Rpc.make("whoami", { success: Schema.Finite })).middleware(AuthMiddleware)
{}
class WithMiddleware extends Actor.make("WithMiddleware", { rpcs: Group }) {}

class Crypto extends Context.Service<Crypto, {
  readonly decrypt: (text: string) => Effect.Effect<string>
}>()("Crypto") {}

const Secret = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transformEffect((text: string) => Effect.flatMap(Crypto, (crypto) => crypto.decrypt(text))),
  encode: SchemaGetter.transform((text: string) => text)
}))

class Sealed extends Actor.make("Sealed", {
  params: { token: Secret },
  events: { e: { s: Secret } },
  rpcs: [Rpc.make("x", { payload: { s: Schema.String } })]
}) {}

describe("middleware and schema services", () => {
  it("are asked for on the server", () => {
    const layer = WithMiddleware.toLayer({ whoami: () => Effect.map(User, (user) => user.id), a: () => Effect.void })
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"WithMiddleware"> | AuthMiddleware>
    >()
  })

  it("are asked for on the client", () => {
    const whoami = Effect.flatMap(WithMiddleware.connect("x"), (client) => client.rpc.whoami())
    expectTypeOf(whoami).toEqualTypeOf<
      Effect.Effect<
        number,
        Denied | ConnectionError,
        Scope.Scope | ActorClient | RpcMiddleware.ForClient<AuthMiddleware>
      >
    >()
    // @ts-expect-error the client's side of the middleware is not provided
    whoami satisfies Effect.Effect<number, Denied | ConnectionError, Scope.Scope | ActorClient>
  })

  it("are asked for where schemas decode", () => {
    const layer = Sealed.toLayer({ x: () => Effect.void })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<never, never, ActorHost | Actor.Id.Hooks<"Sealed"> | Crypto>>()
    const client = Sealed.connect("x", { params: { token: "t" } })
    expectTypeOf<Effect.Services<typeof client>>().toEqualTypeOf<Scope.Scope | ActorClient | Crypto>()
  })
})

describe("connect", () => {
  const room = Effect.gen(function*() {
    const room = yield* ChatRoom.connect("lobby", { params: freshToken })
    yield* room.events.directMessage.pipe(Stream.runForEach(({ from }) => Effect.log(from)), Effect.forkScoped)
    yield* room.rpc.post({ message: "hello" }).pipe(
      Effect.catchReason("ConnectionError", "Rejected", (rejected) => Effect.log(rejected.rejection.hint)),
      Effect.catchReason("ConnectionError", "OutcomeUnknown", () => Effect.void)
    )
    return room
  })

  it("takes params as an Effect, whose failure is not the caller's", () => {
    expectTypeOf(room).toEqualTypeOf<
      Effect.Effect<
        Actor.ClientOf<typeof ChatRoom>,
        ConnectionError<Unauthorized>,
        Scope.Scope | ActorClient | Db
      >
    >()
  })

  it("gives a client with the typed rejection in its status", () => {
    expectTypeOf<Actor.ClientOf<typeof ChatRoom>>().toExtend<
      Client.Client<never, {}, Unauthorized>
    >()
    expectTypeOf<Extract<Status<Unauthorized>, { _tag: "Rejected" }>["rejection"]>().toEqualTypeOf<Unauthorized>()
  })

  it("takes params as a value", () => {
    expectTypeOf(ChatRoom.connect("x", { params: { authToken: "a" } })).toEqualTypeOf<
      Effect.Effect<Actor.ClientOf<typeof ChatRoom>, never, Scope.Scope | ActorClient>
    >()
  })

  it("needs no options for an actor without params", () => {
    expectTypeOf(Nothing.connect("x")).toEqualTypeOf<
      Effect.Effect<Actor.ClientOf<typeof Nothing>, never, Scope.Scope | ActorClient>
    >()
  })

  it("refuses to go without params or with wrong ones", () => {
    // @ts-expect-error params are missing
    ChatRoom.connect("x")
    // @ts-expect-error the token is a string
    ChatRoom.connect("x", { params: { authToken: 1 } })
  })

  it("subscribes to events of the actor only", () => {
    ChatRoom.connect("x", { params: { authToken: "a" }, subscribe: ["joined", "tick"] })
    // @ts-expect-error no such event
    ChatRoom.connect("x", { params: { authToken: "a" }, subscribe: ["nope"] })
  })

  it("calls internal RPCs by the host only", () => {
    const calls = Effect.map(ChatRoom.client("lobby"), (lobby) => lobby.announce({ text: "hi" }))
    expectTypeOf(calls).toEqualTypeOf<Effect.Effect<Effect.Effect<void, CallError>, never, ActorHost>>()
    // @ts-expect-error not an internal RPC
    Effect.map(ChatRoom.client("lobby"), (lobby) => lobby.post)
    // @ts-expect-error not on the wire
    Effect.map(room, (room) => room.rpc.announce)
  })
})

const connectionStates = <
  Name extends string,
  P extends Schema.Top,
  CS extends Schema.Top,
  S extends Schema.Top,
  Rej extends Schema.Top,
  Es extends Actor.Events,
  Rpcs extends Rpc.Any,
  Internal extends Rpc.Any
>(actor: Actor.Actor<Name, P, CS, S, Rej, Es, Rpcs, Internal>) =>
  Effect.map(
    actor.Connections.use((connections) => connections.all),
    (all) => Array.from(all.values(), (connection) => connection.state)
  )

const names = (actors: ReadonlyArray<Actor.Any>) => actors.map((actor) => actor.type)

describe("code that works with any actor", () => {
  it("infers the schemas of an actor", () => {
    expectTypeOf(connectionStates(ChatRoom)).toEqualTypeOf<
      Effect.Effect<Array<ChatUser>, never, Actor.Id.Connections<"ChatRoom">>
    >()
    expectTypeOf(connectionStates(Nothing)).toEqualTypeOf<
      Effect.Effect<Array<void>, never, Actor.Id.Connections<"Nothing">>
    >()
    connectionStates(WithMiddleware)
  })

  it("takes actors of all kinds", () => {
    expectTypeOf(names([ChatRoom, Nothing, Two, WithMiddleware, Sealed])).toEqualTypeOf<Array<string>>()
  })

  it("names the types of an actor", () => {
    expectTypeOf<Actor.Params<typeof ChatRoom>>().toEqualTypeOf<{ readonly authToken: string }>()
    expectTypeOf<Actor.ConnectionState<typeof ChatRoom>>().toEqualTypeOf<ChatUser>()
    expectTypeOf<Actor.Rejection<typeof ChatRoom>>().toEqualTypeOf<Unauthorized>()
  })
})

declare const hostLocal: (options?: { readonly resumeWindow?: Duration.Input }) => Layer.Layer<ActorHost>
declare const serverHttpRouter: (
  options: { readonly path: string }
) => Layer.Layer<never, never, ActorHost | HttpRouter.HttpRouter>
declare const clientInProcess: Layer.Layer<ActorClient, never, ActorHost>
declare const NodeHttp: Layer.Layer<HttpServer.HttpServer>
declare const AuthLayer: Layer.Layer<Auth>
declare const DbLayer: Layer.Layer<Db>

const Actors = Layer.mergeAll(ChatRoomLayer.pipe(Layer.provide(HooksLayer)), ScoreLayer)

describe("an app", () => {
  it("is a layer that asks for nothing", () => {
    const app = HttpRouter.serve(Layer.mergeAll(
      serverHttpRouter({ path: "/actors" }),
      HttpRouter.add("GET", "/health", Effect.succeed(HttpServerResponse.empty()))
    )).pipe(
      Layer.provide(Actors),
      Layer.provide(hostLocal()),
      Layer.provide([NodeHttp, AuthLayer, DbLayer])
    )
    expectTypeOf<Layer.Services<typeof app>>().toEqualTypeOf<never>()
  })

  it("has its clients in the same process", () => {
    const app = clientInProcess.pipe(
      Layer.provide(Actors),
      Layer.provideMerge(hostLocal()),
      Layer.provide([AuthLayer, DbLayer])
    )
    expectTypeOf(app).toEqualTypeOf<Layer.Layer<ActorClient | ActorHost>>()
  })

  it("has the client of one actor as a service", () => {
    const Lobby = ChatRoom.layerClient("lobby", { params: freshToken })
    expectTypeOf(Lobby).toEqualTypeOf<Layer.Layer<Actor.Id.Client<"ChatRoom">, never, ActorClient | Db>>()
    const post = ChatRoom.Client.use((room) => room.rpc.post({ message: "hi" })).pipe(Effect.provide(Lobby))
    expectTypeOf(post).toEqualTypeOf<Effect.Effect<void, ConnectionError<Unauthorized>, ActorClient | Db>>()
  })
})
