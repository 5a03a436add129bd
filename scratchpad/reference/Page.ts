/** One page of the reference, as Markdown. */

/** An export of a module. */
export interface Export {
  readonly name: string
  readonly category: string
  readonly text: string
  readonly signature: string
  /** Links to what the signature names, as Markdown. */
  readonly uses: ReadonlyArray<string>
}

/** A module with its exports, in the order of the source. */
export interface Module {
  readonly specifier: string
  readonly isInIndex: boolean
  readonly page: string
  readonly text: string
  readonly exports: ReadonlyArray<Export>
}

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (name: string): string => name.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")

/** The first sentence of a text, for a table. */
export const summaryOf = (text: string): string => {
  const [paragraph = ""] = text.split("\n\n")
  const sentence = /^[\s\S]*?\.(?=\s|$)/.exec(paragraph)?.[0] ?? paragraph
  return sentence.replaceAll("\n", " ").replace(/\.$/, "").replaceAll("|", "\\|")
}

/** The page of a module. */
export const print = ({ exports, isInIndex, page, specifier, text }: Module): string =>
  [
    `# ${page}`,
    text,
    `\`\`\`ts no-check\n${importOf(page, specifier, isInIndex)}\n\`\`\``,
    table(exports),
    ...exports.map(section)
  ].join("\n\n") + "\n"

const importOf = (page: string, specifier: string, isInIndex: boolean): string =>
  isInIndex
    ? `import { ${page} } from "${specifier.split("/")[0]}"`
    : `import * as ${page.split("/").at(-1)} from "${specifier}"`

const table = (exports: ReadonlyArray<Export>): string =>
  [
    "| | | |",
    "| --- | --- | --- |",
    ...exports.map(({ category, name, text }) => `| [${name}](#${anchorOf(name)}) | ${category} | ${summaryOf(text)} |`)
  ].join("\n")

const section = ({ name, signature, text, uses }: Export): string =>
  [
    `## ${name}`,
    ...(text === "" ? [] : [text]),
    ...(signature === "" ? [] : [`\`\`\`ts no-check\n${signature}\n\`\`\``]),
    ...(uses.length === 0 ? [] : [`See ${uses.join(", ")}.`])
  ].join("\n\n")

/** The index, with the fingerprint of the sources that the pages were made from. */
export const printIndex = (modules: ReadonlyArray<Module>, fingerprint: string): string =>
  `# Reference

Made from the doc comments by \`npm run reference\`; do not edit. Each page begins with how its module is imported. Those
that are namespaces of \`effect-tether\` can be imported by themselves too: \`effect-tether/Actor\`.

| module | |
| --- | --- |
${modules.map(({ page, text }) => `| [${page}](${page}.md) | ${summaryOf(text)} |`).join("\n")}

<!-- made from ${fingerprint} -->
`
