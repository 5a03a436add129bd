/**
 * A real browser. It is started by hand and not by playwright, which would make every tab believe that it is in the
 * foreground: tabs of the default context are as a user has them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, chromium } from "playwright-core"
import { executable } from "../../setup/browser.ts"

/**
 * The browser of a test file.
 *
 * @category services
 * @since 0.1.0
 */
export class Chromium extends Context.Service<Chromium, Browser>()("effect-tether/test/browser/Chromium") {
  static readonly layer = Layer.effect(
    Chromium,
    Effect.gen(function*() {
      const profile = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "tether-browser-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
      )
      const child = yield* Effect.acquireRelease(Effect.sync(() => start(profile)), stop)
      const endpoint = yield* endpointOf(child).pipe(Effect.timeout("20 seconds"), Effect.orDie)
      return yield* Effect.acquireRelease(
        Effect.promise(() => chromium.connectOverCDP(endpoint, { noDefaults: true })),
        (browser) => Effect.promise(() => browser.close())
      )
    })
  )
}

const start = (profile: string): ChildProcess =>
  spawn(executable, [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    "about:blank"
  ], { stdio: ["ignore", "ignore", "pipe"] })

const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** The browser tells where it listens. */
const endpointOf = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    let said = ""
    child.stderr?.on("data", (data: Buffer) => {
      said += data.toString()
      const endpoint = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (endpoint !== undefined) resume(Effect.succeed(endpoint))
    })
    child.once("exit", () => resume(Effect.die(new Error(`the browser did not start:\n${said}`))))
    child.once("error", (error) => resume(Effect.die(error)))
  })
