import { Effect, Option } from "effect"
import { vi } from "vitest"
import type * as RealAttachment from "../../src/client/Attachment.ts"
import { ClientSession } from "../../src/client/ClientSession.ts"
import { Outbox } from "../../src/client/Outbox.ts"
import type * as RealDisconnectReason from "../../src/DisconnectReason.ts"
import type * as RealActorInstance from "../../src/host/ActorInstance.ts"
import type * as RealConnectionTable from "../../src/host/ConnectionTable.ts"
import type * as RealHookRunner from "../../src/host/HookRunner.ts"
import type * as RealServerCalls from "../../src/host/ServerCalls.ts"
import { ServerConnection } from "../../src/host/ServerConnection.ts"
import type * as RealTurn from "../../src/host/Turn.ts"
import { Heartbeat } from "../../src/session/Heartbeat.ts"
import type * as RealResumeToken from "../../src/session/ResumeToken.ts"
import { Session } from "../../src/session/Session.ts"
import type * as RealSessionState from "../../src/session/SessionState.ts"
import { notices } from "./Fault.ts"
import { simulation } from "./Simulation.ts"

/** What the modules below do wrong, and how often they were asked to. */
const fault = vi.hoisted(() => ({ active: "", times: 0 }))

const { every, has } = vi.hoisted(() => ({
  has: (name: string) => fault.active === name,
  every: (n: number) => ++fault.times % n === 0
}))

vi.mock("../../src/session/SessionState.ts", async (original) => {
  const real = await original<typeof RealSessionState>()
  return {
    ...real,
    receive: (self: Parameters<typeof real.receive>[0]) => {
      if (has("a frame is not counted") && every(5)) return
      real.receive(self)
    },
    acknowledge: (self: Parameters<typeof real.acknowledge>[0], count: number) =>
      has("acknowledged frames are kept") || real.acknowledge(self, count),
    resume: (self: Parameters<typeof real.resume>[0], received: number) => {
      const kept = self.kept.slice(self.head)
      const tail = real.resume(self, received)
      if (has("one frame too many is replayed")) return tail?.flatMap((frame, i) => i === 0 ? [frame, frame] : [frame])
      if (has("one frame too few is replayed")) return tail?.slice(1)
      return has("what the peer has taken in is replayed") ? kept : tail
    }
  }
})

vi.mock("../../src/session/ResumeToken.ts", async (original) => {
  const real = await original<typeof RealResumeToken>()
  const equals: typeof real.equals = (a, b) => !has("no token is known again") && real.equals(a, b)
  return { ...real, equals }
})

vi.mock("../../src/host/Turn.ts", async (original) => {
  const real = await original<typeof RealTurn>()
  const make: typeof real.make = (address, concurrency) =>
    real.make(address, has("handlers do not wait for their turn") ? "unbounded" : concurrency)
  return { ...real, make }
})

vi.mock("../../src/host/HookRunner.ts", async (original) => {
  const real = await original<typeof RealHookRunner>()
  const make: typeof real.make = (options) => {
    const runner = real.make(options)
    return {
      ...runner,
      onConnect: (connection) => has("onConnect is left out") ? Effect.void : runner.onConnect(connection),
      onDisconnect: (connection, reason) =>
        has("onDisconnect runs twice")
          ? Effect.andThen(runner.onDisconnect(connection, reason), runner.onDisconnect(connection, reason))
          : runner.onDisconnect(connection, reason),
      onSuspend: (connection, isDue) =>
        has("onSuspend runs twice")
          ? Effect.andThen(runner.onSuspend(connection, isDue), runner.onSuspend(connection, () => true))
          : runner.onSuspend(connection, isDue)
    }
  }
  return { ...real, make }
})

vi.mock("../../src/host/ConnectionTable.ts", async (original) => {
  const real = await original<typeof RealConnectionTable>()
  const make: typeof real.make = (encode) =>
    Effect.map(real.make(encode), (table) => ({
      ...table,
      remove: (connection, reason) => {
        if (has("a kicked connection stays in the list") && reason._tag === "Kicked") return
        table.remove(connection, reason)
      }
    }))
  return { ...real, make }
})

vi.mock("../../src/host/ActorInstance.ts", async (original) => {
  const real = await original<typeof RealActorInstance>()
  const make: typeof real.make = (options) =>
    Effect.map(
      real.make(options),
      (instance) =>
        has("the resume window goes on after a resume")
          ? { ...instance, cancelExpiry: () => Effect.void }
          : instance
    )
  return { ...real, make }
})

