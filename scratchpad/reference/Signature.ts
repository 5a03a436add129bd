/**
 * What an export looks like to those who use it: its declaration as the source has it, with the comments of its members
 * and without bodies.
 */
import ts from "typescript"

/** The declarations of a name as TypeScript text: one, or a type and the value of its name. */
export const of = (symbol: ts.Symbol): string => {
  const all = (symbol.declarations ?? []).filter(isDeclaration)
  const types = all.filter((node) => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
  return withoutTags([...types, ...all.filter((node) => !types.includes(node as never))].map(print).join("\n\n"))
}

/** The names of types that a declaration uses, members of namespaces included. */
export const namesIn = (symbol: ts.Symbol): ReadonlyArray<ts.Identifier> => {
  const found: Array<ts.Identifier> = []
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) found.push(node)
    ts.forEachChild(node, (child) => isShown(child) ? visit(child) : undefined)
  }
  for (const node of symbol.declarations ?? []) visit(node)
  return found
}

const isShown = (node: ts.Node): boolean => {
  const { parent } = node
  if (ts.isArrowFunction(parent) && parent.body === node) return parent.type === undefined && ts.isArrowFunction(node)
  if (ts.isVariableDeclaration(parent) && parent.initializer === node) return parent.type === undefined
  return !ts.isBlock(node) && !ts.isClassElement(node)
}

const isDeclaration = (node: ts.Node): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node) ||
  ts.isVariableDeclaration(node) || ts.isModuleDeclaration(node)

const print = (node: ts.Node): string => {
  if (ts.isVariableDeclaration(node)) return `const ${node.name.getText()}${printValue(node)}`
  if (ts.isClassDeclaration(node)) return printClass(node)
  return node.getText().replace(/^export (declare )?/, "")
}

const printValue = ({ initializer, type }: ts.VariableDeclaration): string => {
  if (type !== undefined) return `: ${type.getText()}`
  if (initializer === undefined) return ""
  return ts.isArrowFunction(initializer) ? `: ${printFunction(initializer)}` : ` = ${initializer.getText()}`
}

const printFunction = (node: ts.ArrowFunction): string => {
  const result = node.type?.getText() ?? (ts.isArrowFunction(node.body) ? printFunction(node.body) : "unknown")
  return `${printTypeParameters(node)}(${node.parameters.map(printParameter).join(", ")}) => ${result}`
}

/** As they were written, line breaks included. */
const printTypeParameters = ({ typeParameters: all }: ts.ArrowFunction): string => {
  if (all === undefined) return ""
  const text = all[0]!.getSourceFile().text.slice(all.pos, all.end)
  return `<${text}${text.includes("\n") ? "\n" : ""}>`
}

/** One with a default may be left out. */
const printParameter = (node: ts.ParameterDeclaration): string =>
  node.initializer === undefined ? node.getText() : `${node.name.getText()}?: ${node.type!.getText()}`

const printClass = (node: ts.ClassDeclaration): string => {
  const head = node.getSourceFile().text.slice(node.name!.getStart(), node.heritageClauses!.end)
  const members = node.members.flatMap(printMember)
  return `class ${head}${members.length === 0 ? " {}" : ` {\n${members.join("\n")}\n}`}`
}

/** Of a class only what is documented: the rest overrides what everybody knows. */
const printMember = (node: ts.ClassElement): ReadonlyArray<string> => {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)
  if (comment === undefined || !(ts.isGetAccessorDeclaration(node) || ts.isPropertyDeclaration(node))) return []
  const isStatic = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) === true
  const type = node.type?.getText() ?? "unknown"
  return [`  ${comment.getText()}\n  ${isStatic ? "static " : ""}readonly ${node.name.getText()}: ${type}`]
}

/** `@since` and `@category` are said by the page. */
const withoutTags = (text: string): string => text.replaceAll(/(\n *\*)?(\n *\* @(category|since) [^\n]*)+/g, "")
