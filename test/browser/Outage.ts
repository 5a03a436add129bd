/**
 * What the page does without a network.
 *
 * @since 0.1.0
 */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import * as Chromium from "./support/Chromium.ts"
import * as Visitor from "./support/Visitor.ts"

const { act } = Visitor

const typed = ["Hello? Anybody?", "I seem to be alone", "I go on typing anyway"]

/**
 * Registers the tests of what happens without a network.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outage = (it: Vitest.MethodsNonLive<Visitor.Site | Chromium.Chromium>): void => {
  it.effect("keeps what is written, and sends it once and in order after the return", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("tunnel", "ada")
      const ben = yield* Visitor.visit("tunnel", "ben")
      yield* Visitor.say(ben, "Into the tunnel")
      yield* Visitor.reads(ada, "Into the tunnel")

      yield* Visitor.flip(ben, "Cut my network")
      yield* Visitor.sees(ada, "ben", "away, may be back")
      yield* Effect.forEach(typed, (text) => Visitor.say(ben, text))
      yield* Visitor.say(ben, "Never mind")
      yield* Visitor.stands(ben, "4 messages wait to be sent.")
      assert.deepStrictEqual(yield* act(() => ben.drafts.getByRole("paragraph").allInnerTexts()), [
        ...typed,
        "Never mind"
      ])
      yield* act(() => ben.page.getByText("Waits for the network").first().waitFor())
      yield* act(() => ben.drafts.filter({ hasText: "Never mind" }).getByRole("button", { name: "Take back" }).click())
      yield* Visitor.stands(ben, "3 messages wait to be sent.")
      yield* Visitor.say(ada, "Where is ben?")
      yield* Visitor.picture(ben, "away")

      yield* Visitor.flip(ben, "Cut my network")
      yield* Visitor.stands(ben, "You are back, and nothing was lost.")
      yield* Visitor.sees(ada, "ben", "here")
      yield* Visitor.reads(ada, typed[2]!)
      yield* Visitor.reads(ben, "Where is ben?")
      yield* act(() => ben.drafts.first().waitFor({ state: "detached" }))
      const said = ["Into the tunnel", "Where is ben?", ...typed]
      assert.deepStrictEqual(yield* act(() => ada.log.allInnerTexts()), said)
      assert.deepStrictEqual(yield* act(() => ben.log.allInnerTexts()), said)
      yield* Visitor.picture(ada, "light")
    }), Visitor.testTimeout)

  it.effect(
    "notices a network that is frozen by its silence, and goes on where it was",
    () =>
      Effect.gen(function*() {
        const ada = yield* Visitor.visit("winter", "ada")
        const ben = yield* Visitor.visit("winter", "ben", { colorScheme: "dark" })
        yield* Visitor.flip(ben, "Freeze it")
        yield* act(() => ben.page.getByText(/^Frozen/).waitFor())
        yield* Visitor.say(ben, "Cold here")
        yield* Visitor.stands(ben, /^(Away|Coming back)/)
        yield* Visitor.sees(ada, "ben", "away, may be back")
        yield* Visitor.say(ada, "Are you there?")
        yield* Visitor.picture(ben, "frozen")
        yield* Visitor.flip(ben, "Freeze it")
        yield* Visitor.stands(ben, "You are back, and nothing was lost.")
        yield* Visitor.reads(ada, "Cold here")
        yield* Visitor.reads(ben, "Are you there?")
        assert.strictEqual(
          (yield* act(() => ada.log.allInnerTexts())).filter((text) => text === "Cold here").length,
          1
        )
        assert.strictEqual((yield* act(() => ben.log.allInnerTexts())).length, 2)
      }),
    Visitor.testTimeout
  )

  it.effect("comes back by itself when the whole browser was offline", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("island", "ada")
      const boat = yield* Visitor.device()
      const ben = yield* Visitor.open(boat, "island", "ben")
      yield* Visitor.enter(ben)
      yield* Visitor.stands(ben, "Connected.")
      yield* act(() => boat.setOffline(true))
      yield* Visitor.stands(ben, /^(Away|Coming back)/)
      yield* Visitor.say(ben, "Written at sea")
      yield* Visitor.stands(ben, "1 message waits to be sent.")
      yield* Visitor.say(ada, "Said on land")
      yield* act(() => boat.setOffline(false))
      yield* Visitor.stands(ben, "You are back, and nothing was lost.")
      yield* Visitor.reads(ada, "Written at sea")
      yield* Visitor.reads(ben, "Said on land")
    }), Visitor.testTimeout)

  it.effect("keeps what waits over a reload, and says it once", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("station", "ada")
      const ben = yield* Visitor.visit("station", "ben")
      yield* Visitor.say(ben, "Before")
      yield* Visitor.reads(ada, "Before")
      yield* Visitor.flip(ben, "Cut my network")
      yield* Visitor.say(ben, "Written before the reload")
      yield* Visitor.stands(ben, "1 message waits to be sent.")
      yield* act(() => ben.page.reload())
      yield* Visitor.stands(ben, "Connected.")
      yield* Visitor.reads(ben, "Written before the reload")
      yield* Visitor.reads(ada, "Written before the reload")
      yield* act(() => ben.drafts.first().waitFor({ state: "detached" }))
      yield* act(() => ben.page.reload())
      yield* Visitor.stands(ben, "Connected.")
      yield* Visitor.reads(ben, "Before")
      const said = ["Before", "Written before the reload"]
      assert.deepStrictEqual(yield* act(() => ben.log.allInnerTexts()), said)
      assert.deepStrictEqual(yield* act(() => ada.log.allInnerTexts()), said)
    }), Visitor.testTimeout)

  it.effect("catches up after it was frozen as a tab in the background", () =>
    Effect.gen(function*() {
      const browser = yield* Chromium.Chromium
      const ada = yield* Visitor.visit("nap", "ada")
      const [context] = browser.contexts()
      if (context === undefined) return assert.fail("the browser has no default context")
      const ben = yield* Visitor.open(context, "nap", "ben")
      yield* Visitor.enter(ben)
      yield* Visitor.stands(ben, "Connected.")
      const session = yield* act(() => context.newCDPSession(ben.page))
      const other = yield* Effect.acquireRelease(
        act(() => context.newPage()),
        (page) => act(() => page.close())
      )
      yield* act(() => other.bringToFront())
      assert.strictEqual(yield* act(() => ben.page.evaluate(() => document.visibilityState)), "hidden")
      yield* act(() => session.send("Page.setWebLifecycleState", { state: "frozen" }))
      yield* Visitor.sees(ada, "ben", "away, may be back")
      yield* Visitor.say(ada, "You are missed")

      yield* act(() => session.send("Page.setWebLifecycleState", { state: "active" }))
      yield* act(() => ben.page.bringToFront())
      yield* Visitor.stands(ben, "You are back, and nothing was lost.")
      yield* Visitor.reads(ben, "You are missed")
      yield* Visitor.sees(ada, "ben", "here")
    }), Visitor.testTimeout)
}