vi.mock("../../src/host/ServerCalls.ts", async (original) => {
  const real = await original<typeof RealServerCalls>()
  const finish: typeof real.finish = (self, connection, letFinish) => {
    if (has("calls that run are said not to")) { for (const call of connection.calls.values()) call.started = false }
    return real.finish(self, connection, letFinish)
  }
  return { ...real, finish }
})

vi.mock("../../src/client/Attachment.ts", async (original) => {
  const real = await original<typeof RealAttachment>()
  const live: typeof real.live = (parts) =>
    real.live(has("a gap is not announced") ? { ...parts, announceGap: () => Effect.void } : parts)
  return { ...real, live }
})

vi.mock("../../src/DisconnectReason.ts", async (original) => {
  const real = await original<typeof RealDisconnectReason>()
  const retryAfter: typeof real.retryAfter = (reason) =>
    has("a kicked client comes back at once") ? Option.none() : real.retryAfter(reason)
  return { ...real, retryAfter }
})

type Sends = "send" | "sendEvent"

/** A frame that begins so is left out. */
const without = (start: string) => () => {
  const send = Session.prototype.send
  vi.spyOn(Session.prototype, "send").mockImplementation(function(this: Session, frame) {
    if (!frame.startsWith(start)) send.call(this, frame)
  })
}

/** Faults of methods. */
const patches: Record<string, () => void> = {
  "a queued call is lost": () => {
    const take = Outbox.prototype.take
    vi.spyOn(Outbox.prototype, "take").mockImplementation(function(this: Outbox<never>) {
      const call = take.call(this)
      return call !== undefined && every(7) ? take.call(this) : call
    })
  },
  "an interrupted call stays queued": () => {
    vi.spyOn(Outbox.prototype, "remove").mockReturnValue(true)
  },
  "an interruption is not sent": without("[\"interrupt\""),
  "a consumed chunk is not acknowledged": without("[\"chunk-ack\""),
  "an unsubscription is not sent": without("[\"unsubscribe\""),
  "nobody notices a silent peer": () => {
    vi.spyOn(Heartbeat.prototype, "start").mockImplementation(() => {})
  },
  "an event is sent twice": () => {
    const sendEvent = ServerConnection.prototype.sendEvent
    vi.spyOn(ServerConnection.prototype, "sendEvent" satisfies Sends).mockImplementation(
      function(this: ServerConnection, frame) {
        sendEvent.call(this, frame)
        if (every(9)) sendEvent.call(this, frame)
      }
    )
  },
  "a late end of an old socket ends the new one": () => {
    vi.spyOn(Session.prototype, "detach").mockImplementation(function(this: Session) {
      this.socket = undefined
      return true
    })
  },
  "the proof that a client has its token is not noted": () => {
    vi.spyOn(ServerConnection.prototype, "confirm").mockImplementation(() => {})
  },
  "a client does not count its attaches": () => {
    const hello = ClientSession.prototype.hello
    vi.spyOn(ClientSession.prototype, "hello").mockImplementation(function(this: ClientSession, ...options) {
      return { ...hello.call(this, ...options), attach: 1 }
    })
  },
  "sent calls are sent again on a fresh session": () => {
    const attachTo = ClientSession.prototype.attachTo
    vi.spyOn(ClientSession.prototype, "attachTo").mockImplementation(function(this: ClientSession, outgoing, welcome) {
      const { head, kept } = this.session.state
      const tail = attachTo.call(this, outgoing, welcome)
      if (!welcome.resumed) { for (const frame of kept.slice(head)) this.session.send(frame) }
      return tail
    })
  }
}

const faults = [
  "a frame is not counted",
  "acknowledged frames are kept",
  "one frame too many is replayed",
  "one frame too few is replayed",
  "what the peer has taken in is replayed",
  "no token is known again",
  "handlers do not wait for their turn",
  "onConnect is left out",
  "onDisconnect runs twice",
  "onSuspend runs twice",
  "a kicked connection stays in the list",
  "the resume window goes on after a resume",
  "calls that run are said not to",
  "a gap is not announced",
  "a kicked client comes back at once"
]

notices("the simulation notices when", simulation, fault, faults, patches)
