/**
 * Runs one measurement: starts the server and the load in processes of their own, lets them work and ends them.
 */
import { type ChildProcess, fork } from "node:child_process"
import { basename } from "node:path"

export interface Subject {
  /** The server's file in `servers/`. */
  readonly server: string
  readonly serverOptions?: Record<string, unknown>
  /** A module that the server's process loads before all others. */
  readonly preload?: string
  /** The client's name in `clients/`. */
  readonly client: string
}

export type Result = Record<string, number>

const file = (path: string) => new URL(path, import.meta.url)

let profiles: string | undefined

/** From now on each process writes a CPU profile into this folder. */
export const profileInto = (folder: string): void => {
  profiles = folder
}

const profiling = (path: string): ReadonlyArray<string> =>
  profiles === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${basename(path, ".ts")}-${Date.now()}.cpuprofile`]

const preloading = (module: string | undefined): ReadonlyArray<string> =>
  module === undefined ? [] : ["--import", import.meta.resolve(module)]

/** Starts a process, and keeps the end of what it writes, to say why it failed. */
const start = (path: string, options: unknown, preload?: string) => {
  let words = ""
  const child = fork(file(path), [JSON.stringify(options)], {
    execArgv: ["--expose-gc", "--max-old-space-size=8192", ...profiling(path), ...preloading(preload)],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, NODE_ENV: "production", NODE_NO_WARNINGS: "1" }
  })
  const keep = (text: Buffer) => void (words = (words + text).slice(-2000))
  child.stdout!.on("data", keep)
  child.stderr!.on("data", keep)
  return { child, words: () => words.trim() }
}

/** A process ends when its channel closes; one that does not is killed. */
const end = (child: ChildProcess) =>
  new Promise<void>((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done()
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000)
    child.once("exit", () => {
      clearTimeout(timer)
      done()
    })
    if (child.connected) child.disconnect()
  })

const message = <A>(
  started: ReturnType<typeof start>,
  what: string,
  pick: (message: any) => A | undefined
): Promise<A> =>
  new Promise((resolve, reject) => {
    started.child.on("message", (message: any) => {
      if (message.type === "failed") return reject(new Error(`${what}: ${message.error}`))
      const picked = pick(message)
      if (picked !== undefined) resolve(picked)
    })
    started.child.once("exit", (code, signal) =>
      reject(new Error(`${what} ended early (${signal ?? code}). ${started.words()}`)))
  })

const within = <A>(promise: Promise<A>, millis: number, what: string): Promise<A> => {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${millis / 1000} s`)), millis)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

export const measure = async (
  subject: Subject,
  load: string,
  params: Record<string, unknown>,
  timeout: number
): Promise<Result> => {
  const server = start(`servers/${subject.server}.ts`, subject.serverOptions ?? {}, subject.preload)
  try {
    const port = await within(
      message(server, "the server", (m) => m.type === "ready" ? m.port : undefined),
      20_000,
      "the start of the server"
    )
    const client = start("loads/main.ts", {
      load,
      client: subject.client,
      url: `ws://127.0.0.1:${port}`,
      ...params
    })
    try {
      client.child.on("message", (m: any) => {
        if (m.type === "ask") server.child.send(m)
      })
      server.child.on("message", (m: any) => {
        if (m.type === "answer" && client.child.connected) client.child.send(m)
      })
      const died = message(server, "the server", () => undefined as never)
      const result = message(client, "the load", (m) => m.type === "result" ? m.value : undefined)
      return await within(Promise.race([result, died]), timeout, "the load")
    } finally {
      await end(client.child)
    }
  } finally {
    await end(server.child)
  }
}
