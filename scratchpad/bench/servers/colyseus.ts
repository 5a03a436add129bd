/**
 * Colyseus: one room, messages and `broadcast`; no synchronised state, which the work does not need.
 */
import { Room, Server } from "@colyseus/core"
import { WebSocketTransport } from "@colyseus/ws-transport"
import { createServer } from "node:http"
import { echo, type Note, token } from "../contracts/work.ts"
import { cuttable, ready } from "./child.ts"

class BenchRoom extends Room {
  override maxClients = Infinity
  override maxMessagesPerSecond = Infinity
  static override onAuth(_token: string, options: any) {
    return Promise.resolve(options.token === token)
  }
  override onCreate() {
    this.onMessage("echo", (client, { id, note }: { id: number; note: Note }) => client.send("reply", [id, echo(note)]))
    this.onMessage("shout", (client, { id, note }: { id: number; note: Note }) => {
      this.broadcast("said", note)
      client.send("reply", [id, null])
    })
  }
}

const http = createServer()
cuttable(http)
const server = new Server({
  transport: new WebSocketTransport({ server: http, perMessageDeflate: false }),
  greet: false,
  gracefullyShutdown: false
})
server.define("bench", BenchRoom)
await server.listen(0, "127.0.0.1", 4096)
ready((http.address() as any).port)
