import { lean, whole } from "../subjects.ts"
import type { Work } from "../Work.ts"

export const work: Work = {
  name: "connect",
  title: "Connect and first call",
  groups: (plan) =>
    (plan.quick ? [1000] : [1000, 5000]).flatMap((clients) =>
      [
        {
          id: "server",
          title: "Server alone",
          rows: [lean.ws, lean.socketio, lean.effectRpc, lean.tether]
        },
        {
          id: "whole",
          title: "Client with server",
          rows: [whole.ws, whole.socketio, whole.colyseus, whole.rivetkit, whole.effectRpc, whole.tether]
        }
      ].map(({ id, rows, title }) => ({
        id: `connect.${id}.${clients}`,
        title: `${title}: ${clients.toLocaleString("en-US")} clients connect and make one call each`,
        about:
          "50 at a time; 200 came before them and warmed up. Socket.IO, Colyseus, rivetkit and Tether admit by a hook,"
          + " raw `ws` looks at a token in the first message, Effect RPC lets everybody in and needs no answer before the"
          + " first call.",
        load: "connect",
        params: { clients },
        rows,
        columns: [
          { key: "rate", title: "clients/s", better: "more" },
          { key: "p50", title: "p50, ms", better: "less" },
          { key: "p99", title: "p99, ms", better: "less" },
          { key: "serverCpu", title: "server, µs CPU a client", better: "less" },
          { key: "clientCpu", title: "load, µs CPU a client", better: "less" }
        ],
        baseline: "ws + JSON",
        runs: Math.min(plan.runs, 3),
        seconds: 1.5 + clients / 800
      }))
    )
}
