import { clients, lean, whole } from "../subjects.ts"
import type { Column, Group, Plan, Row, Work } from "../Work.ts"

const rate: Column = { key: "rate", title: "calls/s", better: "more" }
const serverCpu: Column = { key: "serverCpu", title: "server, µs CPU a call", better: "less" }
const clientCpu: Column = { key: "clientCpu", title: "load, µs CPU a call", better: "less" }

const shapes = [
  { id: "sequential", title: "one call at a time on one connection", connections: 1, inFlight: 1 },
  { id: "100", title: "100 calls in flight on one connection", connections: 1, inFlight: 100 },
  { id: "50x10", title: "50 connections with 10 calls in flight each", connections: 50, inFlight: 10 }
]

const sides: ReadonlyArray<{ id: string; title: string; about: string; rows: ReadonlyArray<Row>; shapes: number }> = [
  {
    id: "server",
    title: "Server alone",
    about:
      "Each server under the same lean load: raw `ws` that speaks the server's protocol by hand. Tether's frames of a"
      + " tick travel as one message, as its client sends them; the last row sends each call as a"
      + " message of its own. One with its schemas compiled (`effect/schema/SchemaJITCompiler`) stands beside it. Many calls"
      + " in one message also mean that both sides take turns: while one works, the other waits.",
    rows: [lean.ws, lean.wsCheck, lean.socketio, lean.effectRpc, lean.tether, lean.tetherJit, lean.tetherSingle],
    shapes: 3
  },
  {
    id: "client",
    title: "Client alone",
    about: "Each client library against a server that parses the message and glues a reply together.",
    rows: [clients.ws, clients.socketio, clients.effectRpc, clients.tether],
    shapes: 2
  },
  {
    id: "whole",
    title: "Client with server",
    about:
      "Each server with its own client library, as a user has them. Of all these only `ws + JSON + schema`, Effect RPC"
      + " and Tether check payloads; only Tether keeps what it sends until it is acknowledged (Socket.IO's recovery is off).",
    rows: [whole.ws, whole.wsCheck, whole.socketio, whole.colyseus, whole.rivetkit, whole.effectRpc, whole.tether],
    shapes: 3
  }
]

export const work: Work = {
  name: "calls",
  title: "Calls",
  groups: (plan: Plan): ReadonlyArray<Group> => {
    const millis = plan.quick ? 500 : 3000
    return sides.flatMap((side) =>
      shapes.slice(0, side.shapes).map(({ connections, id, inFlight, title }) => ({
        id: `calls.${side.id}.${id}`,
        title: `${side.title}: ${title}`,
        about: side.about,
        load: "calls",
        params: { connections, inFlight, millis },
        rows: side.rows,
        columns: id === "sequential"
          ? [
            { key: "p50", title: "p50, ms", better: "less" },
            { key: "p99", title: "p99, ms", better: "less" },
            rate,
            serverCpu,
            clientCpu
          ]
          : [rate, serverCpu, clientCpu],
        baseline: "ws + JSON",
        runs: plan.runs,
        seconds: 1.1 + millis * 1.25 / 1000
      }))
    )
  }
}
