/** Preloaded by samples of the documentation: `effect-tether` is the sources next door, and not a build of them. */
import { existsSync } from "node:fs"
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) => {
    const path = /^effect-tether(?:\/(.*))?$/.exec(specifier)
    if (path === null) return next(specifier, context)
    const source = new URL(`../src/${path[1] ?? "index"}.ts`, import.meta.url)
    return next(existsSync(source) ? source.href : source.href.replace(/\.ts$/, ".tsx"), context)
  }
})
