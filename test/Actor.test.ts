import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Ref, Schema, Scope, Tracer } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as Actor from "../src/Actor.ts"
import { ActorClient } from "../src/internal/actorClient.ts"
import { ActorHost, type Registration } from "../src/internal/actorHost.ts"
import type { AnyActor, AnyClient, AnyConnectOptions } from "../src/internal/definition.ts"

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}

class Room extends Actor.make("Room", {
  params: { token: Schema.String },
  connectionState: { user: Schema.String },
  state: Schema.Finite,
  rejection: Unauthorized,
  events: { posted: { message: Schema.String }, tick: Schema.Void },
  rpcs: [Rpc.make("post")],
  internal: [Rpc.make("close")]
}) {}

class Group extends RpcGroup.make(Rpc.make("a"), Rpc.make("b")) {}
class Plain extends Actor.make("Plain", { rpcs: Group }) {}

class Db extends Context.Service<Db, { readonly url: string }>()("Db") {}

const admit = { onBeforeConnect: () => Effect.succeed({ user: "ada" }) }
const handlers = { post: () => Effect.void, close: () => Effect.void }

/** A host that only remembers what it is asked for. */
const makeHost = Effect.gen(function*() {
  const registrations = yield* Ref.make<ReadonlyArray<Registration>>([])
  const layer = Layer.succeed(ActorHost, {
    register: (registration) => Ref.update(registrations, (all) => [...all, registration]),
    accept: () => Effect.never,
    client: (actor, key) => Effect.succeed(`${actor.type}/${key}`),
    drain: () => Effect.void,
    isDraining: Effect.succeed(false),
    inspect: () => Effect.die("not here"),
    kick: () => Effect.succeed(false),
    size: Effect.succeed(0)
  })
  return { registrations: Ref.get(registrations), layer }
})

interface Connect {
  readonly actor: AnyActor
  readonly key: string
  readonly options: AnyConnectOptions
}

const aClient = Object.create(null) as AnyClient

/** A client service that only remembers what it is asked for. */
const makeClient = Effect.gen(function*() {
  const connects = yield* Ref.make<ReadonlyArray<Connect>>([])
  const layer = Layer.succeed(ActorClient, {
    connect: (actor, key, options) =>
      Effect.as(Ref.update(connects, (all) => [...all, { actor, key, options }]), aClient)
  })
  return { connects: Ref.get(connects), layer }
})

const theOnly = <A>(all: ReadonlyArray<A>): A => {
  const [one, ...others] = all
  assert.lengthOf(others, 0)
  if (one === undefined) throw new Error("expected one element")
  return one
}

describe("Actor.make", () => {
  it("gives its members to the class that extends it", () => {
    assert.strictEqual(Room.type, "Room")
    assert.strictEqual(Room.State.key, "effect-tether/Actor/Room/State")
    assert.strictEqual(Room.of(handlers), handlers)
    assert.isTrue(Actor.isActor(Room))
    assert.isTrue(Actor.isActor(Actor.make("Room")))
    assert.isFalse(Actor.isActor(Rpc.make("post")))
    assert.isFalse(Actor.isActor(Db))
  })

  it("keys the services of each actor apart", () => {
    const keys = [Room, Plain].flatMap((actor) => [
      actor.State.key,
      actor.Hooks.key,
      actor.Connections.key,
      actor.CurrentConnection.key,
      actor.CurrentKey.key,
      actor.Client.key
    ])
    assert.strictEqual(new Set(keys).size, 12)
  })

  it("takes schemas as fields or as they are, and none as nothing", () => {
    assert.isTrue(Schema.is(Room.schemas.params)({ token: "t" }))
    assert.strictEqual(Room.schemas.state, Schema.Finite)
    assert.strictEqual(Plain.schemas.params, Schema.Void)
    assert.strictEqual(Plain.schemas.rejection, Schema.Never)
    assert.deepStrictEqual(Plain.schemas.events, {})
  })

  it("takes RPCs as an array or as a group", () => {
    assert.deepStrictEqual([...Room.protocol.requests.keys()], ["post"])
    assert.deepStrictEqual([...Room.internal.requests.keys()], ["close"])
    assert.strictEqual(Plain.protocol, Group)
    assert.strictEqual(Plain.internal.requests.size, 0)
  })

  it("refuses an empty name", () => {
    assert.throws(() => Actor.make(" "), "the name of an actor must not be empty")
  })

  it("refuses an RPC that is both for clients and internal", () => {
    assert.throws(
      () => Actor.make("Room", { rpcs: Group, internal: [Rpc.make("b")] }),
      "the RPC \"b\" of the actor \"Room\" is both in rpcs and in internal"
    )
  })

  it("refuses an RPC that is named twice", () => {
    assert.throws(
      () => Actor.make("Room", { rpcs: [Rpc.make("a"), Rpc.make("a")] }),
      "the RPC \"a\" of the actor \"Room\" is in rpcs twice"
    )
  })
})

