import { lean, whole } from "../subjects.ts"
import type { Column, Work } from "../Work.ts"

const columns: ReadonlyArray<Column> = [
  { key: "rate", title: "deliveries/s, eight on their way", better: "more" },
  { key: "last", title: "one alone: ms until the last member has it", better: "less" },
  { key: "singleRate", title: "deliveries/s, one alone", better: "more" },
  { key: "singleCpu", title: "one alone: server, µs CPU a delivery", better: "less" },
  { key: "serverCpu", title: "server, µs CPU a delivery", better: "less" },
  { key: "clientCpu", title: "load, µs CPU a delivery", better: "less" }
]

export const work: Work = {
  name: "broadcast",
  title: "Broadcast",
  groups: (plan) => {
    const millis = plan.quick ? 300 : 2000
    return (plan.quick ? [100, 1000] : [100, 1000, 5000]).flatMap((members) =>
      [
        {
          id: "server",
          title: "Server alone",
          about:
            "All members are raw `ws` in one process. Eight events that are said in one go reach a member of Tether as"
            + " one message, and each as a message of its own from the others, but for Effect RPC, whose streams bundle too.",
          rows: [lean.ws, lean.socketio, lean.effectRpc, lean.tether]
        },
        {
          id: "whole",
          title: "Client with server",
          about: "All members are client libraries in one process, which mostly measures that process.",
          rows: [whole.ws, whole.socketio, whole.colyseus, whole.rivetkit, whole.effectRpc, whole.tether]
        }
      ].map(({ about, id, rows, title }) => ({
        id: `broadcast.${id}.${members}`,
        title: `${title}: an event of 100 bytes to ${members.toLocaleString("en-US")} members`,
        about,
        load: "broadcast",
        params: { members, millis },
        rows,
        columns,
        baseline: "ws + JSON",
        runs: Math.min(plan.runs, 3),
        seconds: 2 + members / 900 + millis * 2.6 / 1000
      }))
    )
  }
}
