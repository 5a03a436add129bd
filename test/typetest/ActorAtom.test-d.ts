import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Effect, Layer, type Option, Schema, type Stream } from "effect"
import type { Cause } from "effect"
import { type AsyncResult, Atom } from "effect/reactivity"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import type * as Client from "../../src/Client.ts"
import type { ConnectionError } from "../../src/ConnectionError.ts"
import type { Gap, Status } from "../../src/ConnectionStatus.ts"
import type { ActorClient } from "../../src/internal/actorClient.ts"
import { useAtom, useAtomSet, useAtomValue } from "../../src/react.ts"
import * as ActorAtom from "../../src/reactivity/ActorAtom.ts"

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { hint: Schema.String }) {}
class NotAllowed extends Schema.TaggedError<NotAllowed>()("NotAllowed", {}) {}

class ChatRoom extends Actor.make("ChatRoom", {
  params: { authToken: Schema.String },
  rejection: Unauthorized,
  events: { posted: { from: Schema.String, text: Schema.String }, moved: Schema.Finite, tick: Schema.Void },
  rpcs: [
    Rpc.make("post", { payload: { text: Schema.String }, success: Schema.Finite, error: NotAllowed }),
    Rpc.make("names", { success: Schema.Array(Schema.String) }),
    Rpc.make("history", { payload: { since: Schema.Finite }, success: Schema.String, error: NotAllowed, stream: true })
  ]
}) {}

class Plain extends Actor.make("Plain", { rpcs: [Rpc.make("ping")] }) {}

class Tokens extends Context.Service<Tokens, { readonly fresh: Effect.Effect<string, "offline"> }>()("Tokens") {}

declare const layer: Layer.Layer<ActorClient>

const room = ActorAtom.make(ChatRoom, "lobby", { layer, connect: { params: { authToken: "sesame" } } })

type Failure = ConnectionError<Unauthorized>

describe("ActorAtom.make", () => {
  it("knows the contract", () => {
    expectTypeOf(room).toEqualTypeOf<ActorAtom.AtomsOf<typeof ChatRoom>>()
    expectTypeOf(room.status).toEqualTypeOf<Atom.Atom<Status<Unauthorized>>>()
    expectTypeOf(room.gap).toEqualTypeOf<Atom.Atom<Option.Option<Gap>>>()
    expectTypeOf(room.queued).toEqualTypeOf<Atom.Atom<number>>()
    expectTypeOf<Atom.Success<typeof room.client>>().toEqualTypeOf<Actor.ClientOf<typeof ChatRoom>>()
    expectTypeOf<Atom.Type<typeof room.pending>[number]["tag"]>().toEqualTypeOf<"post" | "names" | "history">()
    // @ts-expect-error: it is read only
    useAtomSet(room.status)
  })

  it("asks for the params of the contract, and for none where it has none", () => {
    // @ts-expect-error: no connect
    ActorAtom.make(ChatRoom, "lobby", { layer })
    // @ts-expect-error: no params
    ActorAtom.make(ChatRoom, "lobby", { layer, connect: {} })
    // @ts-expect-error: a number is no token
    ActorAtom.make(ChatRoom, "lobby", { layer, connect: { params: { authToken: 1 } } })
    // @ts-expect-error: no such event
    ActorAtom.make(ChatRoom, "lobby", { layer, connect: { params: { authToken: "" }, subscribe: ["said"] } })
    expectTypeOf(ActorAtom.make(Plain, "a", { layer }).status).toEqualTypeOf<Atom.Atom<Status>>()
    ActorAtom.make(Plain, "a", { layer, connect: { queueCapacity: 3 } })
  })

  it("takes params from atoms, and from an effect whose services the layer has to provide", () => {
    const token = Atom.make("sesame")
    ActorAtom.make(ChatRoom, "lobby", { layer, connect: (get) => ({ params: { authToken: get(token) } }) })
    const params = Effect.map(Tokens.use(({ fresh }) => fresh), (authToken) => ({ authToken }))
    const tokens = Layer.succeed(Tokens, { fresh: Effect.succeed("sesame") })
    ActorAtom.make(ChatRoom, "lobby", { layer: Layer.merge(layer, tokens), connect: { params } })
    // @ts-expect-error: nobody provides Tokens
    ActorAtom.make(ChatRoom, "lobby", { layer, connect: { params } })
  })

  it("has a family for many keys", () => {
    const rooms = ActorAtom.family(ChatRoom, (key) => ({ layer, connect: { params: { authToken: key } } }))
    expectTypeOf(rooms).toEqualTypeOf<(key: string) => ActorAtom.AtomsOf<typeof ChatRoom>>()
  })
})

