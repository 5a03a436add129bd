/**
 * Servers that do next to nothing: they answer each call with a reply that is glued together, so that what is measured is
 * the client.
 */
import { createServer } from "node:http"
import { WebSocketServer } from "ws"
import { options, ready } from "./child.ts"

const value = (number: number) => `{"text":"a line of about forty bytes, as chats have","number":${number + 1}}`

const welcome = JSON.stringify([["welcome", {
  connection: "connection-of-the-bench",
  epoch: "epoch-of-the-bench",
  token: "token-of-the-bench",
  resumed: false,
  received: 0,
  limits: {
    frameBytes: 262_144,
    batchBytes: 1_048_576,
    callsInFlight: 100,
    subscriptions: 256,
    streamWindow: 16,
    bufferFrames: 1_024,
    bufferBytes: 4_194_304
  },
  heartbeat: { interval: 600_000, timeout: 600_000 },
  resumeWindow: 60_000
}]])

type Answer = (message: string) => string | undefined

/** One per connection. All of them read the message as its protocol says. */
const protocols: Record<string, () => Answer> = {
  ws: () => {
    let greeted = false
    return (message) => {
      const [id, , note] = JSON.parse(greeted ? message : "[]")
      if (greeted) return `[${id},${value(note.number)}]`
      greeted = true
      return "[\"welcome\"]"
    }
  },
  tether: () => {
    let received = 0
    return (message) => {
      const frames: ReadonlyArray<any> = JSON.parse(message)
      const replies: Array<string> = []
      for (const frame of frames) {
        if (frame[0] === "hello") return welcome
        if (frame[0] !== "call") continue
        received++
        replies.push(`["reply",${frame[1]},{"_tag":"Success","value":${value(frame[3].number)}}]`)
      }
      return replies.length === 0 ? undefined : `[${replies.join(",")},["ack",${received}]]`
    }
  },
  effectRpc: () => (message) => {
    const request = JSON.parse(message)
    if (request._tag === "Ping") return "{\"_tag\":\"Pong\"}"
    if (request._tag !== "Request") return undefined
    const id = JSON.stringify(request.id)
    return `{"_tag":"Exit","requestId":${id},"exit":{"_tag":"Success","value":${value(request.payload.number)}}}`
  },
  socketio: () => (message) => {
    if (message.startsWith("40")) return "40{\"sid\":\"sid-of-the-bench\"}"
    if (!message.startsWith("42")) return undefined
    const payload = message.indexOf("[")
    return `43${message.slice(2, payload)}[${value(JSON.parse(message.slice(payload))[1].number)}]`
  }
}

const http = createServer()
const server = new WebSocketServer({ server: http, perMessageDeflate: false })
server.on("connection", (socket) => {
  const answer = protocols[options.protocol]!()
  socket.on("error", () => {})
  socket.on("message", (data) => {
    const reply = answer(String(data))
    if (reply !== undefined) socket.send(reply)
  })
  if (options.protocol === "socketio") {
    socket.send(
      `0${
        JSON.stringify({
          sid: "engine",
          upgrades: [],
          pingInterval: 600_000,
          pingTimeout: 600_000,
          maxPayload: 1_000_000
        })
      }`
    )
  }
})
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => ready((http.address() as any).port))
