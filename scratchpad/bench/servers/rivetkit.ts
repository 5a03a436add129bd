/**
 * rivetkit 2.0.33 with its memory driver: one actor, actions for calls, `broadcast` for events.
 */
import { createServer } from "node:net"
import { actor, createMemoryDriver, setup } from "rivetkit"
import { echo, type Note, token } from "../contracts/work.ts"
import { ready } from "./child.ts"

const bench = actor({
  state: {},
  onBeforeConnect: (_c: unknown, params: any) => {
    if (params?.token !== token) throw new Error("unauthorized")
  },
  actions: {
    echo: (_c: unknown, note: Note) => echo(note),
    shout: (c: any, note: Note) => {
      c.broadcast("said", note)
    }
  }
})

/** It cannot be told to take any free port, so a free one is looked for. */
const freePort = () =>
  new Promise<number>((done) => {
    const probe = createServer()
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as any
      probe.close(() => done(port))
    })
  })

const port = await freePort()
setup({ use: { bench } }).start({
  driver: createMemoryDriver(),
  defaultServerPort: port,
  noWelcome: true,
  inspector: { enabled: false },
  logging: { level: "error" }
} as any)

/** `start` does not tell when it listens. */
const listening = async () => {
  for (let i = 0; i < 200; i++) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)
    if (up) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error("rivetkit does not listen")
}
await listening()
ready(port)
