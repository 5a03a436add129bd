/**
 * Where the story is told: the ways to the server, the screen, and what was said so far.
 */
import { Context, Effect, Layer, Ref, type Scope } from "effect"
import { HttpServer } from "effect/http"
import { NetAddress } from "effect/net"
import type { Socket } from "effect/socket"
import type { ActorClient } from "../../src/Actor.ts"
import * as Client from "../../src/ActorClient.ts"
import * as ChatServer from "./ChatServer.ts"
import * as FlakyNetwork from "./FlakyNetwork.ts"
import { Format } from "./Format.ts"
import { Screen } from "./Screen.ts"
import * as Told from "./Told.ts"
import * as Witness from "./Witness.ts"

export class Stage extends Context.Service<Stage, {
  readonly format: Format
  /** The way straight to the server. */
  readonly direct: Context.Context<ActorClient>
  /** The way through the network that can be unplugged. */
  readonly flaky: Context.Context<ActorClient>
  readonly network: FlakyNetwork.FlakyNetwork
  readonly said: Ref.Ref<ReadonlyArray<Told.Said>>
}>()("effect-tether/scratchpad/chat/Stage") {}

/** The port that the server listens on. */
export const port = Effect.map(
  HttpServer.HttpServer,
  ({ address }) => NetAddress.isUnixPathAddress(address) ? 0 : address.port
)

export const layer: Layer.Layer<Stage, never, HttpServer.HttpServer | Socket.WebSocketConstructor> = Layer.effect(
  Stage,
  Effect.gen(function*() {
    const network = yield* FlakyNetwork.make(yield* port)
    return Stage.of({
      format: yield* Format,
      direct: yield* clientTo(yield* port),
      flaky: yield* clientTo(network.port),
      network,
      said: yield* Ref.make<ReadonlyArray<Told.Said>>([])
    })
  })
)

const clientTo = (
  port: number
): Effect.Effect<Context.Context<ActorClient>, never, Scope.Scope | Socket.WebSocketConstructor> =>
  Layer.build(Client.layerWebSocket({ url: ChatServer.urlOf(port) }))

/** Begins a chapter. */
export const chapter = Effect.fnUntraced(function*(title: string) {
  const { format } = yield* Stage
  const screen = yield* Screen
  yield* screen.pause
  yield* screen.print(`\n${format.bold(title)}`)
})

/** Tells the sentence once its observation was made; the story fails if it is otherwise. */
export const tell = Effect.fnUntraced(
  function*<A, E extends { readonly message: string }, R>(sentence: string, observed: Effect.Effect<A, E, R>) {
    const { format } = yield* Stage
    const screen = yield* Screen
    const seen = yield* Effect.mapError(
      observed,
      (error) => new Told.ToldOtherwise({ told: sentence, seen: error.message })
    )
    yield* screen.print(`  ${format.good("✓")} ${sentence}`)
    yield* screen.pause
    return seen
  }
)

/** Somebody says something, and the listeners all hear it. */
export const say = Effect.fnUntraced(
  function*(speaker: Witness.Witness, text: string, listeners: ReadonlyArray<Witness.Witness>) {
    const { format, said } = yield* Stage
    const screen = yield* Screen
    const heard = Effect.andThen(
      speaker.room.rpc.post({ text }),
      Effect.forEach(
        listeners,
        (listener) =>
          Witness.hears(listener, "Posted", ({ message }) => message.from === speaker.name && message.text === text)
      )
    )
    const names = listeners.map((listener) => listener.name).join(", ")
    yield* Effect.mapError(
      heard,
      (error) => new Told.ToldOtherwise({ told: `${names} hear ${speaker.name} say "${text}"`, seen: error.message })
    )
    yield* Ref.update(said, (all) => [...all, { from: speaker.name, text }])
    yield* screen.print(`    ${format.said(speaker.name, text)} ${format.dim(`(heard by ${names})`)}`)
    yield* screen.pause
  }
)