describe("toLayer", () => {
  it.effect("registers the actor with defaults", () =>
    Effect.gen(function*() {
      const host = yield* makeHost
      yield* Layer.build(
        Plain.toLayer({ a: () => Effect.void, b: () => Effect.void }).pipe(
          Layer.provide([Plain.layerAdmitAll, host.layer])
        )
      )
      const registration = theOnly(yield* host.registrations)
      assert.strictEqual(registration.actor.type, "Plain")
      assert.strictEqual(registration.concurrency, 1)
      assert.deepStrictEqual(registration.maxIdleTime, Duration.minutes(1))
      assert.strictEqual(yield* registration.initialState, undefined)
      assert.deepStrictEqual(Object.keys(yield* registration.build), ["a", "b"])
    }))

  it.effect("registers the options and the services of the layer, without its scope", () =>
    Effect.gen(function*() {
      const host = yield* makeHost
      const hooks = Room.Hooks.of(admit)
      yield* Layer.build(
        Room.toLayer(Effect.as(Db, handlers), {
          initialState: Effect.map(Room.CurrentKey, (key) => key.length),
          concurrency: "unbounded",
          maxIdleTime: "5 minutes"
        }).pipe(
          Layer.provide([Room.layerHooks(hooks), Layer.succeed(Db, { url: "db" }), host.layer])
        )
      )
      const { actor, build, concurrency, context, initialState, maxIdleTime } = theOnly(yield* host.registrations)
      assert.strictEqual(concurrency, "unbounded")
      assert.deepStrictEqual(maxIdleTime, Duration.minutes(5))
      assert.deepStrictEqual([...actor.eventSchemas.keys()], ["posted", "tick"])
      assert.strictEqual<unknown>(Context.get(context, actor.Hooks), hooks)
      assert.isFalse(context.mapUnsafe.has(Scope.Scope.key))
      assert.strictEqual(yield* Effect.provideContext(build, context), handlers)
      const withKey = Context.add(context, actor.CurrentKey, "lobby")
      assert.strictEqual(yield* Effect.provideContext(initialState, withKey), 5)
    }))

  it.effect("builds nothing before the host starts an instance", () =>
    Effect.gen(function*() {
      const host = yield* makeHost
      yield* Layer.build(
        Room.toLayer(Effect.die("too early"), { initialState: Effect.die("too early") }).pipe(
          Layer.provide([Room.layerHooks(admit), host.layer])
        )
      )
      assert.lengthOf(yield* host.registrations, 1)
    }))
})

describe("layerHooks", () => {
  it.effect("runs an Effect once, in the scope of the layer", () =>
    Effect.gen(function*() {
      const log = yield* Ref.make<ReadonlyArray<string>>([])
      const build = Effect.acquireRelease(
        Effect.as(Ref.update(log, (log) => [...log, "built"]), admit),
        () => Ref.update(log, (log) => [...log, "released"])
      )
      yield* Effect.gen(function*() {
        const hooks = Context.get(yield* Layer.build(Room.layerHooks(build)), Room.Hooks)
        assert.strictEqual(hooks, admit)
        assert.deepStrictEqual(yield* Ref.get(log), ["built"])
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(yield* Ref.get(log), ["built", "released"])
    }))
})

describe("connect", () => {
  it.effect("delegates to the client service", () =>
    Effect.gen(function*() {
      const client = yield* makeClient
      const handle = yield* Room.connect("lobby", { params: { token: "t" }, subscribe: ["tick"], queueCapacity: 3 })
        .pipe(
          Effect.provide(client.layer)
        )
      const { actor, key, options } = theOnly(yield* client.connects)
      assert.strictEqual<unknown>(handle, aClient)
      assert.strictEqual(actor.type, "Room")
      assert.strictEqual(key, "lobby")
      assert.deepStrictEqual(options.subscribe, ["tick"])
      assert.strictEqual(options.queueCapacity, 3)
      assert.deepStrictEqual(yield* options.params, { token: "t" })
      assert.isFalse(options.context.mapUnsafe.has(Scope.Scope.key))
    }))

  it.effect("evaluates params anew each time, with the caller's services and a scope of its own", () =>
    Effect.gen(function*() {
      const client = yield* makeClient
      const counts = yield* Ref.make({ made: 0, released: 0 })
      const params: Effect.Effect<{ readonly token: string }, never, Db | Scope.Scope> = Effect.gen(function*() {
        const db = yield* Db
        yield* Effect.addFinalizer(() => Ref.update(counts, (n) => ({ ...n, released: n.released + 1 })))
        const { made } = yield* Ref.updateAndGet(counts, (n) => ({ ...n, made: n.made + 1 }))
        return { token: `${db.url}${made}` }
      })
      yield* Room.connect("lobby", { params }).pipe(
        Effect.provideService(Db, { url: "db" }),
        Effect.provide(client.layer)
      )
      const { options } = theOnly(yield* client.connects)
      assert.deepStrictEqual(yield* Ref.get(counts), { made: 0, released: 0 })
      assert.deepStrictEqual(yield* options.params, { token: "db1" })
      assert.deepStrictEqual(yield* options.params, { token: "db2" })
      assert.deepStrictEqual(yield* Ref.get(counts), { made: 2, released: 2 })
    }))

  it.effect("leaves the span of its caller behind, which ends before the client does", () =>
    Effect.gen(function*() {
      const client = yield* makeClient
      yield* Plain.connect("x").pipe(Effect.withSpan("caller"), Effect.provide(client.layer))
      const { options } = theOnly(yield* client.connects)
      assert.isFalse(options.context.mapUnsafe.has(Tracer.ParentSpan.key))
    }))

  it.effect("is a layer, too", () =>
    Effect.gen(function*() {
      const client = yield* makeClient
      const context = yield* Layer.build(Plain.layerClient("x").pipe(Layer.provide(client.layer)))
      assert.strictEqual<unknown>(Context.get(context, Plain.Client), aClient)
      assert.strictEqual(theOnly(yield* client.connects).key, "x")
    }))
})

describe("client", () => {
  it.effect("asks the host", () =>
    Effect.gen(function*() {
      const host = yield* makeHost
      const client: unknown = yield* Room.client("lobby").pipe(Effect.provide(host.layer))
      assert.strictEqual(client, "Room/lobby")
    }))
})
