/**
 * Free ports of the loopback interface, for servers that must know their port before they start, or come back on it.
 *
 * They lie below the ports that systems hand out by themselves (from 32768, 49152 or 1025, by system), so that nobody is
 * given one between its probe and its use; and each process begins elsewhere and takes none twice.
 */
import { Effect } from "effect"
import { createServer } from "node:net"

const first = 10_000
const last = 32_000

let next = first + (process.pid * 97) % (last - first)

/** A port that nobody listens on. */
export const free: Effect.Effect<number> = Effect.suspend(() => {
  const port = next
  next = next + 1 < last ? next + 1 : first
  return Effect.callback<number>((resume) => {
    const probe = createServer()
    probe.on("error", () => resume(free))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(port))))
  })
})
