/**
 * What people do with each other on the page.
 *
 * @since 0.1.0
 */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import type * as Chromium from "./support/Chromium.ts"
import * as Visitor from "./support/Visitor.ts"

const { act } = Visitor

/**
 * Registers the tests of what people do with each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rooms = (it: Vitest.MethodsNonLive<Visitor.Site | Chromium.Chromium>): void => {
  it.effect("lets people talk who see each other come and go", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("talk", "ada")
      const ben = yield* Visitor.visit("talk", "ben")
      yield* Visitor.sees(ada, "ben", "here")
      yield* Visitor.say(ada, "Good morning")
      yield* Visitor.reads(ben, "Good morning")
      yield* Visitor.say(ben, "Morning!")
      yield* Visitor.reads(ada, "Morning!")
      yield* act(() => ada.page.getByRole("log").getByRole("img", { name: "Sent" }).waitFor())
      assert.deepStrictEqual(yield* act(() => ben.log.allInnerTexts()), ["Good morning", "Morning!"])

      yield* act(() => ben.page.getByRole("button", { name: "Leave" }).click())
      yield* Visitor.sees(ada, "ben", "gone")
      yield* Visitor.reads(ada, "ben has left")
    }), Visitor.testTimeout)

  it.effect("shows a direct message to its reader alone", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("secrets", "ada")
      const ben = yield* Visitor.visit("secrets", "ben")
      const cleo = yield* Visitor.visit("secrets", "cleo")
      yield* act(() => ada.page.getByRole("button", { name: "Write to ben alone" }).click())
      yield* Visitor.say(ada, "The cake is for cleo")
      yield* act(() => ben.page.getByText("to you alone").waitFor())
      yield* act(() => ada.page.getByRole("log").getByText("to ben alone").waitFor())
      assert.deepStrictEqual(yield* act(() => ben.log.allInnerTexts()), ["The cake is for cleo"])
      yield* act(() => ada.page.getByRole("button", { name: "Write to all instead" }).click())
      yield* Visitor.say(ada, "Hello")
      yield* Visitor.reads(cleo, "Hello")
      assert.deepStrictEqual(yield* act(() => cleo.log.allInnerTexts()), ["Hello"])
    }), Visitor.testTimeout)

  it.effect("refuses a wrong password, and says why at the door", () =>
    Effect.gen(function*() {
      const eve = yield* Visitor.open(yield* Visitor.device(), "closed", "eve")
      yield* Visitor.enter(eve, "guess")
      yield* act(() => eve.page.getByRole("alert").getByText("The password of the token is wrong.").waitFor())
      yield* Visitor.enter(eve)
      yield* Visitor.stands(eve, "Connected.")
    }), Visitor.testTimeout)

  it.effect("tells somebody who is removed the reason, and lets them come back", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("market", "ada")
      const dan = yield* Visitor.visit("market", "dan")
      const ben = yield* Visitor.visit("market", "ben")
      yield* Visitor.say(dan, "Cheap watches!")
      yield* Visitor.reads(ada, "Cheap watches!")
      assert.strictEqual(yield* act(() => ben.page.getByRole("button", { name: /^Remove/ }).count()), 0)

      yield* act(() => ada.page.getByRole("button", { name: "Remove dan" }).click())
      const dialog = ada.page.getByRole("dialog", { name: "Remove dan" })
      yield* act(() => dialog.getByLabel(/^The reason/).fill("Too many watches"))
      yield* act(() => dialog.getByRole("button", { name: "Remove dan" }).click())
      yield* act(() => dialog.waitFor({ state: "hidden" }))

      const alert = dan.page.getByRole("alert")
      yield* act(() => alert.getByText("You were removed from market").waitFor())
      yield* act(() => alert.getByText("Too many watches.").waitFor())
      assert.strictEqual(yield* act(() => dan.page.getByRole("button", { name: /^Write to/ }).count()), 0)
      yield* Visitor.picture(dan, "kicked")
      yield* Visitor.sees(ben, "dan", "gone")
      yield* Visitor.reads(ben, "dan was kicked: Too many watches")

      yield* act(() => dan.page.getByRole("button", { name: "Come back in" }).click())
      yield* Visitor.stands(dan, "Connected.")
      yield* Visitor.sees(ben, "dan", "here")
      yield* Visitor.reads(dan, "Cheap watches!")
    }), Visitor.testTimeout)

  it.effect("counts somebody with two tabs once, until the last one is closed", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("tabs", "ada")
      const laptop = yield* Visitor.device()
      const first = yield* Visitor.open(laptop, "tabs", "ben")
      const second = yield* Visitor.open(laptop, "tabs", "ben")
      yield* Visitor.enter(first)
      yield* Visitor.stands(first, "Connected.")
      yield* Visitor.enter(second)
      yield* Visitor.stands(second, "Connected.")
      yield* Visitor.say(first, "From the first tab")
      yield* Visitor.reads(second, "From the first tab")
      yield* Visitor.sees(ada, "ben", "here")
      assert.strictEqual(yield* act(() => Visitor.personIn(ada.page, "ben").count()), 1)

      yield* act(() => first.page.close())
      yield* Visitor.say(second, "From the second tab")
      yield* Visitor.reads(ada, "From the second tab")
      yield* Visitor.sees(ada, "ben", "here")
      yield* act(() => second.page.close())
      yield* Visitor.sees(ada, "ben", "away, may be back")
    }), Visitor.testTimeout)

  it.effect("leads from room to room, marks news, and follows the back button", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("attic", "ada")
      const ben = yield* Visitor.visit("attic", "ben")
      const rooms = ada.page.getByRole("navigation", { name: "Rooms" })
      yield* act(() => rooms.getByLabel("Another room").fill("Cellar"))
      yield* act(() => rooms.getByRole("button", { name: "Go" }).click())
      yield* act(() => ada.page.getByRole("heading", { level: 1, name: "cellar" }).waitFor())
      yield* Visitor.stands(ada, "Connected.")
      yield* Visitor.sees(ben, "ada", "gone")

      yield* Visitor.say(ben, "Where are you?")
      yield* act(() => rooms.getByRole("link", { name: /attic new/ }).waitFor())
      yield* act(() => ada.page.goBack())
      yield* act(() => ada.page.getByRole("heading", { level: 1, name: "attic" }).waitFor())
      yield* Visitor.reads(ada, "Where are you?")
      yield* act(() => rooms.getByRole("link", { name: /attic new/ }).waitFor({ state: "hidden" }))
    }), Visitor.testTimeout)
}
