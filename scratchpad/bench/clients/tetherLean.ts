/**
 * Tether's wire protocol by hand over raw `ws`, as lean as the raw client, so that the server is measured alone. With
 * `batch` the frames of a tick travel as one message, as Tether's own client does it; without it each is a message.
 */
import { WebSocket } from "ws"
import { token } from "../contracts/work.ts"
import { type Connect, fromCallback } from "./Peer.ts"

const ackEvery = 128

class Wire {
  readonly waiting = new Map<number, (reply: any) => void>()
  ids = 0
  private frames: Array<string> = []
  private received = 0
  private reported = 0
  private readonly socket: WebSocket
  private readonly batch: boolean
  private timer: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, batch: boolean) {
    this.socket = socket
    this.batch = batch
  }

  send(frame: string): void {
    if (!this.batch) return this.socket.send(`[${frame}]`)
    if (this.frames.push(frame) === 1) queueMicrotask(this.flush)
  }

  readonly flush = (): void => {
    if (this.received > this.reported) this.frames.push(this.ack())
    if (this.frames.length === 0) return
    const message = `[${this.frames.join(",")}]`
    this.frames = []
    this.socket.send(message)
  }

  private ack(): string {
    this.reported = this.received
    return `["ack",${this.received}]`
  }

  /** Counts a data frame; acknowledges it with what leaves anyway, or after 128, or after a second. */
  receive(): void {
    this.received++
    if (this.received - this.reported >= ackEvery) this.socket.send(`[${this.ack()}]`)
    else this.timer ??= setTimeout(this.onTimer, 1000)
  }

  private readonly onTimer = (): void => {
    this.timer = undefined
    if (this.received > this.reported && this.socket.readyState === 1) this.socket.send(`[${this.ack()}]`)
  }

  close(): void {
    clearTimeout(this.timer)
    this.socket.terminate()
  }
}

export const make = (settings: { readonly batch: boolean }): Connect => ({ onEvent, url }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/actors`, { perMessageDeflate: false })
    const wire = new Wire(socket, settings.batch)
    const onFrame = (frame: any) => {
      switch (frame[0]) {
        case "reply": {
          wire.receive()
          const done = wire.waiting.get(frame[1])!
          wire.waiting.delete(frame[1])
          if (frame[2]._tag !== "Success") throw new Error(JSON.stringify(frame))
          return done(frame[2].value)
        }
        case "event":
          wire.receive()
          return onEvent?.(frame[2])
        case "ping":
          return socket.send("[[\"pong\"]]")
        case "welcome":
          socket.send("[[\"ack\",0]]")
          return resolve(peer)
        case "ack":
        case "pong":
          return
        default:
          reject(new Error(JSON.stringify(frame)))
      }
    }
    const peer = {
      ...fromCallback((name, note, done) => {
        const id = wire.ids++
        wire.waiting.set(id, done)
        wire.send(JSON.stringify(["call", id, name, note]))
      }),
      close: () => wire.close()
    }
    socket.on("error", reject)
    socket.on("open", () => {
      const subscriptions = onEvent === undefined ? [] : ["said"]
      const hello = { protocol: 1, actor: "Bench", key: "bench", params: { token }, subscriptions, attach: 1 }
      socket.send(JSON.stringify([["hello", hello]]))
    })
    socket.on("message", (data) => {
      for (const frame of JSON.parse(String(data))) onFrame(frame)
    })
  })
