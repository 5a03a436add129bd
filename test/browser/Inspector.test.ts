import { NodeHttpServer, NodeWS } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Redacted, Schedule } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import * as Inspector from "../../src/Inspector.ts"
import { isInstalled } from "../setup/browser.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy } from "../support/World.ts"
import { Chromium } from "./support/Chromium.ts"
import * as Legibility from "./support/Legibility.ts"
import { act, device, picture, testTimeout } from "./support/Visitor.ts"

const token = "the token of the inspector"

/** Where the app is served. */
class Address extends Context.Service<Address, { readonly origin: string }>()("effect-tether/test/browser/Address") {}

const app = Layer.effect(
  Address,
  Effect.map(HttpServer.HttpServer, ({ address }) => ({ origin: `127.0.0.1:${"port" in address ? address.port : 0}` }))
).pipe(
  Layer.provide(HttpRouter.serve(
    Layer.merge(
      ActorServer.layerHttpRouter({ path: "/actors" }),
      Inspector.layer({ token: Redacted.make(token) })
    ),
    { disableListenLog: true, disableLogger: true }
  )),
  Layer.provideMerge(Rooms.layer),
  Layer.provideMerge(ActorHost.layerLocal()),
  Layer.provide(
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true })
  ),
  Layer.merge(NodeWS.layerWebSocketConstructor),
  Layer.merge(Chromium.layer),
  Layer.provide(Logger.layer([])),
  Layer.orDie
)

/** Somebody in a room, over a WebSocket. */
const join = Effect.fnUntraced(function*(name: string, room: string) {
  const { origin } = yield* Address
  const client = yield* Layer.build(ActorClient.layerWebSocket({ url: `ws://${origin}/actors` }))
  return yield* Rooms.join(name, { key: room, subscribe: ["said"], reconnect: Schedule.spaced("1 second") }).pipe(
    Effect.provideContext(client)
  )
})

/** The page, with a list of all that it has asked of anybody and of what went wrong in it. */
const open = Effect.fnUntraced(function*(options?: Parameters<typeof device>[0]) {
  const { origin } = yield* Address
  const page = yield* Effect.flatMap(device(options), (context) => act(() => context.newPage()))
  const asked: Array<string> = []
  const faults: Array<string> = []
  page.on("request", (request) => asked.push(request.url()))
  page.on("pageerror", (error) => faults.push(error.message))
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()))
  yield* act(() => page.goto(`http://${origin}/inspector`))
  return { page, asked, faults, origin }
})

const rowOf = (page: Effect.Success<ReturnType<typeof open>>["page"], room: string) =>
  page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: `Room / ${room}` }) })

describe.skipIf(!isInstalled)("the inspector's page", () => {
  layer(app, { excludeTestServices: true, timeout: testTimeout })((it) => {
    it.effect(
      "lets one in by token, finds a connection and ends it with a reason, by the keyboard alone",
      () =>
        Effect.gen(function*() {
          const ada = yield* join("ada", "kitchen")
          yield* join("ben", "cellar")
          const { asked, faults, origin, page } = yield* open()
          const type = (text: string) => act(() => page.keyboard.type(text))
          const press = (key: string) => act(() => page.keyboard.press(key))

          assert.strictEqual(yield* Legibility.focused(page), "Token")
          yield* type("a token that is wrong")
          yield* press("Enter")
          yield* act(() => page.getByText("The token is wrong.").waitFor())
          yield* act(() => page.getByLabel("Token").fill(token))
          yield* press("Enter")
          yield* act(() => rowOf(page, "kitchen").waitFor())
          yield* act(() => rowOf(page, "cellar").waitFor())

          yield* Legibility.tabTo(page, "Find")
          yield* type("KITCHEN")
          yield* act(() => rowOf(page, "cellar").waitFor({ state: "detached" }))
          const end = page.getByRole("button", { name: /^End connection .* of Room \/ kitchen$/ })
          yield* act(() => end.focus())
          // The rows are shown anew every second; the focus stays.
          yield* act(() => page.waitForFunction(() => document.querySelectorAll(".line[d*=L]").length === 4))
          yield* press("Enter")
          assert.strictEqual(yield* Legibility.focused(page), "Reason, which its client is told")
          yield* type("too loud")
          yield* press("Enter")
          yield* act(() => page.getByText("The connection was ended.").waitFor())
          yield* act(() => rowOf(page, "kitchen").waitFor({ state: "detached" }))
          const { reason } = yield* awaitStatusBy((effect) => effect)(ada, "Disconnected")
          assert.deepInclude(reason, { _tag: "Kicked", reason: "too loud" })

          yield* act(() => page.getByRole("button", { name: "Sign out" }).click())
          assert.strictEqual(yield* Legibility.focused(page), "Token")
          assert.deepStrictEqual(faults, [])
          for (const url of asked) {
            assert.isTrue(url.startsWith(`http://${origin}/inspector`) || url.startsWith("data:"), url)
            assert.notInclude(url, "token")
          }
        }).pipe(Effect.scoped),
      testTimeout
    )

    for (const colorScheme of ["light", "dark"] as const) {
      it.effect(
        `can be read, has names for all that can be used, and fits a phone (${colorScheme})`,
        () =>
          Effect.gen(function*() {
            const ada = yield* join("ada", `gallery in ${colorScheme}`)
            yield* Effect.exit(ada.rpc.fail({ code: 1 }))
            const { page } = yield* open({ colorScheme, viewport: { width: 390, height: 800 } })
            const isWell = Effect.gen(function*() {
              assert.deepStrictEqual(yield* Legibility.faintTexts(page), [])
              assert.deepStrictEqual(yield* Legibility.nameless(page), [])
              assert.isFalse(yield* Legibility.isTooWide(page))
            })
            yield* isWell
            yield* act(() => page.getByLabel("Token").fill(token))
            yield* act(() => page.keyboard.press("Enter"))
            yield* act(() => rowOf(page, `gallery in ${colorScheme}`).getByText("fail: Refusal").waitFor())
            yield* isWell
            yield* act(() => page.getByRole("button", { name: /^End connection .* in (light|dark)$/ }).first().click())
            yield* isWell
            yield* picture({ page }, `inspector ${colorScheme}`)
          }).pipe(Effect.scoped),
        testTimeout
      )
    }
  })
})
