/**
 * Typechecks every example of the documentation and runs those that can be run: the `ts` and `tsx` fences of README.md,
 * SECURITY.md and docs, and those of doc comments in src that stand under an "Example" heading or carry
 * `import.meta.vitest`. Each fence is a whole
 * module. What stands behind its `ts`:
 *
 * - `file=ChatRoom.ts`: its name, for other fences of the page; a `*.test.ts` is run by vitest
 * - `run`: it is run by Node and must end well
 * - `run with=Server.ts`: the same, while that other module runs and listens on port 3000
 * - `no-check`: it is left out
 */
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { docLines, type Fence, fencesOf } from "./Fences.ts"
import * as Samples from "./Samples.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = join(root, ".examples")

const fail = (message: string): never => {
  console.error(message)
  process.exit(1)
}

const read = (page: string) => readFileSync(join(root, page), "utf8")
const isTypeScript = ({ info }: Fence) => /^(tsx?|typescript)\b/.test(info) && !/\bno-check\b/.test(info)
const isExample = ({ heading, info }: Fence) => info.includes("import.meta.vitest") || heading.startsWith("Example")

const collect = (): ReadonlyArray<Fence> => {
  // The reference repeats the examples of src.
  const pages = ["README.md", "SECURITY.md", ...globSync("docs/*.md", { cwd: root })]
  const sources = globSync("src/**/*.{ts,tsx}", { cwd: root })
  return [
    ...pages.flatMap((page) => fencesOf(page, read(page).split("\n")).filter(isTypeScript)),
    ...sources.flatMap((page) =>
      fencesOf(page, docLines(read(page))).filter((fence) => isTypeScript(fence) && isExample(fence))
    )
  ]
}

const fileOf = (fence: Fence) => {
  const name = /\bfile=(\S+)/.exec(fence.info)?.[1] ??
    `fence-${fence.number}${fence.info.startsWith("tsx") ? ".tsx" : ".ts"}`
  return `${fence.page.replaceAll(/[/.]/g, "-")}/${name}`
}

const tsconfig = (files: Iterable<string>) => ({
  extends: "../tsconfig.base.json",
  files: [...files],
  compilerOptions: {
    noEmit: true,
    rootDir: "..",
    types: ["node"],
    jsx: "react-jsx",
    noUnusedLocals: false,
    paths: { "effect-tether": ["../src/index.ts"], "effect-tether/*": ["../src/*.ts", "../src/*.tsx"] }
  }
})

const write = (fences: ReadonlyArray<Fence>): ReadonlyMap<string, Fence> => {
  rmSync(folder, { recursive: true, force: true })
  const files = new Map<string, Fence>()
  for (const fence of fences) {
    const file = fileOf(fence)
    if (files.has(file)) fail(`${fence.page}:${fence.line}: another fence of this page is named ${file} too`)
    files.set(file, fence)
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), `${fence.code}\n`)
  }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig(files.keys()), undefined, 2))
  return files
}

/** Turns the place that the compiler names into the place in the page: file, line and number of the fence. */
const locate = (files: ReadonlyMap<string, Fence>) => (text: string) =>
  text.replace(/^(?:.*\.examples\/)?([^\s(]+)\((\d+),(\d+)\)/, (place, file: string, line: string, column: string) => {
    const fence = files.get(file)
    return fence === undefined
      ? place
      : `${fence.page}:${fence.line + Number(line) - 1}:${column} (fence ${fence.number})`
  })

const fences = collect()
if (fences.length === 0) fail("no example was found: this check checks nothing")
const files = write(fences)
const compiler = join(root, "node_modules/typescript/bin/tsc")
const result = spawnSync(process.execPath, [compiler, "--pretty", "false", "-p", folder], { encoding: "utf8" })
if (result.status !== 0) {
  fail(`${result.stdout}${result.stderr}`.trimEnd().split("\n").map(locate(files)).join("\n"))
}
console.log(`examples: ${fences.length} in ${new Set(fences.map((fence) => fence.page)).size} files typecheck`)

const failures = await Samples.run(root, folder, files)
if (failures.length > 0) fail(failures.join("\n"))
rmSync(folder, { recursive: true, force: true })
