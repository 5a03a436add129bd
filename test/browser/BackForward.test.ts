import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { build } from "esbuild"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorServer from "../../src/ActorServer.ts"
import { isInstalled } from "../setup/browser.ts"
import * as Rooms from "../support/Rooms.ts"
import { Chromium } from "./support/Chromium.ts"
import { act, testTimeout } from "./support/Visitor.ts"

/** A page that joins a room, writes down what becomes of it, and shows that as its title. */
const script = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Actor from "../../src/Actor.ts"
import * as BrowserClient from "../../src/BrowserClient.ts"
class Room extends Actor.make("Room", { params: { name: Schema.String, level: Schema.FiniteFromString } }) {}
window.seen = []
const note = (line) => {
  window.seen.push(line)
  document.title = line
}
window.addEventListener("pageshow", ({ persisted }) => note(persisted ? "restored" : "shown"))
Effect.runFork(Effect.scoped(Effect.gen(function*() {
  const room = yield* Room.connect("lobby", { params: { name: "ada", level: 3 } })
  yield* SubscriptionRef.changes(room.status).pipe(Stream.runForEach((status) =>
    Effect.sync(() => note(status._tag + (status.resumed ? " resumed" : "") + (status.cause ? " " + status.cause._tag : "")))
  ))
})).pipe(Effect.provide(BrowserClient.layer({ url: "/actors" }))))
`

const bundle = Effect.map(
  Effect.promise(() =>
    build({
      stdin: { contents: script, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "js" },
      bundle: true,
      platform: "browser",
      format: "esm",
      write: false
    })
  ),
  ({ outputFiles }) => outputFiles[0]!.text
)

class Address extends Context.Service<Address, { readonly origin: string }>()("effect-tether/test/browser/Address") {}

const page = (body: string) => HttpServerResponse.html(`<!doctype html><title>-</title>${body}`)

const Site = Layer.unwrap(Effect.map(bundle, (text) =>
  HttpRouter.serve(
    Layer.mergeAll(
      ActorServer.layerHttpRouter({ path: "/actors" }),
      HttpRouter.add("GET", "/", page(`<script type="module" src="/page.js"></script>`)),
      HttpRouter.add("GET", "/elsewhere", page("")),
      HttpRouter.add("GET", "/page.js", HttpServerResponse.text(text, { contentType: "text/javascript" }))
    ),
    { disableListenLog: true, disableLogger: true }
  )))

const app = Layer.effect(
  Address,
  Effect.map(HttpServer.HttpServer, ({ address }) => ({
    origin: `http://127.0.0.1:${"port" in address ? address.port : 0}`
  }))
).pipe(
  Layer.provide(Site),
  Layer.provideMerge(Rooms.layer),
  Layer.provideMerge(ActorHost.layerLocal()),
  Layer.provide(
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, disablePreemptiveShutdown: true })
  ),
  Layer.merge(Chromium.layer),
  Layer.provide(Logger.layer([])),
  Layer.orDie
)

describe.skipIf(!isInstalled)("a page that is left and comes back from the browser's cache", () => {
  layer(app, { excludeTestServices: true, timeout: testTimeout })((it) => {
    it.effect(
      "has let its socket go without leaving, and takes up its connection again",
      () =>
        Effect.gen(function*() {
          const { origin } = yield* Address
          const backstage = yield* Rooms.Backstage
          const browser = yield* Chromium
          const tab = yield* Effect.acquireRelease(
            act(() => browser.contexts()[0]!.newPage()),
            (tab) => Effect.promise(() => tab.close())
          )
          const seen = (line: string) =>
            act(() => tab.waitForFunction((line) => (window as { seen?: Array<string> }).seen?.includes(line), line))

          yield* act(() => tab.goto(origin))
          yield* seen("Connected")
          yield* act(() => tab.goto(`${origin}/elsewhere`))
          yield* backstage.awaitEntry("onSuspend ada")
          yield* act(() => tab.goBack({ waitUntil: "commit" }))
          yield* seen("Connected resumed")

          const lines = yield* act(() => tab.evaluate(() => (window as { seen?: Array<string> }).seen))
          assert.includeMembers(lines ?? [], ["restored", "Waiting Suspended"])
          assert.deepStrictEqual(yield* backstage.entriesOf("on"), [
            "onBeforeConnect ada",
            "onConnect ada",
            "onSuspend ada",
            "onBeforeConnect ada"
          ])
        }),
      testTimeout
    )
  })
})
