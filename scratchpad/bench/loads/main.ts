/**
 * The load, in a process of its own: does one work with one kind of client and tells what it measured.
 */
import { load } from "../clients/clients.ts"
import { ask, type Load } from "./Load.ts"

const loads: Record<string, () => Promise<{ readonly run: Load }>> = {
  calls: () => import("./calls.ts"),
  broadcast: () => import("./broadcast.ts"),
  connect: () => import("./connect.ts"),
  idle: () => import("./idle.ts"),
  resume: () => import("./resume.ts"),
  growth: () => import("./growth.ts")
}

const options = JSON.parse(process.argv[2]!)
process.on("disconnect", () => process.exit(0))
// No load outlives its work, even if its parent was killed.
setTimeout(() => process.exit(3), 15 * 60_000).unref()

/** The exit waits until the message was handed over. */
const leave = (message: unknown) => process.send!(message, () => process.exit(0))

process.on("uncaughtException", (error) => leave({ type: "failed", error: error.stack ?? String(error) }))
process.on("unhandledRejection", (error) => leave({ type: "failed", error: (error as any)?.stack ?? String(error) }))

const { run } = await loads[options.load]!()
const connect = await load(options.client)
leave({ type: "result", value: await run({ ...options, connect, ask }) })