describe("fold", () => {
  it("types state and payloads", () => {
    const lines = room.fold({
      initial: [] as ReadonlyArray<string>,
      on: {
        posted: (lines, { from, text }) => [...lines, from + text],
        moved: (lines, x) => [...lines, x.toFixed()],
        tick: (lines) => lines
      },
      onGap: (lines, { cause }) => [...lines, cause]
    })
    expectTypeOf(lines).toEqualTypeOf<Atom.Atom<AsyncResult.AsyncResult<ReadonlyArray<string>, Failure>>>()
    // @ts-expect-error: the state is a number
    room.fold({ initial: 0, on: { moved: () => "no" } })
    // @ts-expect-error: no such event
    room.fold({ initial: 0, on: { said: (n: number) => n } })
  })

  it("takes the state from what it loads, and fails as that does", () => {
    const names = room.fold({
      load: (client) => {
        expectTypeOf(client).toEqualTypeOf<Actor.ClientOf<typeof ChatRoom>>()
        return client.rpc.names()
      },
      on: { posted: (names, { from }) => [...names, from] }
    })
    expectTypeOf(names).toEqualTypeOf<Atom.Atom<AsyncResult.AsyncResult<ReadonlyArray<string>, Failure>>>()
    const posted = room.fold({ load: (client) => client.rpc.post({ text: "hi" }), on: {} })
    expectTypeOf(posted).toEqualTypeOf<Atom.Atom<AsyncResult.AsyncResult<number, NotAllowed | Failure>>>()
    const nothing = room.fold({ load: () => Effect.succeed(1), on: {} })
    expectTypeOf(nothing).toEqualTypeOf<Atom.Atom<AsyncResult.AsyncResult<number, Failure>>>()
  })
})

describe("call and query", () => {
  it("have the payload, the success and the errors of the RPC", () => {
    expectTypeOf(room.call("post")).toEqualTypeOf<
      Atom.AtomResultFn<{ readonly text: string }, number, NotAllowed | Failure>
    >()
    expectTypeOf(room.query("names")).toEqualTypeOf<
      Atom.Atom<AsyncResult.AsyncResult<ReadonlyArray<string>, Failure>>
    >()
    expectTypeOf<Atom.PullSuccess<ReturnType<typeof stream>>>().toEqualTypeOf<string>()
    expectTypeOf<Atom.Failure<ReturnType<typeof stream>>>().toEqualTypeOf<
      NotAllowed | Failure | Cause.NoSuchElementError
    >()
    expectTypeOf(room.call("history")).toEqualTypeOf<never>()
    // @ts-expect-error: no such RPC
    room.call("shout")
    // @ts-expect-error: no payload
    room.query("history")
    // @ts-expect-error: a number is no text
    room.query("post", { text: 1 })
  })
  const stream = () => room.query("history", { since: 1 })
})

describe("listen", () => {
  it("gives the payloads of the events that are named, and gaps", () => {
    const check = (client: Actor.ClientOf<typeof ChatRoom>) => {
      expectTypeOf(client.listen("posted", "moved")).toEqualTypeOf<
        Stream.Stream<
          | {
            readonly _tag: "Event"
            readonly event: "posted"
            readonly payload: { readonly from: string; readonly text: string }
          }
          | { readonly _tag: "Event"; readonly event: "moved"; readonly payload: number }
          | { readonly _tag: "Gap"; readonly gap: Gap },
          Failure
        >
      >()
      // @ts-expect-error: no such event
      return client.listen("said")
    }
    expectTypeOf(check).parameter(0).toExtend<Pick<Client.Client<never, {}, Unauthorized>, "status">>()
  })
})

describe("hooks", () => {
  it("have the type of the atom", () => {
    const Component = () => {
      expectTypeOf(useAtomValue(room.status)).toEqualTypeOf<Status<Unauthorized>>()
      const [result, post] = useAtom(room.call("post"))
      expectTypeOf(result).toEqualTypeOf<AsyncResult.AsyncResult<number, NotAllowed | Failure>>()
      post({ text: "hi" })
      post(Atom.Reset)
      // @ts-expect-error: not the payload of post
      post({ line: "hi" })
      useAtomSet(room.disconnect)()
      useAtomSet(room.disconnect)("bored")
    }
    expectTypeOf(Component).returns.toBeVoid()
  })
})
