import { lean } from "../subjects.ts"
import type { Work } from "../Work.ts"

export const work: Work = {
  name: "idle",
  title: "Idle connections",
  groups: (plan) => {
    const clients = plan.quick ? 1000 : 5000
    return [{
      id: "idle.server",
      title: `${clients.toLocaleString("en-US")} idle connections, what the server holds for each`,
      about:
        "A server of its own. Raw `ws` clients connect, make one call each and are still; heap and RSS after garbage"
        + " collection, less what they were before (200 connections had come and gone by then).",
      load: "idle",
      params: { clients },
      rows: [lean.ws, lean.socketio, lean.effectRpc, lean.tether],
      columns: [
        { key: "heap", title: "heap, bytes a connection", better: "less" },
        { key: "rss", title: "RSS, bytes a connection", better: "less" }
      ],
      baseline: "ws + JSON",
      runs: Math.min(plan.runs, 3),
      seconds: 7 + clients / 400
    }]
  }
}
