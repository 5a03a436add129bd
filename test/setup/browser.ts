import { existsSync } from "node:fs"

/** The browser that the tests of `test/browser` use. */
export const executable = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"

export const isInstalled = existsSync(executable)

/** Says once in a run that there is none. */
export default (): void => {
  if (isInstalled) return
  process.stderr.write(
    `The browser tests are skipped: there is no ${executable}. Run scripts/install-browser.sh, or set CHROMIUM_PATH.\n`
  )
}
