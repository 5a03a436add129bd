/**
 * How well a page can be read and used, as the browser itself has computed it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Page } from "playwright-core"

/**
 * Texts whose contrast with what is behind them is below 4.5 to 1, each with its ratio.
 *
 * @category getters
 * @since 0.1.0
 */
export const faintTexts = (page: Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() => page.evaluate(findFaintTexts))

/** Runs in the page. */
const findFaintTexts = (): Array<string> => {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number]
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!
  const parse = (colour: string): Colour => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const over = (above: Colour, below: Colour): Colour => {
    const mix = (index: 0 | 1 | 2) => above[index] * above[3] + below[index] * (1 - above[3])
    return [mix(0), mix(1), mix(2), 1]
  }
  /** The darkest and the lightest that may be behind: a pattern is judged by each of its colours. */
  const grounds = (element: Element | null): ReadonlyArray<Colour> => {
    if (element === null) return [[255, 255, 255, 1]]
    const { backgroundColor, backgroundImage } = getComputedStyle(element)
    const own = parse(backgroundColor)
    const below = own[3] === 1 ? [own] : grounds(element.parentElement).map((ground) => over(own, ground))
    const stripes = /repeating/.test(backgroundImage)
      ? backgroundImage.match(/(rgba?|color|oklch)\([^)]*\)/g) ?? []
      : []
    return [...below, ...stripes.flatMap((stripe) => below.map((ground) => over(parse(stripe), ground)))]
  }
  const luminance = ([red, green, blue]: Colour) => {
    const linear = (value: number) => value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }
  const contrast = (a: Colour, b: Colour) => {
    const [low, high] = [Math.min(luminance(a), luminance(b)), Math.max(luminance(a), luminance(b))]
    return (high + 0.05) / (low + 0.05)
  }
  const hasText = (element: Element) =>
    Array.from(element.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== "")
  return Array.from(document.querySelectorAll("#page *"))
    .filter((element) => hasText(element) && element.checkVisibility())
    .flatMap((element) => {
      const { color } = getComputedStyle(element)
      const ratio = Math.min(...grounds(element).map((ground) => contrast(over(parse(color), ground), ground)))
      return ratio < 4.5 ? [`${element.textContent} (${ratio.toFixed(2)})`] : []
    })
}

const used = new Set(["button", "link", "switch", "textbox", "dialog", "log", "region", "navigation", "complementary"])

/**
 * What can be used but has no name that is read out.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameless = Effect.fnUntraced(function*(page: Page) {
  const session = yield* Effect.promise(() => page.context().newCDPSession(page))
  const { nodes } = yield* Effect.promise(() => session.send("Accessibility.getFullAXTree"))
  return nodes
    .filter(({ ignored, name, role }) => !ignored && used.has(role?.value) && (name?.value ?? "") === "")
    .map(({ role }) => String(role?.value))
})

/**
 * Buttons and links that are smaller than 24 by 24 pixels.
 *
 * @category getters
 * @since 0.1.0
 */
export const smallTargets = (page: Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() =>
    page.evaluate(() =>
      Array.from(document.querySelectorAll("button, a:not(.skip), input, textarea"))
        .filter((element) => element.checkVisibility())
        .map((element) => ({ element, box: element.getBoundingClientRect() }))
        .filter(({ box: { height, width } }) => height < 24 || width < 24)
        .map(({ box, element }) => `${element.textContent} (${box.width} x ${box.height})`)
    )
  )

/**
 * Whether the page is wider than the window.
 *
 * @category getters
 * @since 0.1.0
 */
export const isTooWide = (page: Page): Effect.Effect<boolean> =>
  Effect.promise(() => page.evaluate(() => document.documentElement.scrollWidth > innerWidth))

/**
 * The name of what has the focus; it begins with `hidden:` where the focus cannot be seen.
 *
 * @category getters
 * @since 0.1.0
 */
export const focused = (page: Page): Effect.Effect<string> =>
  Effect.promise(() =>
    page.evaluate(() => {
      const element = document.activeElement
      if (!(element instanceof HTMLElement) || element === document.body) return "nothing"
      const label = element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
        ? element.labels?.[0]?.textContent
        : element.getAttribute("aria-label") ?? element.textContent
      const isSeen = getComputedStyle(element).outlineStyle !== "none"
      return `${isSeen ? "" : "hidden: "}${label?.trim() ?? ""}`
    })
  )

/**
 * Presses a key until something has the focus.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tabTo = Effect.fnUntraced(function*(page: Page, name: string, key: "Tab" | "Shift+Tab" = "Tab") {
  const passed: Array<string> = []
  for (let presses = 0; presses < 40; presses++) {
    yield* Effect.promise(() => page.keyboard.press(key))
    const now = yield* focused(page)
    if (now === name) return
    passed.push(now)
  }
  return yield* Effect.die(new Error(`${key} does not lead to "${name}" but to ${passed.join(", ")}`))
})
