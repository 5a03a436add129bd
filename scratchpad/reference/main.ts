/**
 * Writes docs/reference, one page for each entry point of the package. TypeDoc reads what is exported, with comments and
 * categories; `Signature.ts` prints the declarations.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import {
  Application,
  type Comment,
  type CommentDisplayPart,
  type Context,
  Converter,
  type DeclarationReflection,
  ReferenceReflection,
  type Reflection,
  ReflectionKind
} from "typedoc"
import ts from "typescript"
import * as Api from "../../scripts/Api.ts"
import * as Page from "./Page.ts"
import * as Signature from "./Signature.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const entryPoints = Api.entryPoints(root)

const app = await Application.bootstrap({
  tsconfig: fileURLToPath(new URL("tsconfig.api.json", import.meta.url)),
  entryPoints: entryPoints.map(({ source }) => source),
  excludeExternals: true,
  excludeInternal: true,
  disableSources: true,
  sort: ["source-order"],
  blockTags: ["@category", "@since"],
  logLevel: "Error"
})

const symbols = new Map<Reflection, ts.Symbol>()
const reflections = new Map<ts.Symbol, Reflection>()
let checker: ts.TypeChecker | undefined
app.converter.on(Converter.EVENT_RESOLVE_END, (context: Context) => {
  checker = context.programs[0]!.getTypeChecker()
  for (const reflection of Object.values(context.project.reflections)) {
    const exported = context.getSymbolFromReflection(reflection)
    if (exported === undefined || reflection.parent?.kind !== ReflectionKind.Module) continue
    const symbol = resolve(exported)
    symbols.set(reflection, symbol)
    // What a module exports again stands in the page of the module that has it.
    const known = reflections.get(symbol)
    if (known === undefined || rank(reflection, symbol) > rank(known, symbol)) reflections.set(symbol, reflection)
  }
})

/** What a name stands for that was imported or exported again. */
const resolve = (symbol: ts.Symbol): ts.Symbol =>
  (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker!.getAliasedSymbol(symbol)

/** An export is at home in the module of its name, or in that which declares it. */
const rank = ({ name, parent }: Reflection, symbol: ts.Symbol): number =>
  parent!.name === name ? 2 : symbol.declarations?.[0]?.getSourceFile().fileName.endsWith(`/${parent!.name}.ts`) ? 1 : 0

const project = await app.convert()
if (project === undefined || checker === undefined) throw new Error("TypeDoc could not read the sources")

const markdown = (parts: ReadonlyArray<CommentDisplayPart>): string => parts.map(({ text }) => text).join("").trim()

const commentOf = (reflection: DeclarationReflection): Comment | undefined =>
  reflection.comment ?? reflection.signatures?.[0]?.comment ??
    (reflection.type?.type === "reflection" ? reflection.type.declaration.signatures?.[0]?.comment : undefined)

const pageOf = (reflection: Reflection): string => reflection.parent!.name

const link = (from: string, reflection: Reflection): string => {
  const page = pageOf(reflection)
  const path = page === from ? "" : relative(dirname(`/${from}`), `/${page}.md`)
  return `[\`${page === from ? "" : `${page.split("/").at(-1)}.`}${reflection.name}\`](${path}#${
    Page.anchorOf(reflection.name)
  })`
}

const usesOf = (reflection: Reflection, symbol: ts.Symbol): ReadonlyArray<string> => {
  const found = new Set<Reflection>()
  for (const name of Signature.namesIn(symbol)) {
    const used = checker!.getSymbolAtLocation(name)
    const known = used === undefined ? undefined : reflections.get(resolve(used))
    if (known !== undefined && known.name !== reflection.name) found.add(known)
  }
  return [...found].map((known) => link(pageOf(reflection), known))
}

/** The reflection that has the comment: that of the declaration, where a module exports it again. */
const original = (reflection: DeclarationReflection): DeclarationReflection =>
  reflection instanceof ReferenceReflection
    ? reflection.getTargetReflectionDeep() as DeclarationReflection
    : reflection

const isType = (reflection: DeclarationReflection): boolean =>
  original(reflection).kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias])

const textOf = (reflection: DeclarationReflection): string => markdown(commentOf(original(reflection))?.summary ?? [])

const categoryOf = (reflection: DeclarationReflection): string =>
  markdown(commentOf(original(reflection))?.getTag("@category")?.content ?? [])

/** The exports of one name: a value, a type, or both. */
const toExport = (all: ReadonlyArray<DeclarationReflection>): Page.Export => {
  const [first] = all
  const symbol = symbols.get(first!)!
  return {
    name: first!.name,
    category: [...new Set(all.map(categoryOf))].join(", "),
    text: [...new Set(all.map(textOf))].join("\n\n"),
    signature: Signature.of(symbol),
    uses: usesOf(first!, symbol)
  }
}

/** The comment at the top of a file. */
const moduleText = (source: string): string =>
  (/^\/\*\*\n([\s\S]*?)\n ?\*\//.exec(readFileSync(source, "utf8"))?.[1] ?? "")
    .replaceAll(/^ ?\* ?/gm, "").replaceAll(/^@since.*$/gm, "").trim()

const modules = entryPoints.map(({ isInIndex, page, source, specifier }): Page.Module => {
  const module = project.children?.find(({ name }) => name === page)
  if (module === undefined) throw new Error(`TypeDoc knows no module ${page}`)
  const children = module.children ?? []
  const exports = children.filter((child) => reflections.get(symbols.get(child)!) === child)
  const named = (name: string) => {
    const all = children.filter((child) => child.name === name)
    return [...all.filter(isType), ...all.filter((child) => !isType(child))]
  }
  return {
    isInIndex,
    page,
    specifier,
    text: moduleText(source),
    exports: exports.map(({ name }) => toExport(named(name)))
  }
})

const folder = join(root, "docs/reference")
rmSync(folder, { recursive: true, force: true })
for (const module of modules) {
  const path = join(folder, `${module.page}.md`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, Page.print(module))
}
writeFileSync(join(folder, "README.md"), Page.printIndex(modules, Api.fingerprint(root)))
console.log(`docs/reference: ${modules.length} pages`)
