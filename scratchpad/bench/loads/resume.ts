/**
 * All clients are cut at once, in the middle of a stream of numbered events and with one call each on its way. Counted:
 * the time until the last is back, events lost and doubled, calls without an answer, calls that ran twice.
 */
import { eventText } from "../contracts/work.ts"
import { connectAll, type Load, sleep } from "./Load.ts"

const patience = 60_000

export const run: Load = async (options) => {
  const { clients } = options
  const eventsHeard = Array.from({ length: clients }, () => new Map<number, number>())
  let back = 0
  let resumed = 0
  let lastBack = 0
  let allBack: (() => void) | undefined
  const peers = await connectAll(options, clients, (index) => ({
    onEvent: ({ number }) => {
      const heard = eventsHeard[index]!
      heard.set(number, (heard.get(number) ?? 0) + 1)
    },
    onResume: (whole) => {
      back++
      if (whole) resumed++
      lastBack = performance.now()
      if (back === clients) allBack?.()
    }
  }))
  await sleep(500)

  // The speaker is cut like all others.
  const events = 20
  const shout = async (from: number, to: number) => {
    for (let number = from; number < to; number++) {
      void peers[0]!.shout({ text: eventText, number }).catch(() => {})
      await sleep(50)
    }
  }
  await shout(0, 5)
  const ids = peers.map((_, index) => `call-${index}`)
  let answered = 0
  const calls = peers.map((peer, index) => peer.slow!(ids[index]!).then(() => void answered++, () => {}))
  await shout(5, 7)
  const since = performance.now()
  const everybody = new Promise<void>((done) => {
    allBack = done
  })
  const cut = await options.ask("cut")
  await Promise.race([everybody, sleep(patience)])
  const last = lastBack - since
  await Promise.race([Promise.all(calls), sleep(30_000)])
  await shout(7, events)
  await sleep(1000)

  let doubles = 0
  let losses = 0
  // What was never broadcast, because the speaker's own call was lost, was lost to all.
  for (const heard of eventsHeard) {
    for (let number = 0; number < events; number++) {
      const times = heard.get(number) ?? 0
      if (times === 0) losses++
      if (times > 1) doubles += times - 1
    }
  }
  const executions: ReadonlyArray<number> = await options.ask("executions", ids)
  return {
    millis: last,
    cut,
    back,
    resumed,
    eventsLost: losses,
    eventsDoubled: doubles,
    callsTwice: executions.filter((times) => times > 1).length,
    callsUnanswered: clients - answered
  }
}
