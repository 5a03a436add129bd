import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { AsyncResult, Atom } from "effect/reactivity"
import { StrictMode } from "react"
import { renderToString } from "react-dom/server"
import type { ActorClient } from "../../src/ActorClient.ts"
import * as Hooks from "../../src/react.ts"
import * as ActorAtom from "../../src/reactivity/ActorAtom.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import * as RoomAtoms from "../support/RoomAtoms.ts"
import { Room } from "../support/Rooms.ts"

/** A page with every kind of atom, derived ones among them, and how often its client was made. */
const makePage = Effect.gen(function*() {
  const made = { times: 0 }
  const layer = Layer.effectContext(Effect.map(Effect.context<ActorClient>(), (context) => {
    made.times++
    return context
  })).pipe(Layer.provide(yield* RoomAtoms.layerOfTest))
  const lobby = ActorAtom.make(Room, "lobby", { layer, connect: { params: { name: "ada", level: 3 } } })
  const lines = lobby.fold({ initial: ["hello"], on: { said: (lines, { text }) => [...lines, text] } })
  const words = Atom.map(lobby.status, ({ _tag }) => `status: ${_tag}`)
  const Page = () => {
    const say = Hooks.useAtomSet(lobby.call("say"))
    return (
      <main>
        <p>{Hooks.useAtomValue(words)}</p>
        <p>{Hooks.useAtomValue(lobby.status)._tag}</p>
        <p>{AsyncResult.getOrThrow(Hooks.useAtomValue(lines)).join()}</p>
        <p>{Hooks.useAtomValue(lobby.query("history"))._tag}</p>
        <button onClick={() => say({ text: "hi", toOthers: false })}>{Hooks.useAtomValue(lobby.queued)}</button>
      </main>
    )
  }
  return { Page, made }
})

const html = "<main><p>status: Connecting</p><p>Connecting</p><p>hello</p><p>Initial</p><button>0</button></main>"

describe("on a server", () => {
  it.effect("a page is rendered as before the first dial, and nothing dials", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const { Page, made } = yield* makePage
      const rendered = renderToString(
        <StrictMode>
          <Hooks.RegistryProvider>
            <Page />
          </Hooks.RegistryProvider>
        </StrictMode>
      )
      assert.strictEqual(rendered, html)
      assert.strictEqual(renderToString(<Page />), html)
      yield* ChatApp.pass("1 minute")
      yield* ChatApp.settle
      assert.strictEqual(yield* network.dials, 0)
      assert.strictEqual(made.times, 0)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("each provider has values of its own", () =>
    Effect.sync(() => {
      const user = Atom.make("nobody")
      const Name = () => <b>{Hooks.useAtomValue(user)}</b>
      const pages = ["ada", "bob"].map((name) =>
        renderToString(
          <Hooks.RegistryProvider initialValues={[[user, name]]}>
            <Name />
          </Hooks.RegistryProvider>
        )
      )
      assert.deepStrictEqual(pages, ["<b>ada</b>", "<b>bob</b>"])
    }))

  it.effect("a registry of the app's own may connect, and shows what it has", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* RoomAtoms.make()
      const registry = yield* RoomAtoms.registry()
      const words = Atom.map(lobby.status, ({ _tag }) => `status: ${_tag}`)
      registry.mount(words)
      yield* ChatApp.settle
      const Words = () => <b>{Hooks.useAtomValue(words)}</b>
      assert.strictEqual(
        renderToString(
          <Hooks.RegistryProvider registry={registry}>
            <Words />
          </Hooks.RegistryProvider>
        ),
        "<b>status: Connected</b>"
      )
      assert.strictEqual(yield* network.dials, 1)
      assert.isTrue(registry.get(ActorAtom.dialling))
    }).pipe(Effect.provide(RoomAtoms.layer)))
})
