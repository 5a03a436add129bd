/**
 * The client library of Socket.IO, WebSocket transport only.
 */
import { io } from "socket.io-client"
import { slowness, token } from "../contracts/work.ts"
import { type Connect, fromCallback } from "./Peer.ts"

/** `redial` is the middle of the spread in which it dials again, in milliseconds. */
export const make = (settings: { readonly redial: number }): Connect => ({ onEvent, onResume, url }) =>
  new Promise((resolve, reject) => {
    const socket = io(url, {
      transports: ["websocket"],
      perMessageDeflate: false as never,
      forceNew: true,
      auth: { token, events: onEvent !== undefined },
      reconnectionDelay: settings.redial,
      reconnectionDelayMax: settings.redial * 2,
      randomizationFactor: 1
    })
    let first = true
    if (onEvent !== undefined) socket.on("said", onEvent)
    socket.on("connect_error", (error) => {
      if (first) reject(error)
    })
    socket.on("connect", () => {
      if (!first) return onResume?.(socket.recovered)
      first = false
      resolve({
        ...fromCallback((name, note, done) => void socket.emit(name, note, done)),
        slow: async (id) => void await socket.timeout(slowness + 20_000).emitWithAck("slow", { id }),
        close: () => void socket.disconnect()
      })
    })
  })
