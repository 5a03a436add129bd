/**
 * Socket.IO 4.8 over its WebSocket transport: acknowledgements for calls, a room for events, a middleware as auth hook.
 */
import { createServer } from "node:http"
import { Server } from "socket.io"
import { echo, type Note, slowness, token } from "../contracts/work.ts"
import { countExecution, cuttable, options, ready } from "./child.ts"

const http = createServer()
cuttable(http)
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  // Docs, "Memory usage": the first HTTP request of each session may be let go.
  ...(options.recovery === true ? { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } } : {})
})
io.engine.on("connection", (socket: any) => {
  socket.request = null
})
io.use((socket, next) => next(socket.handshake.auth["token"] === token ? undefined : new Error("unauthorized")))
io.on("connection", (socket) => {
  if (!socket.recovered && socket.handshake.auth["events"] === true) void socket.join("members")
  socket.on("echo", (note: Note, reply: (note: Note) => void) => reply(echo(note)))
  socket.on(
    "slow",
    ({ id }: { id: string }, reply: (times: number) => void) =>
      void setTimeout(() => reply(countExecution(id)), slowness)
  )
  socket.on("shout", (note: Note, reply: () => void) => {
    io.to("members").emit("said", note)
    reply()
  })
})
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => ready((http.address() as any).port))
