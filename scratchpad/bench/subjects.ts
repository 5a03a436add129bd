/**
 * Who is measured, and how each is set up.
 */
import type { Row } from "./Work.ts"

/** Under a lean load: raw `ws` that speaks the protocol of the server by hand. */
export const lean = {
  ws: { name: "ws + JSON", subject: { server: "ws", client: "ws" } },
  wsCheck: { name: "ws + JSON + schema", subject: { server: "ws", serverOptions: { check: true }, client: "ws" } },
  effectRpc: { name: "Effect RPC", subject: { server: "effectRpc", client: "effectRpcLean" } },
  socketio: { name: "Socket.IO", subject: { server: "socketio", client: "socketioLean" } },
  tether: { name: "Tether", subject: { server: "tether", client: "tetherLean" } },
  /** With the compiler of Effect's schemas, which an app may turn on where `new Function` is allowed. */
  tetherJit: {
    name: "Tether, schema JIT",
    subject: { server: "tether", client: "tetherLean", preload: "effect/schema/SchemaJITCompiler/enable" }
  },
  tetherSingle: { name: "Tether, a message a call", subject: { server: "tether", client: "tetherSingle" } }
} satisfies Record<string, Row>

/** The client that each comes with. */
export const whole = {
  ws: { name: "ws + JSON", subject: { server: "ws", client: "ws" } },
  wsCheck: { name: "ws + JSON + schema", subject: { server: "ws", serverOptions: { check: true }, client: "ws" } },
  effectRpc: { name: "Effect RPC", subject: { server: "effectRpc", client: "effectRpc" } },
  socketio: { name: "Socket.IO", subject: { server: "socketio", client: "socketio" } },
  colyseus: { name: "Colyseus", subject: { server: "colyseus", client: "colyseus" } },
  rivetkit: { name: "rivetkit", subject: { server: "rivetkit", client: "rivetkit" } },
  tether: { name: "Tether", subject: { server: "tether", client: "tether" } }
} satisfies Record<string, Row>

const nullServer = (protocol: string, client: string) => ({ server: "null", serverOptions: { protocol }, client })

/** Clients against a server that glues a reply together. */
export const clients = {
  ws: { name: "ws + JSON", subject: nullServer("ws", "ws") },
  effectRpc: { name: "Effect RPC", subject: nullServer("effectRpc", "effectRpc") },
  socketio: { name: "Socket.IO", subject: nullServer("socketio", "socketio") },
  tether: { name: "Tether", subject: nullServer("tether", "tether") }
} satisfies Record<string, Row>

/** For the report: what each was told. Compression of messages is off everywhere, at both ends. */
export const setups: ReadonlyArray<readonly [name: string, setup: string]> = [
  [
    "ws + JSON",
    "A `WebSocketServer` on a `node:http` server. One message a call: `[id, name, payload]` and `[id, result]`, by"
    + " `JSON.parse` and `JSON.stringify`. A broadcast is a loop that sends one prepared string. The first message of a"
    + " socket brings the token."
  ],
  ["ws + JSON + schema", "The same; payload and result go through the schema codec that Tether uses for them."],
  [
    "Socket.IO",
    "WebSocket transport only at both ends, calls by acknowledgement, events to a room, the token in a middleware"
    + " (`io.use`). The first HTTP request of each socket is let go, as its docs on memory advise. Connection state"
    + " recovery is on in the work that cuts connections and off elsewhere. It checks no payload."
  ],
  [
    "Effect RPC",
    "`RpcServer.layerHttp` with the WebSocket protocol and JSON, tracing and fatal defects off. Schemas as in Tether. No"
    + " hook on connect. Events are a streaming RPC from a bounded `PubSub`."
  ],
  [
    "rivetkit",
    "2.0.33 with its memory driver, log level error, inspector off, one actor, its default encoding, the token in"
    + " `onBeforeConnect`. It checks no payload."
  ],
  [
    "Colyseus",
    "One room without synchronised state, no limits on clients and messages, the token in `onAuth`. It has messages and"
    + " no calls: a reply is a message with the id of what it answers. msgpack. It checks no payload."
  ],
  [
    "Tether",
    "`ActorServer.layerHttpRouter` on Effect's Node HTTP server, a host with its defaults (only `maxHandshakes` and"
    + " the rate of frames are higher), one actor with one handler at a time, the token in `onBeforeConnect`. Every"
    + " message is counted, acknowledged and kept until it is."
  ]
]
