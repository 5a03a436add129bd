/**
 * One connection to a server, as the loads use it, whatever speaks behind it.
 */
import { type Note, text } from "../contracts/work.ts"

export interface Peer {
  /** One call; settles with its reply. */
  readonly call: () => Promise<Note>
  /** Keeps so many calls in flight while `more` says so, then waits for the rest. Tells each call's time in ms. */
  readonly drive: (inFlight: number, more: () => boolean, settled?: (millis: number) => void) => Promise<void>
  /** Has the server send the event to all members. */
  readonly shout: (note: Note) => Promise<void>
  /** A call that takes `slowness`, for cuts; fails if its answer never comes. */
  readonly slow?: (id: string) => Promise<void>
  /** Lets this end go, abruptly where the protocol allows it. */
  readonly close: () => void
}

export interface ConnectOptions {
  readonly url: string
  readonly index: number
  /** Hears each event; without it the peer is no member. */
  readonly onEvent?: ((note: Note) => void) | undefined
  /** Hears that the connection is back after a cut, and whether it was resumed. */
  readonly onResume?: ((resumed: boolean) => void) | undefined
}

export type Connect = (options: ConnectOptions) => Promise<Peer>

export type Call = (name: "echo" | "shout", note: Note, done: (reply: Note) => void) => void

/** Makes the calls of a peer from one that takes a callback; no promise and no closure per call beyond that callback. */
export const fromCallback = (call: Call): Pick<Peer, "call" | "drive" | "shout"> => ({
  call: () => new Promise((done) => call("echo", { text, number: 0 }, done)),
  shout: (note) => new Promise((done) => call("shout", note, () => done())),
  drive: (inFlight, more, settled) =>
    new Promise((done) => {
      let open = 0
      const next = () => {
        if (!more()) {
          if (open === 0) done()
          return
        }
        open++
        const number = open
        const since = settled === undefined ? 0 : performance.now()
        call("echo", { text, number }, (reply) => {
          if (reply.number !== number + 1) throw new Error("a reply that belongs to another call")
          open--
          settled?.(performance.now() - since)
          next()
        })
      }
      for (let i = 0; i < inFlight; i++) next()
    })
})

/** The same from one that gives a promise, as most client libraries do. */
export const fromPromise = (call: (name: "echo" | "shout", note: Note) => Promise<Note>): ReturnType<
  typeof fromCallback
> => {
  const one = async (more: () => boolean, settled: ((millis: number) => void) | undefined) => {
    while (more()) {
      const since = performance.now()
      const reply = await call("echo", { text, number: 1 })
      if (reply.number !== 2) throw new Error("a wrong reply")
      settled?.(performance.now() - since)
    }
  }
  return {
    call: () => call("echo", { text, number: 0 }),
    shout: async (note) => void await call("shout", note),
    drive: async (inFlight, more, settled) =>
      void await Promise.all(Array.from({ length: inFlight }, () => one(more, settled)))
  }
}
