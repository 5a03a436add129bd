// @vitest-environment happy-dom
import { assert, describe, it } from "@effect/vitest"
import { configure, fireEvent, render, screen } from "@testing-library/react"
import { Effect, Option } from "effect"
import { AsyncResult, Atom, type AtomRegistry } from "effect/reactivity"
import { type ReactNode, StrictMode } from "react"
import { hydrateRoot } from "react-dom/client"
import * as Hooks from "../../src/react.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as ChatApp from "../support/ChatApp.ts"
import * as RoomAtoms from "../support/RoomAtoms.ts"
import { Backstage, Room } from "../support/Rooms.ts"

configure({ asyncUtilTimeout: 10_000 })

const { pass, settle } = ChatApp

/** Shows a page until the end of the test. */
const show = (page: ReactNode) =>
  Effect.acquireRelease(Effect.sync(() => render(page)), ({ unmount }) => Effect.sync(unmount))

/** Waits until a text is on the page. */
const see = (text: string) => Effect.promise(() => screen.findByText(text))

/** What the page of a lobby is made from. */
const makeLobby = Effect.fnUntraced(function*(options?: RoomAtoms.Options) {
  const atoms = yield* RoomAtoms.make(options)
  const lines = atoms.fold({
    initial: [] as ReadonlyArray<string>,
    on: { said: (lines, { text }) => [...lines, text] }
  })
  return { ...atoms, lines }
})

type Lobby = Effect.Success<ReturnType<typeof makeLobby>>

const Status = ({ lobby }: { readonly lobby: Lobby }) => <p>{Hooks.useAtomValue(lobby.status)._tag}</p>

const Lines = ({ lobby }: { readonly lobby: Lobby }) => (
  <p>{AsyncResult.getOrThrow(Hooks.useAtomValue(lobby.lines)).join(", ") || "nothing yet"}</p>
)

const Caller = ({ lobby, tag }: { readonly lobby: Lobby; readonly tag: "fail" | "echo" }) => {
  const echo = Hooks.useAtomSet(lobby.call("echo"))
  const [failed, fail] = Hooks.useAtom(lobby.call("fail"))
  const echoed = Hooks.useAtomValue(lobby.call("echo"))
  const error = Option.getOrUndefined(AsyncResult.error(failed))
  return (
    <>
      <button onClick={() => tag === "echo" ? echo({ text: "hello" }) : fail({ code: 7 })}>call</button>
      <p>{error?._tag === "Refusal" ? `refused with ${error.code}` : "no error"}</p>
      <p>{AsyncResult.isSuccess(echoed) ? `echo of ${echoed.value}` : "no echo"}</p>
    </>
  )
}

