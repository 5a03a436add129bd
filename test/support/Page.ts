/**
 * The window and document of a page that a test plays the browser for.
 *
 * @since 0.1.0
 */
import type { Page } from "../../src/BrowserClient.ts"

/** An `EventTarget` that knows how many listen to it. */
class CountingTarget {
  private readonly target = new EventTarget()
  listening = 0

  addEventListener(type: string, listener: () => void): void {
    this.listening++
    this.target.addEventListener(type, listener)
  }

  removeEventListener(type: string, listener: () => void): void {
    this.listening--
    this.target.removeEventListener(type, listener)
  }

  fire(type: string): void {
    this.target.dispatchEvent(new Event(type))
  }
}

/**
 * A page, visible at first.
 *
 * @category models
 * @since 0.1.0
 */
export class FakePage implements Page {
  readonly window = new CountingTarget()
  readonly document = Object.assign(new CountingTarget(), { visibilityState: "visible" })

  /** Shows or hides the page. */
  show(isVisible: boolean): void {
    this.document.visibilityState = isVisible ? "visible" : "hidden"
    this.document.fire("visibilitychange")
  }
}
