import { Effect } from "effect"
import { vi } from "vitest"
import type * as RealAttachment from "../../../src/client/Attachment.ts"
import { ClientSession } from "../../../src/client/ClientSession.ts"
import { Commits } from "../../../src/host/Commits.ts"
import { ConnectionRecord } from "../../../src/host/ConnectionRecord.ts"
import { InstanceWriter } from "../../../src/host/InstanceWriter.ts"
import type * as RealRecovery from "../../../src/host/Recovery.ts"
import type * as RealSegment from "../../../src/host/Segment.ts"
import { ServerConnection } from "../../../src/host/ServerConnection.ts"
import type * as RealResumeToken from "../../../src/session/ResumeToken.ts"
import { notices } from "../Fault.ts"
import { simulation } from "./DurableSimulation.ts"

/** What the modules below do wrong. */
const fault = vi.hoisted(() => ({ active: "", times: 0 }))

const { has } = vi.hoisted(() => ({ has: (name: string) => fault.active === name }))

vi.mock("../../../src/host/Segment.ts", async (original) => {
  const real = await original<typeof RealSegment>()
  const fold: typeof real.fold = (segments, state) => {
    const changes = real.fold(segments, state)
    if (has("answers are not stored")) return { ...changes, answered: [] }
    if (has("the state is not stored")) return { ...changes, state: undefined }
    return has("the last of several states is not the one that is stored") && segments.length > 1
      ? { ...changes, state: undefined }
      : changes
  }
  return { ...real, fold }
})

vi.mock("../../../src/host/Recovery.ts", async (original) => {
  const real = await original<typeof RealRecovery>()
  const load: typeof real.load = (...args) =>
    Effect.map(real.load(...args), (recovered) => ({
      ...recovered,
      alarms: has("stored alarms are not taken up") ? [] : recovered.alarms,
      connections: recovered.connections.map((connection) =>
        has("stored answers are not read") ? { ...connection, replies: [] } : connection
      )
    }))
  return { ...real, load }
})

vi.mock("../../../src/session/ResumeToken.ts", async (original) => {
  const real = await original<typeof RealResumeToken>()
  const equals: typeof real.equals = (a, b) => !has("no token is known again") && real.equals(a, b)
  return { ...real, equals }
})

vi.mock("../../../src/client/Attachment.ts", async (original) => {
  const real = await original<typeof RealAttachment>()
  const live: typeof real.live = (parts) =>
    real.live(has("a new epoch is no gap") ? { ...parts, announceGap: () => Effect.void } : parts)
  return { ...real, live }
})

/** Leaves out what is to be stored of a connection. */
const without = (key: "state" | "greeted" | "ended") => () => {
  const change = ServerConnection.prototype.change
  vi.spyOn(ServerConnection.prototype, "change").mockImplementation(function(this: ServerConnection, changes) {
    const { [key]: _, ...rest } = changes
    change.call(this, rest)
  })
}

/** Faults of methods. */
const patches: Record<string, () => void> = {
  "an answer leaves before its change is stored": () => {
    const answer = Commits.prototype.answer
    vi.spyOn(Commits.prototype, "answer").mockImplementation(function(this: Commits, call, given, run) {
      run(true)
      answer.call(this, call, given, () => {})
    })
  },
  "events leave before what they tell of is stored": () => {
    vi.spyOn(Commits.prototype, "emit").mockImplementation((run) => run())
  },
  "an answer is stored apart from its change": () => {
    vi.spyOn(Commits.prototype, "turn").mockImplementation((effect) => effect)
  },
  "server code is answered before its change is stored": () => {
    const complete = Commits.prototype.complete
    vi.spyOn(Commits.prototype, "answered").mockImplementation(function(this: Commits, call) {
      complete.call(this, call)
      return Effect.succeed(true)
    })
  },
  "a failed commit is taken for a good one": () => {
    const write = InstanceWriter.prototype.write
    vi.spyOn(InstanceWriter.prototype, "write").mockImplementation(function(this: InstanceWriter, ...args) {
      return Effect.ignore(write.apply(this, args))
    })
  },
  "a token is not stored": () => {
    vi.spyOn(Commits.prototype, "storeRecord").mockImplementation(() => Effect.void)
  },
  "an alarm is not stored": () => {
    const putAlarm = Commits.prototype.putAlarm
    vi.spyOn(Commits.prototype, "putAlarm").mockImplementation(function(this: Commits, id, alarm) {
      if (alarm === null) putAlarm.call(this, id, alarm)
    })
  },
  "an alarm that has rung is still stored": () => {
    const putAlarm = Commits.prototype.putAlarm
    vi.spyOn(Commits.prototype, "putAlarm").mockImplementation(function(this: Commits, id, alarm) {
      if (alarm !== null) putAlarm.call(this, id, alarm)
    })
  },
  "an alarm that is cut short keeps what it had changed": () => {
    vi.spyOn(Commits.prototype, "abandonTurn", "get").mockReturnValue(Effect.void)
  },
  "that onConnect has run is not stored": without("greeted"),
  "the new state of a connection is not stored": without("state"),
  "a record is removed before onDisconnect has run": () => {
    const end = ServerConnection.prototype.end
    vi.spyOn(ServerConnection.prototype, "end").mockImplementation(function(this: ServerConnection, reason) {
      // Before: what follows the end begins within it.
      if (!this.isEnded && reason._tag !== "Draining" && reason._tag !== "ActorStopped") this.forget()
      return end.call(this, reason)
    })
  },
  "a record is never removed": () => {
    vi.spyOn(ServerConnection.prototype, "forget").mockImplementation(() => {})
  },
  "a stored answer goes before its client has it": () => {
    const noteReply = ConnectionRecord.prototype.noteReply
    vi.spyOn(ConnectionRecord.prototype, "noteReply").mockImplementation(function(this: ConnectionRecord, call) {
      noteReply.call(this, call, 0)
    })
  },
  "all stored answers go when a client comes back": () => {
    const recall = ConnectionRecord.prototype.recall
    vi.spyOn(ConnectionRecord.prototype, "recall").mockImplementation(function(this: ConnectionRecord, unanswered) {
      const trimmed = recall.call(this, [])
      this.repeated = new Set(unanswered)
      return trimmed
    })
  },
  "a handler beside the turns runs again": () => {
    const recall = ConnectionRecord.prototype.recall
    vi.spyOn(ConnectionRecord.prototype, "recall").mockImplementation(function(this: ConnectionRecord, unanswered) {
      const trimmed = recall.call(this, unanswered)
      this.repeated = new Set()
      return trimmed
    })
  },
  "a client does not name its calls": () => {
    const hello = ClientSession.prototype.hello
    vi.spyOn(ClientSession.prototype, "hello").mockImplementation(function(this: ClientSession, options) {
      return hello.call(this, options, () => [])
    })
  }
}

const faults = [
  "answers are not stored",
  "the state is not stored",
  "the last of several states is not the one that is stored",
  "stored alarms are not taken up",
  "stored answers are not read",
  "no token is known again",
  "a new epoch is no gap"
]

/** Alarms are cut short in every seed where that is what has to show. */
const hurried: typeof simulation = {
  ...simulation,
  generate: (seed) => {
    const schedule = simulation.generate(seed)
    return has("an alarm that is cut short keeps what it had changed") ? { ...schedule, kickGrace: 100 } : schedule
  }
}

notices("the simulation of durable actors notices when", hurried, fault, faults, patches)
