/** The code fences of Markdown, and of the doc comments of a source file. */

export interface Fence {
  readonly page: string
  readonly number: number
  /** Where the code starts in the page, counted from 1. */
  readonly line: number
  /** What stands behind the opening mark. */
  readonly info: string
  /** The heading above, if any. */
  readonly heading: string
  readonly code: string
}

interface Open {
  readonly info: string
  readonly line: number
  readonly indent: number
  readonly mark: string
}

/** The fences of a page; throws on one that is never closed. */
export const fencesOf = (page: string, lines: ReadonlyArray<string>): ReadonlyArray<Fence> => {
  const fences: Array<Fence> = []
  let heading = ""
  let open: Open | undefined
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
  if (open !== undefined) throw new Error(`${page}:${open.line - 1}: this fence is never closed`)
  return fences
}

/** The lines of a source file with everything blanked that is not inside of a doc comment. */
export const docLines = (source: string): ReadonlyArray<string> => {
  let inside = false
  return source.split("\n").map((text) => {
    if (/^\s*\/\*\*/.test(text)) inside = true
    const line = inside ? text.replace(/^\s*\* ?/, "") : ""
    if (text.includes("*/")) inside = false
    return /^\s*(\/\*\*|\*\/)/.test(text) ? "**" : line
  })
}
