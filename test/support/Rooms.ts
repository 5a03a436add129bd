/**
 * An actor whose hooks and calls are recorded, and whose hooks a test can replace.
 *
 * @since 0.1.0
 */
import { assert } from "@effect/vitest"
import { type Cause, Context, Effect, Latch, Layer, Option, Queue, Schema, Stream, SubscriptionRef } from "effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../src/Actor.ts"
import { ConnectionId } from "../../src/Connection.ts"
import { ConnectionError, type Reason } from "../../src/ConnectionError.ts"
import * as World from "./World.ts"

/**
 * Why the room refuses a client.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unwelcome extends Schema.TaggedError<Unwelcome>()("Unwelcome", {
  name: Schema.String,
  since: Schema.Finite
}) {}

/**
 * The failure of `fail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", { code: Schema.Finite }) {}

const line = { from: Schema.String, text: Schema.String }

/**
 * The actor: a room in which everything can be done that a test needs.
 *
 * @category models
 * @since 0.1.0
 */
export class Room extends Actor.make("Room", {
  // A level travels as text, so that a param that was decoded can be told from one that was not.
  params: { name: Schema.String, level: Schema.FiniteFromString },
  connectionState: { name: Schema.String, level: Schema.Finite },
  state: Schema.Array(Schema.String),
  rejection: Unwelcome,
  events: { said: line, whispered: line, greeted: { name: Schema.String }, tick: Schema.Void },
  rpcs: [
    Rpc.make("echo", { payload: { text: Schema.String }, success: Schema.String }),
    Rpc.make("fail", { payload: { code: Schema.Finite }, error: Refusal }),
    Rpc.make("die", { payload: { secret: Schema.String } }),
    Rpc.make("wait", { payload: { gate: Schema.String }, success: Schema.String }),
    Rpc.make("waitBeside", { payload: { gate: Schema.String }, success: Schema.String }),
    Rpc.make("big", { payload: { length: Schema.Finite }, success: Schema.String }),
    Rpc.make("count", { payload: { to: Schema.Finite }, success: Schema.Finite, stream: true }),
    Rpc.make("listen", { payload: { gate: Schema.String }, success: Schema.String, stream: true }),
    Rpc.make("whoami", { success: Schema.Struct({ id: ConnectionId, name: Schema.String, level: Schema.Finite }) }),
    Rpc.make("names", { success: Schema.Array(Schema.String) }),
    Rpc.make("history", { success: Schema.Array(Schema.String) }),
    Rpc.make("say", { payload: { text: Schema.String, toOthers: Schema.Boolean } }),
    Rpc.make("whisper", { payload: { to: Schema.String, text: Schema.String }, success: Schema.Boolean }),
    Rpc.make("rename", { payload: { name: Schema.String }, success: Schema.String }),
    Rpc.make("kick", {
      payload: {
        name: Schema.String,
        reason: Schema.optionalKey(Schema.String),
        retryAfterMillis: Schema.optionalKey(Schema.Finite)
      },
      success: Schema.Boolean
    }),
    Rpc.make("pass", { payload: { keys: Schema.Array(Schema.String) }, success: Schema.String })
  ],
  internal: [
    Rpc.make("relay", { payload: { keys: Schema.Array(Schema.String) }, success: Schema.String }),
    Rpc.make("roll", { success: Schema.Array(Schema.String) }),
    Rpc.make("ring", { payload: { text: Schema.String } }),
    Rpc.make("clear")
  ]
}) {}

type Hooks = typeof Room.Hooks.Service

/**
 * What a test sees and sets of all rooms of its app.
 *
 * @category services
 * @since 0.1.0
 */
