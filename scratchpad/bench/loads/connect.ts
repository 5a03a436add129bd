/**
 * So many clients connect and make one call each, 50 at a time.
 */
import { cpu, type Load, pool, quantile } from "./Load.ts"

export const run: Load = async (options) => {
  const { clients } = options
  const times: Array<number> = []
  const one = async (index: number) => {
    const since = performance.now()
    const peer = await options.connect({ url: options.url, index })
    await peer.call()
    times.push(performance.now() - since)
    return peer
  }
  // The first ones pay for compilation.
  const warm = await pool(Math.min(200, clients / 5), 50, one)
  times.length = 0
  const before = { server: await options.ask("usage"), client: cpu() }
  const since = performance.now()
  await pool(clients, 50, one)
  const elapsed = performance.now() - since
  const server = (await options.ask("usage")).cpu - before.server.cpu
  const client = cpu() - before.client
  for (const peer of warm) peer.close()
  return {
    rate: clients / elapsed * 1000,
    millis: elapsed,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    serverCpu: server / clients,
    clientCpu: client / clients
  }
}
