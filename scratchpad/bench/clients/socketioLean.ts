/**
 * The protocol of Socket.IO by hand over raw `ws`.
 */
import { WebSocket } from "ws"
import { token } from "../contracts/work.ts"
import { type Connect, fromCallback } from "./Peer.ts"

export const connect: Connect = ({ onEvent, url }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false })
    const waiting = new Map<number, (reply: any) => void>()
    let ids = 0
    const peer = {
      ...fromCallback((name, note, done) => {
        const id = ids++
        waiting.set(id, done)
        socket.send(`42${id}${JSON.stringify([name, note])}`)
      }),
      close: () => socket.terminate()
    }
    socket.on("error", reject)
    socket.on("message", (data) => {
      const message = String(data)
      if (message === "2") return socket.send("3")
      if (message.startsWith("0")) {
        return socket.send(`40${JSON.stringify({ token, events: onEvent !== undefined })}`)
      }
      if (message.startsWith("40")) return resolve(peer)
      if (message.startsWith("42")) return onEvent?.(JSON.parse(message.slice(2))[1])
      if (!message.startsWith("43")) return reject(new Error(message))
      const end = message.indexOf("[")
      const id = Number(message.slice(2, end))
      const done = waiting.get(id)!
      waiting.delete(id)
      done(JSON.parse(message.slice(end))[0])
    })
  })
