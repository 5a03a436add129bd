/**
 * The chat room as a page: its routes. The browser's code is bundled in memory; nothing is written to disk.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { build } from "esbuild"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("./web/", import.meta.url))

const headers = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; "),
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

const bundle = Effect.promise(() =>
  build({
    entryPoints: { page: `${folder}main.tsx`, styles: `${folder}styles/all.css` },
    outdir: folder,
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": "\"production\"" },
    write: false,
    logLevel: "error"
  })
)

/** A defect where the page does not compile: then there is nothing to serve. */
const makeAssets = Effect.gen(function*() {
  const [html, { outputFiles }] = yield* Effect.all([
    Effect.promise(() => readFile(`${folder}index.html`, "utf8")),
    bundle
  ], { concurrency: "unbounded" })
  const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? ""
  return { html, script: textOf(".js"), styles: textOf(".css") }
})

/** Bundles once, and begins with it as soon as the layer is built. */
export const layer = Layer.unwrap(Effect.gen(function*() {
  const assets = yield* Effect.cached(makeAssets)
  yield* Effect.forkScoped(assets)
  const serve = (path: HttpRouter.PathInput, contentType: string, asset: "html" | "script" | "styles") =>
    HttpRouter.add(
      "GET",
      path,
      Effect.map(assets, (all) => HttpServerResponse.text(all[asset], { contentType, headers }))
    )
  return Layer.mergeAll(
    serve("/", "text/html; charset=utf-8", "html"),
    serve("/page.js", "text/javascript; charset=utf-8", "script"),
    serve("/styles.css", "text/css; charset=utf-8", "styles")
  )
}))
