/**
 * So many clients connect, make one call and are still: what the server holds for each.
 */
import { connectAll, type Load, sleep } from "./Load.ts"

export const run: Load = async (options) => {
  const { clients } = options
  // Code and pools that are made once belong to no connection.
  const warm = await connectAll(options, 200)
  await Promise.all(warm.map((peer) => peer.call()))
  for (const peer of warm) peer.close()
  await sleep(1000)
  const before = await options.ask("settle")
  const peers = await connectAll(options, clients)
  for (const peer of peers) await peer.call()
  await sleep(1000)
  const after = await options.ask("settle")
  return {
    heap: (after.heap - before.heap) / clients,
    rss: (after.rss - before.rss) / clients,
    handles: peers.length
  }
}
