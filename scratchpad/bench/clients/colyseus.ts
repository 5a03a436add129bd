/**
 * The SDK of Colyseus. It has messages and no calls: a reply is a message that carries the id of what it answers.
 */
import { Client } from "@colyseus/sdk"
import { token } from "../contracts/work.ts"
import { type Connect, fromCallback } from "./Peer.ts"

export const connect: Connect = async ({ onEvent, url }) => {
  const room = await new Client(url.replace("ws:", "http:")).joinOrCreate("bench", { token })
  const waiting = new Map<number, (reply: any) => void>()
  let ids = 0
  room.onMessage("reply", ([id, value]: [number, any]) => {
    const done = waiting.get(id)!
    waiting.delete(id)
    done(value)
  })
  room.onMessage("said", (note: any) => onEvent?.(note))
  return {
    ...fromCallback((name, note, done) => {
      const id = ids++
      waiting.set(id, done)
      room.send(name, { id, note })
    }),
    close: () => void room.leave(false).catch(() => {})
  }
}