describe("in React", () => {
  it.effect("a component that is mounted twice by StrictMode opens one connection, and shows how it stands", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const backstage = yield* Backstage
      const lobby = yield* makeLobby()
      yield* show(
        <StrictMode>
          <Hooks.RegistryProvider>
            <Status lobby={lobby} />
            <Lines lobby={lobby} />
          </Hooks.RegistryProvider>
        </StrictMode>
      )
      yield* see("Connected")
      assert.strictEqual(yield* network.dials, 1)
      assert.deepStrictEqual(yield* backstage.entriesOf("on"), ["onBeforeConnect ada", "onConnect ada"])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("events are added up on the page, across a drop that is shown too", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const room = yield* Room.client("lobby")
      const lobby = yield* makeLobby()
      yield* show(
        <Hooks.RegistryProvider>
          <Status lobby={lobby} />
          <Lines lobby={lobby} />
        </Hooks.RegistryProvider>
      )
      yield* see("nothing yet")
      yield* see("Connected")
      yield* room.ring({ text: "one" })
      yield* see("one")
      yield* network.refuse
      yield* network.cut
      yield* see("Waiting")
      yield* room.ring({ text: "two" })
      yield* network.heal
      yield* pass("1 second")
      yield* see("one, two")
      yield* see("Connected")
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("a call that fails shows how", () =>
    Effect.gen(function*() {
      const lobby = yield* makeLobby()
      yield* show(
        <Hooks.RegistryProvider>
          <Caller lobby={lobby} tag="fail" />
        </Hooks.RegistryProvider>
      )
      yield* see("no error")
      fireEvent.click(screen.getByRole("button"))
      yield* see("refused with 7")
      yield* see("no echo")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("a call that is made while away is answered after the return", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      yield* network.refuse
      const lobby = yield* makeLobby()
      yield* show(
        <StrictMode>
          <Hooks.RegistryProvider>
            <Status lobby={lobby} />
            <Caller lobby={lobby} tag="echo" />
          </Hooks.RegistryProvider>
        </StrictMode>
      )
      yield* see("Waiting")
      fireEvent.click(screen.getByRole("button"))
      yield* settle
      yield* network.heal
      yield* pass("1 second")
      yield* see("echo of hello")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("the connection is closed when no component has used it for the idle time to live", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* makeLobby()
      const { unmount } = yield* show(
        <Hooks.RegistryProvider defaultIdleTTL={20}>
          <Status lobby={lobby} />
        </Hooks.RegistryProvider>
      )
      yield* see("Connected")
      unmount()
      yield* backstage.awaitEntry("onDisconnect ada ClientLeft")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("the connection stays for a component that is back before that", () =>
    Effect.gen(function*() {
      const backstage = yield* Backstage
      const lobby = yield* makeLobby()
      const registries = new Set<AtomRegistry.AtomRegistry>()
      yield* Effect.addFinalizer(() => Effect.sync(() => registries.forEach((registry) => registry.dispose())))
      const Shown = () => {
        registries.add(Hooks.useRegistry())
        return <Status lobby={lobby} />
      }
      const page = (isShown: boolean) => (
        <Hooks.RegistryProvider defaultIdleTTL={600_000}>{isShown ? <Shown /> : null}</Hooks.RegistryProvider>
      )
      const { rerender } = yield* show(page(true))
      yield* see("Connected")
      rerender(page(false))
      yield* settle
      yield* settle
      rerender(page(true))
      yield* see("Connected")
      yield* settle
      assert.strictEqual(registries.size, 1)
      assert.deepStrictEqual(yield* backstage.entriesOf("on"), ["onBeforeConnect ada", "onConnect ada"])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("a component that only writes keeps its client, and can make a new one", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* makeLobby()
      const Leave = () => {
        const leave = Hooks.useAtomSet(lobby.disconnect)
        const again = Hooks.useAtomRefresh(lobby.client)
        Hooks.useAtomMount(lobby.gap)
        return (
          <>
            <button onClick={() => leave("bored")}>leave</button>
            <button onClick={again}>again</button>
          </>
        )
      }
      yield* show(
        <Hooks.RegistryProvider>
          <Leave />
          <Status lobby={lobby} />
        </Hooks.RegistryProvider>
      )
      yield* see("Connected")
      fireEvent.click(screen.getByText("leave"))
      yield* see("Disconnected")
      fireEvent.click(screen.getByText("again"))
      yield* see("Connected")
      assert.strictEqual(yield* network.dials, 2)
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("two providers have a client each, and trees without one share theirs", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const lobby = yield* makeLobby()
      const registry = yield* RoomAtoms.registry()
      yield* show(
        <Hooks.RegistryProvider>
          <Status lobby={lobby} />
        </Hooks.RegistryProvider>
      )
      yield* show(
        <Hooks.RegistryProvider registry={registry}>
          <Status lobby={lobby} />
        </Hooks.RegistryProvider>
      )
      yield* settle
      assert.strictEqual(yield* network.dials, 2)
      yield* show(<Status lobby={lobby} />)
      yield* show(<Status lobby={lobby} />)
      yield* Effect.promise(() => screen.findAllByText("Connected").then((found) => assert.isAtLeast(found.length, 1)))
      yield* settle
      assert.strictEqual(yield* network.dials, 3)
      assert.strictEqual(registry.get(lobby.status)._tag, "Connected")
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("a page of the server is taken over without a difference, and then connects", () =>
    Effect.gen(function*() {
      const lobby = yield* makeLobby()
      const registry = yield* RoomAtoms.registry()
      // The client is connected before the page is taken over: the server's values have to be shown all the same.
      registry.mount(lobby.status)
      yield* settle
      assert.strictEqual(registry.get(lobby.status)._tag, "Connected")
      const container = document.body.appendChild(document.createElement("div"))
      container.innerHTML = "<p>Connecting</p><p>nothing yet</p>"
      const errors: Array<unknown> = []
      const root = hydrateRoot(
        container,
        <Hooks.RegistryProvider registry={registry}>
          <Status lobby={lobby} />
          <Lines lobby={lobby} />
        </Hooks.RegistryProvider>,
        { onRecoverableError: (error) => errors.push(error) }
      )
      yield* see("Connected")
      root.unmount()
      assert.deepStrictEqual(errors, [])
    }).pipe(Effect.provide(RoomAtoms.layer)))

  it.effect("plain atoms work as well", () =>
    Effect.gen(function*() {
      const counter = Atom.make(0)
      const Counter = () => {
        const [count, set] = Hooks.useAtom(counter)
        return <button onClick={() => set(count + 1)}>{`count ${count}`}</button>
      }
      yield* show(
        <Hooks.RegistryProvider initialValues={[[counter, 5]]}>
          <Counter />
        </Hooks.RegistryProvider>
      )
      fireEvent.click(screen.getByText("count 5"))
      yield* see("count 6")
    }))
})
