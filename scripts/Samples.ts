/** Runs the samples of the documentation: programs by Node, tests by vitest, against the sources. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { basename, dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import type { Fence } from "./Fences.ts"

/** How long a program, or all tests together, may take. */
const limit = 60_000

/** Runs what can be run; returns what went wrong. */
export const run = async (
  root: string,
  folder: string,
  files: ReadonlyMap<string, Fence>
): Promise<ReadonlyArray<string>> => {
  await usePort(folder, files.keys())
  const failures: Array<string> = []
  const programs = [...files].filter(([, { info }]) => /\brun\b/.test(info))
  for (const [file, fence] of programs) {
    const server = /\bwith=(\S+)/.exec(fence.info)?.[1]
    const output = await runProgram(root, join(folder, file), server)
    if (output !== undefined) failures.push(`${fence.page}:${fence.line} (fence ${fence.number}) failed:\n${output}`)
  }
  const tests = [...files.keys()].filter((file) => file.endsWith(".test.ts"))
  const output = tests.length === 0 ? undefined : await runTests(root, folder)
  if (output !== undefined) failures.push(`tests of the documentation failed:\n${output}`)
  if (failures.length === 0) console.log(`examples: ${programs.length} programs and ${tests.length} tests ran`)
  return failures
}

/** A machine may use the port that the samples name. */
let port = 3000

const usePort = async (folder: string, files: Iterable<string>) => {
  const probe = createServer().listen(0)
  await once(probe, "listening")
  port = (probe.address() as { readonly port: number }).port
  await once(probe.close(), "close")
  for (const file of files) {
    const path = join(folder, file)
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/\b3000\b/g, `${port}`))
  }
}

/** `undefined`, or what a program wrote that did not end well. */
const runProgram = async (root: string, file: string, server: string | undefined): Promise<string | undefined> => {
  const background = server === undefined ? undefined : start(root, [join(dirname(file), server)])
  try {
    if (background !== undefined) await listening(background.child)
    const output = await ended(start(root, [file]))
    if (output !== undefined || background === undefined) return output
    background.child.kill("SIGTERM")
    return await ended(background, 130)
  } finally {
    background?.child.kill("SIGKILL")
  }
}

interface Running {
  readonly name: string
  readonly child: ChildProcess
  readonly output: ReadonlyArray<string>
}

const start = (root: string, [script, ...args]: ReadonlyArray<string>): Running => {
  const hooks = join(root, "scripts/sources.ts")
  const child = spawn(process.execPath, ["--import", hooks, script!, ...args], { cwd: root })
  const output: Array<string> = []
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)))
  return { name: basename(script!), child, output }
}

/** A process that was asked to stop ends with the code of that, or with 0. */
const ended = async ({ child, name, output }: Running, stopped = 0): Promise<string | undefined> => {
  const [code] = child.exitCode === null
    ? await Promise.race([once(child, "exit"), setTimeout(limit, ["in time"], { ref: false })])
    : [child.exitCode]
  if (code === 0 || code === stopped) return undefined
  child.kill("SIGKILL")
  return `${name} did not end well: ${code}\n${output.join("")}`
}

const listening = async (child: ChildProcess) => {
  for (let i = 0; i < 400 && child.exitCode === null; i++) {
    const socket = connect(port)
    const isThere = await Promise.race([
      once(socket, "connect").then(() => true, () => false),
      setTimeout(1_000, false, { ref: false })
    ])
    socket.destroy()
    if (isThere) return
    await setTimeout(50)
  }
  throw new Error(`the server does not listen on port ${port}`)
}

const runTests = async (root: string, folder: string): Promise<string | undefined> => {
  const config = `export default {
    resolve: { alias: [
      { find: /^effect-tether$/, replacement: ${JSON.stringify(join(root, "src/index.ts"))} },
      { find: /^effect-tether\\/(.*)$/, replacement: ${JSON.stringify(join(root, "src"))} + "/$1.ts" }
    ] }
  }\n`
  writeFileSync(join(folder, "vitest.config.ts"), config)
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  return ended(start(root, [vitest, "run", "--root", folder, "--no-color"]))
}
