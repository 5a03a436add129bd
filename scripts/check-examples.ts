/**
 * Typechecks every example of the documentation: the `ts` fences of README.md and docs, and those of doc comments in src
 * that stand under an "Example" heading or carry `import.meta.vitest`. Each fence is a whole module. One that another
 * fence of the same page imports names itself: "```ts file=ChatRoom.ts". A fence tagged `no-check` is left out.
 */
import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

interface Fence {
  readonly page: string
  readonly number: number
  /** Where the code starts in the page, counted from 1. */
  readonly line: number
  readonly info: string
  readonly heading: string
  readonly code: string
}

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = join(root, ".examples")

const fencesOf = (page: string, lines: ReadonlyArray<string>): ReadonlyArray<Fence> => {
  const fences: Array<Fence> = []
  let heading = ""
  let open: { readonly info: string; readonly line: number; readonly indent: number; readonly mark: string } | undefined
  let code: Array<string> = []
  for (const [index, text] of lines.entries()) {
    const fence = /^(\s*)(`{3,})(.*)$/.exec(text)
    if (open !== undefined) {
      if (fence !== null && fence[2]! >= open.mark && fence[3]!.trim() === "") {
        const { info, line } = open
        fences.push({ page, number: fences.length + 1, line, info, heading, code: code.join("\n") })
        open = undefined
      } else {
        code.push(text.slice(Math.min(open.indent, text.search(/\S|$/))))
      }
    } else if (fence !== null) {
      open = { info: fence[3]!.trim(), line: index + 2, indent: fence[1]!.length, mark: fence[2]! }
      code = []
    } else {
      heading = /^\s*(?:#+ |\*\*)(.*)$/.exec(text)?.[1] ?? heading
    }
  }
  return open === undefined ? fences : fail(`${page}:${open.line - 1}: this fence is never closed`)
}

/** The lines of a source file with everything blanked that is not inside of a doc comment. */
const docLines = (source: string): ReadonlyArray<string> => {
  let inside = false
  return source.split("\n").map((text) => {
    if (/^\s*\/\*\*/.test(text)) inside = true
    const line = inside ? text.replace(/^\s*\* ?/, "") : ""
    if (text.includes("*/")) inside = false
    return /^\s*(\/\*\*|\/)/.test(line) ? "**" : line
  })
}

const fail = (message: string): never => {
  console.error(message)
  process.exit(1)
}

const read = (page: string) => readFileSync(join(root, page), "utf8")
const isTypeScript = ({ info }: Fence) => /^(ts|typescript)\b/.test(info) && !/\bno-check\b/.test(info)
const isExample = ({ heading, info }: Fence) => info.includes("import.meta.vitest") || heading.startsWith("Example")

const collect = (): ReadonlyArray<Fence> => {
  const pages = ["README.md", ...globSync("docs/**/*.md", { cwd: root })].filter((page) => existsSync(join(root, page)))
  const sources = globSync("src/**/*.ts", { cwd: root })
  return [
    ...pages.flatMap((page) => fencesOf(page, read(page).split("\n")).filter(isTypeScript)),
    ...sources.flatMap((page) =>
      fencesOf(page, docLines(read(page))).filter((fence) => isTypeScript(fence) && isExample(fence))
    )
  ]
}

const fileOf = (fence: Fence) => {
  const name = /\bfile=(\S+)/.exec(fence.info)?.[1] ?? `fence-${fence.number}.ts`
  return `${fence.page.replaceAll(/[/.]/g, "-")}/${name}`
}

const tsconfig = (files: Iterable<string>) => ({
  extends: "../tsconfig.base.json",
  files: [...files],
  compilerOptions: {
    noEmit: true,
    rootDir: "..",
    types: ["node"],
    noUnusedLocals: false,
    paths: { "effect-tether": ["../src/index.ts"], "effect-tether/*": ["../src/*.ts"] }
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
if (result.status === 0) {
  rmSync(folder, { recursive: true, force: true })
  console.log(`examples: ${fences.length} in ${new Set(fences.map((fence) => fence.page)).size} files typecheck`)
} else {
  console.error(`${result.stdout}${result.stderr}`.trimEnd().split("\n").map(locate(files)).join("\n"))
  process.exitCode = 1
}
