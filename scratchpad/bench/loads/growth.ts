/**
 * What a call costs as actors and connections grow in number.
 */
import { connectAll, type Load, sleep } from "./Load.ts"

export const run: Load = async (options) => options.of === "actors" ? actors(options) : connections(options)

/** Wire calls of one connection, 10 in flight, in microseconds of the server's processor time. */
const callCost = async (options: Parameters<Load>[0], peer: Awaited<ReturnType<typeof connectAll>>[number]) => {
  const until = performance.now() + options.millis
  let calls = 0
  const before = (await options.ask("usage")).cpu
  await peer.drive(10, () => {
    calls++
    return (calls & 63) !== 0 || performance.now() < until
  })
  return ((await options.ask("usage")).cpu - before) / calls
}

const actors: Load = async (options) => {
  const [peer] = await connectAll(options, 1)
  const result: Record<string, number> = {}
  await options.ask("touch", { from: 0, to: 1, times: 20_000 })
  await callCost(options, peer!)
  const empty = await options.ask("settle")
  let live = 0
  let millis = 0
  for (const count of options.steps as ReadonlyArray<number>) {
    const since = performance.now()
    if (count > live) await options.ask("touch", { from: live, to: count, times: count - live })
    millis += performance.now() - since
    live = count
    result[`internal${count}`] = await options.ask("touch", { from: 0, to: count, times: 20_000 }) / 1000
    result[`wire${count}`] = await callCost(options, peer!)
  }
  await sleep(500)
  const after = await options.ask("settle")
  return {
    ...result,
    heap: (after.heap - empty.heap) / live,
    rss: (after.rss - empty.rss) / live,
    startMicros: millis * 1000 / live
  }
}

const connections: Load = async (options) => {
  const result: Record<string, number> = {}
  const [peer] = await connectAll(options, 1)
  await callCost(options, peer!)
  let live = 1
  for (const count of options.steps as ReadonlyArray<number>) {
    if (count > live) await connectAll(options, count - live)
    live = count
    await sleep(300)
    result[`wire${count}`] = await callCost(options, peer!)
  }
  return result
}
