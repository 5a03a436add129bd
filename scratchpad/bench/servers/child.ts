/**
 * A server in a process of its own: tells its port, answers questions, ends with its parent.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"

export interface Usage {
  /** Processor time, user and system, in microseconds. */
  readonly cpu: number
  readonly heap: number
  readonly rss: number
}

type Command = (args: any) => unknown

const commands: Record<string, Command> = {
  usage: () => usage(),
  /** Collects garbage until the heap stands still, so that what is left is what is held. */
  settle: async () => {
    let last = Infinity
    for (let i = 0; i < 12; i++) {
      globalThis.gc?.()
      await new Promise((done) => setTimeout(done, 250))
      const { heapUsed } = process.memoryUsage()
      if (i >= 4 && Math.abs(last - heapUsed) < last / 500) break
      last = heapUsed
    }
    globalThis.gc?.()
    return usage()
  }
}

const usage = (): Usage => {
  const { system, user } = process.cpuUsage()
  const { heapUsed, rss } = process.memoryUsage()
  return { cpu: user + system, heap: heapUsed, rss }
}

/** Adds what the parent may ask for. */
export const onCommand = (name: string, command: Command): void => {
  commands[name] = command
}

/** How often each call of a `slow` has run, for the work that cuts connections. */
export const executions = new Map<string, number>()

export const countExecution = (id: string): number => {
  const times = (executions.get(id) ?? 0) + 1
  executions.set(id, times)
  return times
}

onCommand("executions", (ids: ReadonlyArray<string>) => ids.map((id) => executions.get(id) ?? 0))

/** Lets the parent cut all sockets of a server at once, without a close frame. */
export const cuttable = (server: Server): void => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  onCommand("cut", () => {
    const count = sockets.size
    for (const socket of sockets) socket.resetAndDestroy()
    return count
  })
}

/** What the parent has passed: the options of the server. */
export const options: any = JSON.parse(process.argv[2] ?? "{}")

export const ready = (port: number): void => {
  process.send?.({ type: "ready", port })
}

process.on("message", async ({ args, id, name }: any) => {
  try {
    const value = await commands[name]!(args)
    process.send?.({ type: "answer", id, value: value ?? null })
  } catch (error) {
    process.send?.({ type: "answer", id, error: String(error) })
  }
})
process.on("disconnect", () => process.exit(0))
// No server outlives its work, even if its parent was killed.
setTimeout(() => process.exit(3), 15 * 60_000).unref()
