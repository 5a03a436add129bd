/**
 * The JSON protocol of Effect's `RpcServer` by hand over raw `ws`.
 */
import { WebSocket } from "ws"
import { type Connect, fromCallback } from "./Peer.ts"

export const connect: Connect = ({ onEvent, url }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/rpc`, { perMessageDeflate: false })
    const waiting = new Map<string, (reply: any) => void>()
    let ids = 0
    const request = (tag: string, payload: unknown) => {
      const id = ids++
      socket.send(JSON.stringify({ _tag: "Request", id, tag, payload, headers: [] }))
      return String(id)
    }
    const onMessage = (message: any) => {
      if (message._tag === "Exit") {
        const id = String(message.requestId)
        const done = waiting.get(id)
        waiting.delete(id)
        if (message.exit._tag !== "Success") throw new Error(JSON.stringify(message))
        return done?.(message.exit.value)
      }
      if (message._tag === "Chunk") {
        socket.send(JSON.stringify({ _tag: "Ack", requestId: message.requestId }))
        for (const value of message.values) onEvent?.(value)
      }
    }
    socket.on("error", reject)
    socket.on("message", (data) => {
      const messages = JSON.parse(String(data))
      if (Array.isArray(messages)) messages.forEach(onMessage)
      else onMessage(messages)
    })
    socket.on("open", () => {
      if (onEvent !== undefined) request("said", null)
      resolve({
        ...fromCallback((name, note, done) => {
          waiting.set(request(name, note), done)
        }),
        close: () => socket.terminate()
      })
    })
  })
