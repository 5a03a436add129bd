/**
 * People who use the chat page in a real browser, and the site that they visit.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import { NetAddress } from "effect/net"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core"
import * as ChatServer from "../../../scratchpad/chat/ChatServer.ts"
import * as Ending from "../../../scratchpad/chat/Ending.ts"
import * as ActorStorage from "../../../src/ActorStorage.ts"
import { Chromium } from "./Chromium.ts"

/** How long a page may take to show what is expected of it. */
const patience = 20_000

/**
 * How long one test may take, in milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const testTimeout = 45_000

const pictures = fileURLToPath(new URL("../.screenshots/", import.meta.url))

/**
 * Where the chat is served.
 *
 * @category services
 * @since 0.1.0
 */
export class Site extends Context.Service<Site, { readonly url: string }>()("effect-tether/test/browser/Site") {}

/**
 * A chat server on a free port and a browser.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Layer.effect(
  Site,
  Effect.map(HttpServer.HttpServer, ({ address }) => ({
    url: ChatServer.pageOf(NetAddress.isUnixPathAddress(address) ? 0 : address.port)
  }))
).pipe(
  Layer.provide(ChatServer.layer({
    port: 0,
    page: true,
    actors: { heartbeatInterval: "800 millis", heartbeatTimeout: "800 millis" }
  })),
  Layer.provide(ActorStorage.layerMemory),
  Layer.provide(Ending.quiet),
  Layer.merge(Chromium.layer)
)

/**
 * Somebody with a tab of the page.
 *
 * @category models
 * @since 0.1.0
 */
export interface Visitor {
  readonly page: Page
  readonly name: string
  /** What was said, in the order in which it stands there. */
  readonly log: Locator
  /** What waits to be sent. */
  readonly drafts: Locator
}

/**
 * Runs something in a browser; that it fails is a defect of the test or of the page.
 *
 * @category constructors
 * @since 0.1.0
 */
export const act = <A>(f: () => Promise<A>): Effect.Effect<A> => Effect.promise(f)

/**
 * A browser profile of its own, as somebody has on a device of their own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const device = Effect.fnUntraced(function*(options?: BrowserContextOptions) {
  const browser = yield* Chromium
  return yield* Effect.acquireRelease(
    act(() => browser.newContext({ viewport: { width: 1200, height: 760 }, ...options })),
    (context) => act(() => context.close())
  )
})

/**
 * Opens the page of a room in a tab. A page that throws or violates its policy fails the test; of one that was open in a
 * test which failed there is a picture.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  context: BrowserContext,
  room: string,
  name: string
): Effect.fn.Return<Visitor, never, Site | Scope.Scope> {
  const { url } = yield* Site
  const faults: Array<string> = []
  const page = yield* Effect.acquireRelease(
    act(() => context.newPage()),
    (page, exit) =>
      Effect.gen(function*() {
        if (Exit.isFailure(exit) && !page.isClosed()) yield* picture({ page }, `failed ${room} ${name}`)
        yield* act(() => page.close())
        if (faults.length > 0) yield* Effect.die(new Error(`the page of ${name} is at fault: ${faults.join("; ")}`))
      })
  )
  context.setDefaultTimeout(patience)
  page.on("pageerror", (error) => faults.push(error.message))
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) faults.push(message.text())
  })
  yield* act(() => page.goto(`${url}#${encodeURIComponent(room)}`))
  return {
    page,
    name,
    log: page.getByRole("log").getByRole("paragraph"),
    drafts: page.getByRole("list", { name: "Not sent yet" }).getByRole("listitem")
  }
})

/**
 * Says who one is at the door.
 *
 * @category combinators
 * @since 0.1.0
 */
export const enter = Effect.fnUntraced(function*({ name, page }: Visitor, password = "sesame") {
  yield* act(() => page.getByLabel("Your name").fill(name))
  yield* act(() => page.getByLabel("Password").fill(password))
  yield* act(() => page.getByRole("button", { name: /^Enter/ }).click())
})

/**
 * Comes into a room from a device of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const visit = Effect.fnUntraced(function*(room: string, name: string, options?: BrowserContextOptions) {
  const visitor = yield* open(yield* device(options), room, name)
  yield* enter(visitor)
  yield* stands(visitor, "Connected.")
  return visitor
})

/**
 * Waits until the status says so.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stands = ({ page }: Visitor, text: string | RegExp): Effect.Effect<void> =>
  act(() => page.getByRole("status").filter({ hasText: text }).waitFor())

/**
 * Waits until the text stands in the conversation.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reads = ({ page }: Visitor, text: string): Effect.Effect<void> =>
  act(() => page.getByRole("log").getByText(text, { exact: true }).waitFor())

/**
 * Waits until the list of people shows somebody like this.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sees = ({ page }: Visitor, name: string, standing: string): Effect.Effect<void> =>
  act(() => personIn(page, name).filter({ hasText: standing }).waitFor())

/**
 * The entry of somebody in the list of people.
 *
 * @category getters
 * @since 0.1.0
 */
export const personIn = (page: Page, name: string): Locator =>
  page.getByRole("complementary", { name: "People" }).getByRole("listitem").filter({
    has: page.getByText(name, { exact: true })
  })

/**
 * Writes a message and sends it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const say = Effect.fnUntraced(function*({ page }: Visitor, text: string) {
  const field = page.getByRole("textbox", { name: /^Message to/ })
  yield* act(() => field.fill(text))
  yield* act(() => field.press("Enter"))
})

/**
 * Turns a switch of the page's network.
 *
 * @category combinators
 * @since 0.1.0
 */
export const flip = ({ page }: Visitor, name: "Cut my network" | "Freeze it"): Effect.Effect<void> =>
  act(() => page.getByRole("switch", { name }).click())

/**
 * Takes a picture of the page, for people to look at.
 *
 * @category combinators
 * @since 0.1.0
 */
export const picture = ({ page }: Pick<Visitor, "page">, name: string): Effect.Effect<void> =>
  Effect.asVoid(act(() => page.screenshot({ path: `${pictures}${name}.png` })))
