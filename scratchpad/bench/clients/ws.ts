/**
 * Raw `ws` with JSON.
 */
import { WebSocket } from "ws"
import { token } from "../contracts/work.ts"
import { type Connect, fromCallback } from "./Peer.ts"

export const connect: Connect = ({ onEvent, url }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    const waiting = new Map<number, (reply: any) => void>()
    let ids = 0
    socket.on("error", reject)
    socket.on("open", () => socket.send(JSON.stringify({ token, events: onEvent !== undefined })))
    socket.once("message", () => {
      socket.on("message", (data) => {
        const [id, value] = JSON.parse(String(data))
        if (id === "said") return onEvent?.(value)
        const done = waiting.get(id)!
        waiting.delete(id)
        done(value)
      })
      resolve({
        ...fromCallback((name, note, done) => {
          const id = ids++
          waiting.set(id, done)
          socket.send(JSON.stringify([id, name, note]))
        }),
        close: () => socket.terminate()
      })
    })
  })
