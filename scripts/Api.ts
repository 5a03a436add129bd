/**
 * The public modules of the package, and a fingerprint of what they declare: types and doc comments, no bodies. By it
 * `npm run check:reference` tells whether docs/reference was written from the sources as they are.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"

/** A module that `package.json` exports. */
export interface EntryPoint {
  /** As one imports it, for example `effect-tether/testing/TestNetwork`. */
  readonly specifier: string
  /** Whether it is a namespace of the package itself as well. */
  readonly isInIndex: boolean
  /** The path of its page without the ending, for example `testing/TestNetwork`. */
  readonly page: string
  /** The path of its source. */
  readonly source: string
  /** The path of its declarations within the folder of the build. */
  readonly declarations: string
}

/** All modules that `package.json` exports but the one that exports them all. */
export const entryPoints = (root: string): ReadonlyArray<EntryPoint> => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly name: string
    readonly exports: Record<string, string>
  }
  const index = readFileSync(join(root, "src/index.ts"), "utf8")
  return Object.entries(manifest.exports).flatMap(([path, target]) =>
    path === "." || !target.endsWith(".js") ? [] : [{
      specifier: join(manifest.name, path),
      page: path.slice(2),
      isInIndex: index.includes(`export * as ${path.slice(2)} from`),
      source: [".ts", ".tsx"].map((end) => join(root, target.replace("./dist/", "src/").replace(/\.js$/, end)))
        .find((source) => existsSync(source)) ?? target,
      declarations: target.replace("./dist/", "").replace(/\.js$/, ".d.ts")
    }]
  )
}

/** A hash of the declarations of all public modules and of what these import. */
export const fingerprint = (root: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "api-"))
  try {
    const compiler = join(root, "node_modules/typescript/bin/tsc")
    const options = [
      "-p",
      "tsconfig.build.json",
      "--emitDeclarationOnly",
      "--declarationMap",
      "false",
      "--outDir",
      folder
    ]
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], { cwd: root, encoding: "utf8" })
    if (status !== 0) throw new Error(`the declarations could not be written:\n${stdout}`)
    const hash = createHash("sha256")
    const starts = entryPoints(root).map(({ declarations }) => join(folder, declarations))
    for (const path of reachable(starts)) hash.update(`${relative(folder, path)}\n${readFileSync(path, "utf8")}`)
    return hash.digest("hex").slice(0, 32)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const reachable = (starts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = new Set(starts)
  for (const path of found) {
    for (const [, target] of readFileSync(path, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)\.[jt]s"/g)) {
      found.add(join(dirname(path), `${target}.d.ts`))
    }
  }
  return [...found]
}
