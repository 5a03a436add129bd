import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, type DateTime, Effect, type Layer, Schema } from "effect"
import { Rpc } from "effect/rpc"
import type * as Actor from "../../src/Actor.ts"
import { make } from "../../src/Actor.ts"
import type { ActorStorage } from "../../src/ActorStorage.ts"
import type { Alarm } from "../../src/Alarms.ts"
import type { ActorHost } from "../../src/internal/actorHost.ts"

class Timer extends make("Timer", {
  state: { count: Schema.Finite },
  rpcs: [Rpc.make("start")],
  internal: [
    Rpc.make("tick"),
    Rpc.make("ring", { payload: { times: Schema.Finite, text: Schema.optionalKey(Schema.String) } }),
    Rpc.make("say", { payload: Schema.String })
  ]
}) {}

class Clock extends Context.Service<Clock, { readonly now: number }>()("test/Clock") {}

const handlers = Timer.of({
  start: () => Effect.void,
  tick: () => Effect.void,
  ring: () => Effect.void,
  say: () => Effect.void
})

const initialState = { count: 0 }

type Needs = ActorHost | Actor.Id.Hooks<"Timer">

declare const at: DateTime.Utc

describe("durability", () => {
  it("asks for a storage", () => {
    expectTypeOf(Timer.toLayer(handlers, { initialState, durability: "commit" })).toEqualTypeOf<
      Layer.Layer<never, never, Needs | ActorStorage>
    >()
    expectTypeOf(Timer.toLayer(handlers, { initialState, durability: { interval: "5 seconds" } })).toEqualTypeOf<
      Layer.Layer<never, never, Needs | ActorStorage>
    >()
  })

  it("asks for none where there is none", () => {
    expectTypeOf(Timer.toLayer(handlers, { initialState })).toEqualTypeOf<Layer.Layer<never, never, Needs>>()
    expectTypeOf(Timer.toLayer(handlers, { initialState, durability: undefined })).toEqualTypeOf<
      Layer.Layer<never, never, Needs>
    >()
  })

  it("asks for a storage where it may be set", () => {
    const durability = undefined as Actor.Durability | undefined
    expectTypeOf(Timer.toLayer(handlers, { initialState, durability })).toEqualTypeOf<
      Layer.Layer<never, never, Needs | ActorStorage>
    >()
  })

  it("is one of two", () => {
    // @ts-expect-error
    Timer.toLayer(handlers, { initialState, durability: "always" })
    // @ts-expect-error
    Timer.toLayer(handlers, { initialState, durability: {} })
  })

  it("has migrations that may use services", () => {
    const layer = Timer.toLayer(handlers, {
      initialState,
      durability: "commit",
      version: 2,
      migrate: (encoded, from) => {
        expectTypeOf(encoded).toEqualTypeOf<unknown>()
        expectTypeOf(from).toEqualTypeOf<number>()
        return Effect.map(Clock, ({ now }) => ({ count: now }))
      }
    })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<never, never, Needs | ActorStorage | Clock>>()
  })
})

describe("alarms", () => {
  it("call the internal RPCs of their actor, with what these take", () => {
    const set = Effect.flatMap(Timer.Alarms, (alarms) =>
      Effect.all([
        alarms.set("a", at, "tick"),
        alarms.set("b", at, "ring", { times: 2 }),
        alarms.set("c", at, "ring", { times: 2, text: "tea" }),
        alarms.set("d", at, "say", "tea")
      ], { discard: true }))
    expectTypeOf(set).toEqualTypeOf<Effect.Effect<void, never, Actor.Id.Alarms<"Timer">>>()
  })

  it("do not call others, nor with anything else", () => {
    Timer.Alarms.use((alarms) => {
      // @ts-expect-error
      void alarms.set("a", at, "start")
      // @ts-expect-error
      void alarms.set("a", at, "unknown")
      // @ts-expect-error
      void alarms.set("a", at, "ring")
      // @ts-expect-error
      void alarms.set("a", at, "ring", { times: "2" })
      // @ts-expect-error
      void alarms.set("a", at, "tick", { times: 2 })
      // @ts-expect-error
      void alarms.set("a", 1_000, "tick")
      return Effect.void
    })
  })

  it("are seen without what they pass", () => {
    expectTypeOf(Timer.Alarms.use(({ all }) => all)).toEqualTypeOf<
      Effect.Effect<ReadonlyArray<Alarm>, never, Actor.Id.Alarms<"Timer">>
    >()
    expectTypeOf(Timer.Alarms.use(({ cancel }) => cancel("a"))).toEqualTypeOf<
      Effect.Effect<boolean, never, Actor.Id.Alarms<"Timer">>
    >()
  })

  it("are at the hands of handlers", () => {
    const layer = Timer.toLayer({
      ...handlers,
      start: () => Timer.Alarms.use((alarms) => alarms.set("a", at, "tick"))
    }, { initialState, durability: "commit" })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<never, never, Needs | ActorStorage>>()
  })
})
