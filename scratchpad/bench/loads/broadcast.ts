/**
 * Broadcasts to so many members: one at a time, which gives the time until the last member has it, then eight on their
 * way, which gives deliveries a second.
 */
import { eventText } from "../contracts/work.ts"
import { connectAll, cpu, type Load, quantile, sleep } from "./Load.ts"

const patience = 30_000

export const run: Load = async (options) => {
  const { members, millis } = options
  let heard = 0
  let expected = 0
  let complete: (() => void) | undefined
  const onEvent = () => {
    heard++
    if (heard >= expected) complete?.()
  }
  await connectAll(options, members, () => ({ onEvent }))
  const speaker = await options.connect({ url: options.url, index: members })
  // Peers that subscribe by a message of their own have to be heard first.
  await sleep(500)

  const round = async (events: number) => {
    heard = 0
    expected = members * events
    const since = performance.now()
    const all = new Promise<void>((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`${heard} of ${expected} events came`)), patience)
      complete = () => {
        clearTimeout(timer)
        done()
      }
    })
    for (let number = 0; number < events; number++) void speaker.shout({ text: eventText, number })
    await all
    return performance.now() - since
  }
  const rounds = async (events: number, millis: number, least: number) => {
    const times: Array<number> = []
    const since = performance.now()
    while (performance.now() - since < millis || times.length < least) times.push(await round(events))
    return times
  }
  await rounds(1, millis / 4, 3)
  const beforeSingle = (await options.ask("usage")).cpu
  const single = await rounds(1, millis, 5)
  const singleCpu = ((await options.ask("usage")).cpu - beforeSingle) / (members * single.length)

  await rounds(8, millis / 8, 1)
  const before = { server: await options.ask("usage"), client: cpu() }
  const eight = await rounds(8, millis, 3)
  const client = cpu() - before.client
  const server = (await options.ask("usage")).cpu - before.server.cpu
  const deliveries = members * 8 * eight.length
  const elapsed = eight.reduce((sum, time) => sum + time, 0)
  const singleElapsed = single.reduce((sum, time) => sum + time, 0)
  return {
    last: quantile(single, 0.5),
    singleRate: members * single.length / singleElapsed * 1000,
    rate: deliveries / elapsed * 1000,
    singleCpu,
    serverCpu: server / deliveries,
    clientCpu: client / deliveries
  }
}
