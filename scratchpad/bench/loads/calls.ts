/**
 * Calls: so many connections, each with so many calls in flight, for a while; the first quarter warms up.
 */
import { connectAll, cpu, type Load, quantile } from "./Load.ts"

export const run: Load = async (options) => {
  const { connections, inFlight, millis } = options
  const peers = await connectAll(options, connections)
  // Time is looked at once per 64 calls, or its cost would be in the result.
  const drive = async (until: number, latencies?: Array<number>) => {
    let done = 0
    let over = false
    const sequential = connections * inFlight === 1
    const settled = latencies === undefined ? undefined : (millis: number) => void latencies.push(millis)
    const more = () => {
      done++
      if ((sequential || (done & 63) === 0) && performance.now() >= until) over = true
      return !over
    }
    await Promise.all(peers.map((peer) => peer.drive(inFlight, more, settled)))
    return done - connections * inFlight
  }
  await drive(performance.now() + millis / 4)

  const latencies: Array<number> | undefined = connections * inFlight === 1 ? [] : undefined
  const before = { server: await options.ask("usage"), client: cpu() }
  const since = performance.now()
  const calls = await drive(since + millis, latencies)
  const elapsed = performance.now() - since
  const client = cpu() - before.client
  const server = (await options.ask("usage")).cpu - before.server.cpu
  for (const peer of peers) peer.close()
  return {
    rate: calls / elapsed * 1000,
    serverCpu: server / calls,
    clientCpu: client / calls,
    ...(latencies === undefined ? {} : { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) })
  }
}