export class Backstage extends Context.Service<Backstage, {
  /**
   * What has happened so far, oldest first: hooks as `onConnect ada` (with the reason's tag in `onDisconnect ada Lost`),
   * calls as `ada says hi`, starts and stops of instances as `start lobby`.
   */
  readonly entries: Effect.Effect<ReadonlyArray<string>>
  /** The entries that begin with one of the prefixes. */
  readonly entriesOf: (...prefixes: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>>
  readonly write: (entry: string) => Effect.Effect<void>
  /** Waits until at least `times` entries (default 1) that begin with `prefix` have been written. */
  readonly awaitEntry: (prefix: string, times?: number) => Effect.Effect<void>
  /** The gate of this name, closed at first; `wait` and `listen` stand before it. */
  readonly gate: (name: string) => Latch.Latch
  /** Set a hook to replace what the room does by itself; it is recorded all the same. */
  readonly hooks: { -readonly [K in keyof Hooks]?: Hooks[K] | undefined }
}>()("effect-tether/test/Rooms/Backstage") {
  static readonly layer = Layer.effect(
    Backstage,
    Effect.gen(function*() {
      const diary = yield* SubscriptionRef.make<ReadonlyArray<string>>([])
      const gates = new Map<string, Latch.Latch>()
      return {
        entries: SubscriptionRef.get(diary),
        entriesOf: (...prefixes) =>
          Effect.map(
            SubscriptionRef.get(diary),
            (entries) => entries.filter((entry) => prefixes.some((prefix) => entry.startsWith(prefix)))
          ),
        write: (entry) => SubscriptionRef.update(diary, (entries) => [...entries, entry]),
        awaitEntry: (prefix, times = 1) =>
          SubscriptionRef.changes(diary).pipe(
            Stream.filter((entries) => entries.filter((entry) => entry.startsWith(prefix)).length >= times),
            Stream.runHead,
            Effect.asVoid
          ),
        gate: (name) => {
          const gate = gates.get(name) ?? Latch.makeUnsafe(false)
          gates.set(name, gate)
          return gate
        },
        hooks: {}
      }
    })
  )
}

const admit: Hooks["onBeforeConnect"] = ({ params: { level, name } }) =>
  name === "mallory" ? Effect.fail(new Unwelcome({ name, since: 1984 })) : Effect.succeed({ level, name })

const makeHooks = ({ hooks, write }: Backstage["Service"]): Hooks => ({
  onBeforeConnect: (request) =>
    Effect.andThen(
      write(`onBeforeConnect ${request.params.name}`),
      Effect.suspend(() => (hooks.onBeforeConnect ?? admit)(request))
    ),
  onConnect: (connection) =>
    Effect.andThen(
      write(`onConnect ${connection.state.name}`),
      Effect.suspend(() => hooks.onConnect?.(connection) ?? Effect.void)
    ),
  onSuspend: (connection) =>
    Effect.andThen(
      write(`onSuspend ${connection.state.name}`),
      Effect.suspend(() => hooks.onSuspend?.(connection) ?? Effect.void)
    ),
  // Where a test sets none, the room has none: `onBeforeConnect` is asked.
  get onResume() {
    const { onResume } = hooks
    if (onResume === undefined) return undefined as never
    return ((connection, request) =>
      Effect.andThen(write(`onResume ${connection.state.name}`), onResume(connection, request))) satisfies Hooks[
        "onResume"
      ]
  },
  onDisconnect: (connection, reason) =>
    Effect.andThen(
      write(`onDisconnect ${connection.state.name} ${reason._tag}`),
      Effect.suspend(() => hooks.onDisconnect?.(connection, reason) ?? Effect.void)
    )
})

const findByName = Effect.fnUntraced(function*(name: string) {
  const all = yield* Room.Connections.use((connections) => connections.all)
  return Option.fromNullishOr(Array.from(all.values()).find(({ state }) => state.name === name))
})

const stand = ({ gate, write }: Backstage["Service"], name: string) =>
  write(`wait ${name}`).pipe(
    Effect.andThen(gate(name).await),
    Effect.andThen(write(`passed ${name}`)),
    Effect.onInterrupt(() => write(`interrupted ${name}`)),
    Effect.as(name)
  )

/** Calls from room to room along `keys`; `@name` stands before the gate of that name first. */
const relay = (
  backstage: Backstage["Service"],
  keys: ReadonlyArray<string>
): Effect.Effect<string, never, Actor.ActorHost> => {
  const [key, ...others] = keys
  if (key === undefined) return Effect.succeed("arrived")
  if (key.startsWith("@")) return Effect.andThen(stand(backstage, key.slice(1)), relay(backstage, others))
  return Room.client(key).pipe(
    Effect.flatMap((room) => room.relay({ keys: others })),
    Effect.catchTag(
      "CallError",
      ({ reason }) =>
        Effect.succeed(reason._tag === "CallCycle" ? `CallCycle ${reason.chain.join(" > ")}` : reason._tag)
    )
  )
}

const who = Effect.map(Room.CurrentConnection, ({ state }) => state.name)

const makeHandlers = Effect.gen(function*() {
  const backstage = yield* Backstage
  const connections = yield* Room.Connections
  const state = yield* Room.State
  const key = yield* Room.CurrentKey
  const { gate, write } = backstage
  yield* Effect.acquireRelease(write(`start ${key}`), () => write(`stop ${key}`))

  const say = Effect.fnUntraced(function*({ text, toOthers }: { readonly text: string; readonly toOthers: boolean }) {
    const { id, state: { name } } = yield* Room.CurrentConnection
    yield* write(`${name} says ${text}`)
    yield* state.update((lines) => [...lines, text])
    yield* connections.broadcast("said", { from: name, text }, toOthers ? { except: [id] } : {})
  })
  return Room.of({
    echo: ({ text }) => Effect.as(Effect.flatMap(who, (name) => write(`${name} echoes ${text}`)), text),
    fail: ({ code }) => Effect.fail(new Refusal({ code })),
    die: ({ secret }) => Effect.die(new Error(secret)),
    wait: ({ gate }) => stand(backstage, gate),
    waitBeside: ({ gate }) => Rpc.fork(stand(backstage, gate)),
    big: ({ length }) => Effect.succeed("x".repeat(length)),
    count: ({ to }) => Stream.range(1, to),
    listen: ({ gate: name }) =>
      Stream.concat(Stream.succeed("listening"), Stream.fromEffect(Effect.as(gate(name).await, "passed"))),
    whoami: () => Effect.map(Room.CurrentConnection, ({ id, state }) => ({ id, ...state })),
    names: () => Effect.map(connections.all, (all) => Array.from(all.values(), ({ state }) => state.name)),
    history: () => state.get,
    say,
    whisper: Effect.fnUntraced(function*({ text, to }) {
      const recipient = yield* findByName(to)
      if (Option.isNone(recipient)) return false
      yield* recipient.value.send("whispered", { from: yield* who, text })
      return true
    }),
    rename: Effect.fnUntraced(function*({ name }) {
      const connection = yield* Room.CurrentConnection
      return (yield* connection.updateState((state) => ({ ...state, name }))).name
    }),
    kick: Effect.fnUntraced(function*({ name, reason, retryAfterMillis }) {
      const connection = yield* findByName(name)
      if (Option.isNone(connection)) return false
      yield* connection.value.disconnect({ reason, retryAfter: retryAfterMillis })
      return true
    }),
    pass: ({ keys }) => relay(backstage, keys),
    relay: ({ keys }) => relay(backstage, keys),
    roll: () => Effect.map(connections.all, (all) => Array.from(all.values(), ({ state }) => state.name)),
    // Beside the turns: it must not wait for the handler that it cuts short.
    clear: () =>
      Rpc.fork(
        Effect.flatMap(connections.all, (all) =>
          Effect.forEach(all.values(), (one) => one.disconnect(), { discard: true }))
      ),
    ring: ({ text }) => connections.broadcast("said", { from: "bell", text })
  })
})

/**
 * The rooms, with their `Backstage`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Actor.LayerOptions) =>
  Room.toLayer(makeHandlers, { ...options, initialState: Effect.succeed([]) }).pipe(
    Layer.provide(Room.layerHooks(Effect.map(Backstage, makeHooks))),
    Layer.provideMerge(Backstage.layer)
  )

/**
 * The rooms with the default options of an actor.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})

/**
 * Connects to the room `lobby` under a name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = (
  name: string,
  options: Omit<Parameters<typeof Room.connect>[1], "params"> & { readonly key?: string } = {}
) => Room.connect(options.key ?? "lobby", { ...options, params: { name, level: 3 } })

/**
 * Runs a call or a stream that must fail as a `ConnectionError`, and returns the reason, of the given tag.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failure = Effect.fnUntraced(function*<A, E, R, Tag extends Reason["_tag"]>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
) {
  const error = yield* Effect.flip(effect)
  assert.instanceOf(error, ConnectionError)
  const reason: Reason<Unwelcome> = error.reason
  assert.strictEqual(reason._tag, tag, error.message)
  return reason as Extract<Reason<Unwelcome>, { readonly _tag: Tag }>
})

/**
 * Consumes an event from now on, and hands out what has come in order; subscribed once it returns.
 *
 * @category combinators
 * @since 0.1.0
 */
export const hear = Effect.fnUntraced(function*<A, E, R>(events: Stream.Stream<A, E, R>) {
  const heard = yield* Queue.unbounded<A, E | Cause.Done>()
  yield* Stream.runIntoQueue(events, heard).pipe(Effect.forkScoped({ startImmediately: true }))
  return heard
})

/**
 * Registers one behaviour of the rooms as a test over each transport; see `World.scenario`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scenario = <E>(
  name: string,
  body: World.Body<Backstage, E>,
  options?: Omit<World.Options<Backstage>, "actors"> & { readonly room?: Actor.LayerOptions }
): void =>
  World.scenario(name, body, { ...options, actors: options?.room === undefined ? layer : layerWith(options.room) })
