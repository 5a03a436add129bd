import type { Work } from "../Work.ts"

export const work: Work = {
  name: "resume",
  title: "A cut of all connections",
  groups: (plan) => {
    const clients = plan.quick ? 1000 : 5000
    return [{
      id: "resume.whole",
      title: `${clients.toLocaleString("en-US")} clients are cut at once and come back`,
      about:
        "Client with server. The server resets all sockets in the middle of a stream of 20 numbered events and with one"
        + " call of 200 ms on its way for each client. Both clients dial again after a random time of up to 500 ms. Socket.IO"
        + " with connection state recovery and no retries of calls, which its docs leave to the app; the actor of Tether"
        + " runs its handlers beside each other here, as those of Socket.IO do.",
      load: "resume",
      params: { clients },
      rows: [
        { name: "Socket.IO", subject: { server: "socketio", serverOptions: { recovery: true }, client: "socketio" } },
        { name: "Tether", subject: { server: "tether", serverOptions: { concurrency: "unbounded" }, client: "tether" } }
      ],
      columns: [
        { key: "millis", title: "ms until the last is back", better: "less" },
        { key: "back", title: "back", better: "more" },
        { key: "resumed", title: "resumed", better: "more" },
        { key: "eventsLost", title: "events lost", better: "less" },
        { key: "eventsDoubled", title: "events doubled", better: "less" },
        { key: "callsUnanswered", title: "calls without an answer", better: "less" },
        { key: "callsTwice", title: "calls that ran twice", better: "less" }
      ],
      baseline: "Socket.IO",
      runs: Math.min(plan.runs, 3),
      seconds: 6 + clients / 250
    }]
  }
}
