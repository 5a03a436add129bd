/**
 * How the page can be read and used.
 *
 * @since 0.1.0
 */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import type * as Chromium from "./support/Chromium.ts"
import * as Legibility from "./support/Legibility.ts"
import * as Visitor from "./support/Visitor.ts"

const { act } = Visitor

/** A page that shows about all that it can show. */
const furnish = Effect.fnUntraced(function*(visitor: Visitor.Visitor, host: Visitor.Visitor) {
  yield* Visitor.say(visitor, "Have a good trip")
  yield* act(() => host.page.getByRole("button", { name: `Write to ${visitor.name} alone` }).click())
  yield* Visitor.say(host, "The cake is for ben")
  yield* Visitor.reads(visitor, "The cake is for ben")
  yield* Visitor.flip(visitor, "Cut my network")
  yield* Visitor.say(visitor, "Hello? Anybody?")
  yield* Visitor.stands(visitor, "1 message waits to be sent.")
})

/**
 * Registers the tests of how the page can be read and used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const looks = (it: Vitest.MethodsNonLive<Visitor.Site | Chromium.Chromium>): void => {
  for (const colorScheme of ["light", "dark"] as const) {
    it.effect(`can be read and has names for all that can be used (${colorScheme})`, () =>
      Effect.gen(function*() {
        const room = `gallery in ${colorScheme}`
        const ada = yield* Visitor.visit(room, "ada", { colorScheme })
        const door = yield* Visitor.open(yield* Visitor.device({ colorScheme }), room, "ben")
        assert.deepStrictEqual(yield* Legibility.faintTexts(door.page), [])
        assert.deepStrictEqual(yield* Legibility.nameless(door.page), [])
        yield* Visitor.picture(door, `door ${colorScheme}`)
        yield* Visitor.enter(door)
        yield* furnish(door, ada)
        for (const { page } of [ada, door]) {
          assert.deepStrictEqual(yield* Legibility.faintTexts(page), [])
          assert.deepStrictEqual(yield* Legibility.nameless(page), [])
          assert.deepStrictEqual(yield* Legibility.smallTargets(page), [])
        }
        yield* Visitor.picture(ada, colorScheme)
        yield* act(() => ada.page.getByRole("button", { name: "Remove ben" }).click())
        assert.deepStrictEqual(yield* Legibility.faintTexts(ada.page), [])
        yield* Visitor.picture(ada, `dialog ${colorScheme}`)
      }), Visitor.testTimeout)
  }

  it.effect("can be used by the keyboard alone", () =>
    Effect.gen(function*() {
      const ben = yield* Visitor.visit("keys", "ben")
      const { page } = yield* Visitor.open(yield* Visitor.device(), "keys", "ada")
      const ada = { page, name: "ada" }
      const press = (key: string) => act(() => page.keyboard.press(key))
      const type = (text: string) => act(() => page.keyboard.type(text))
      assert.strictEqual(yield* Legibility.focused(page), "Your name")
      yield* type("ada")
      yield* press("Enter")
      yield* act(() => page.getByRole("status").filter({ hasText: "Connected." }).waitFor())
      assert.strictEqual(yield* Legibility.focused(page), "Message to everyone in keys")
      yield* type("First")
      yield* press("Shift+Enter")
      yield* type("second line")
      yield* press("Enter")
      yield* Visitor.reads(ben, "First\nsecond line")

      yield* Legibility.tabTo(page, "Write to ben alone")
      yield* press("Enter")
      assert.strictEqual(yield* Legibility.focused(page), "Message to ben alone")
      yield* type("Psst")
      yield* press("Enter")
      yield* Visitor.reads(ben, "Psst")
      yield* press("Escape")
      assert.strictEqual(yield* Legibility.focused(page), "Message to everyone in keys")

      yield* Legibility.tabTo(page, "Remove ben")
      yield* press("Enter")
      assert.strictEqual(yield* Legibility.focused(page), "The reason, which ben will read")
      yield* press("Escape")
      assert.strictEqual(yield* Legibility.focused(page), "Remove ben")

      yield* Legibility.tabTo(page, "Cut my network", "Shift+Tab")
      yield* press("Space")
      yield* act(() => page.getByRole("switch", { name: "Cut my network", checked: true }).waitFor())
      yield* Legibility.tabTo(page, "Skip to the message field", "Shift+Tab")
      yield* press("Enter")
      assert.strictEqual(yield* Legibility.focused(page), "Message to everyone in keys")
      yield* type("From nowhere")
      yield* press("Enter")
      yield* act(() => page.getByText("1 message waits to be sent.").waitFor())
      yield* Legibility.tabTo(page, "Take back", "Shift+Tab")
      yield* press("Enter")
      yield* act(() => page.getByText("Waits for the network").waitFor({ state: "detached" }))
      assert.strictEqual(yield* Legibility.focused(page), "Message to everyone in keys")
      yield* Visitor.picture(ada, "keyboard")
    }), Visitor.testTimeout)

  it.effect("fits a phone, whose panels open over the page and close again", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("pocket", "ada")
      const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
      const { page, ...ben } = yield* Visitor.visit("pocket", "ben", phone)
      const people = page.getByRole("complementary", { name: "People" })
      const button = page.getByRole("button", { name: "People 2" })
      yield* act(() => people.waitFor({ state: "hidden" }))
      yield* act(() => button.tap())
      yield* act(() => people.getByText("admin").waitFor())
      yield* Visitor.picture({ page }, "phone with people")
      assert.isFalse(yield* Legibility.isTooWide(page))
      yield* act(() => page.keyboard.press("Escape"))
      yield* act(() => people.waitFor({ state: "hidden" }))
      assert.strictEqual(yield* Legibility.focused(page), "People 2")

      yield* act(() => button.tap())
      yield* act(() => people.getByRole("button", { name: "Write to ada alone" }).tap())
      yield* act(() => people.waitFor({ state: "hidden" }))
      yield* act(() => page.keyboard.type("From the train"))
      yield* act(() => page.getByRole("button", { name: "Send" }).tap())
      yield* Visitor.reads(ada, "From the train")
      yield* act(() => page.getByRole("button", { name: "Write to all instead" }).tap())
      yield* furnish({ ...ben, page }, ada)
      assert.deepStrictEqual(yield* Legibility.faintTexts(page), [])
      assert.deepStrictEqual(yield* Legibility.smallTargets(page), [])
      assert.isFalse(yield* Legibility.isTooWide(page))
      yield* Visitor.picture({ page }, "phone")
      yield* act(() => page.setViewportSize({ width: 320, height: 640 }))
      assert.isFalse(yield* Legibility.isTooWide(page))
    }), Visitor.testTimeout)

  it.effect("keeps still for those who asked for it", () =>
    Effect.gen(function*() {
      const ada = yield* Visitor.visit("garden", "ada")
      const ben = yield* Visitor.visit("garden", "ben", { reducedMotion: "reduce" })
      const movements = ({ page }: Visitor.Visitor) =>
        act(() => page.locator(".rope-twist").first().evaluate((rope) => getComputedStyle(rope).animationName))
      assert.strictEqual(yield* movements(ada), "pull")
      assert.strictEqual(yield* movements(ben), "none")
    }), Visitor.testTimeout)
}
