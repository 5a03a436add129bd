/** Fails on links between the documents of the repository that lead nowhere: to no file, or to no heading in it. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const pages = globSync(["*.md", "docs/**/*.md", "scratchpad/*.md", "scratchpad/*/*.md"], { cwd: root })

const withoutCode = (text: string) => text.replaceAll(/^( *)```[^\n]*\n[\s\S]*?^\1```$/gm, "")

/** The anchors of a page, as GitHub makes them. A heading that is there twice gets a number. */
const anchorsOf = (path: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading] of withoutCode(readFileSync(path, "utf8")).matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-")
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`)
  }
  return anchors
}

/** What is wrong with a link, if anything. */
const check = (page: string, target: string): string | undefined => {
  if (/^[a-z]+:/.test(target)) return undefined
  const [path = "", anchor] = target.split("#")
  const file = path === "" ? join(root, page) : join(root, dirname(page), path)
  if (!existsSync(file)) return `there is no ${relative(root, file)}`
  if (anchor === undefined || !file.endsWith(".md")) return undefined
  return anchorsOf(file).has(anchor) ? undefined : `${relative(root, file)} has no heading #${anchor}`
}

let links = 0
for (const page of pages) {
  const text = withoutCode(readFileSync(join(root, page), "utf8")).replaceAll(
    /`[^`\n]*`/g,
    (code) => "x".repeat(code.length)
  )
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    links++
    const problem = check(page, target!)
    if (problem === undefined) continue
    console.error(`${page}: the link to ${target} leads nowhere: ${problem}`)
    process.exitCode = 1
  }
}
if (links === 0) throw new Error("no link was found: this check checks nothing")
console.log(`links: ${links} in ${pages.length} documents`)
