/**
 * Raw `ws` with JSON, one message a call: the floor. With `check` the payload and the result go through the same schema
 * as Tether's.
 */
import { Exit, Schema } from "effect"
import { createServer } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import { echo, type Note, token } from "../contracts/work.ts"
import { cuttable, options, ready } from "./child.ts"

const codec = Schema.toCodecJson(Schema.Struct({ text: Schema.String, number: Schema.Int }))
const decode = Schema.decodeUnknownExit(codec)
const encode = Schema.encodeUnknownExit(codec)

const unwrap = <A>(exit: Exit.Exit<A, unknown>): A => {
  if (Exit.isFailure(exit)) throw new Error("the payload is not what was agreed on")
  return exit.value
}

const check: (value: unknown) => Note = options.check ? (value) => unwrap(decode(value)) : (value) => value as Note
const render: (note: Note) => unknown = options.check ? (note) => unwrap(encode(note)) : (note) => note

const members = new Set<WebSocket>()

const act = (socket: WebSocket, [id, name, payload]: [number, string, unknown]) => {
  if (name === "echo") return socket.send(JSON.stringify([id, render(echo(check(payload)))]))
  if (name === "shout") {
    const event = JSON.stringify(["said", render(check(payload))])
    for (const member of members) member.send(event)
    return socket.send(JSON.stringify([id, null]))
  }
}

const http = createServer()
const server = new WebSocketServer({ server: http, perMessageDeflate: false })
server.on("connection", (socket) => {
  socket.on("error", () => {})
  socket.once("message", (data) => {
    const hello = JSON.parse(String(data))
    if (hello.token !== token) return socket.close(4013)
    if (hello.events === true) members.add(socket)
    socket.send("[\"welcome\"]")
    socket.on("message", (data) => act(socket, JSON.parse(String(data))))
  })
  socket.on("close", () => members.delete(socket))
})
cuttable(http)
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => ready((http.address() as any).port))
