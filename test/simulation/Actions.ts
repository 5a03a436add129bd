/**
 * What each action does to a world.
 */
import { Cause, Effect, Exit, FiberMap, FiberSet, Stream } from "effect"
import { ConnectionError } from "../../src/index.ts"
import type { Faults } from "../../src/testing/Faults.ts"
import type { CallRecord, Outcome } from "./Journal.ts"
import type { Action, Step } from "./Schedule.ts"
import * as World from "./World.ts"

type CallAction = Extract<Action, { readonly _tag: "Call" }>

export const apply = (self: World.World, { action, client }: Step): Effect.Effect<void> => {
  const handle = self.places[client]!
  switch (action._tag) {
    case "Call":
      return call(self, handle, action)
    case "Interrupt":
      return Effect.andThen(
        Effect.sync(() => self.journal.note(`call ${action.op} is interrupted`)),
        errand(self, interrupt(self, action.op))
      )
    case "Listen":
      return World.listen(handle)
    case "StopListening":
      return errand(self, stopListening(handle))
    case "Leave":
      return errand(self, World.leave(self, handle, "disconnect"))
    case "CloseScope":
      return errand(self, World.leave(self, handle, "scope"))
    case "Fresh":
      return Effect.andThen(errand(self, World.leave(self, handle, "scope")), World.arrive(self, client))
    case "SetMood":
      return Effect.sync(() => {
        handle.mood = action.mood
      })
    case "Publish":
      return errand(
        self,
        World.onServer(self, handle.record.key, (actor) =>
          Effect.forEach(
            Array.from({ length: action.times }, (_, i) => action.op * 100 + i),
            (op) => actor.publish({ op }),
            { discard: true }
          ))
      )
    case "Tick":
      return errand(self, World.onServer(self, handle.record.key, (actor) => actor.tick({ times: action.times })))
    case "Kick":
      return errand(self, kick(self, handle, action.retryAfter))
    case "Restart":
      return errand(self, restart(self, action))
    default:
      return hurt(self, action)
  }
}

/** The caller of a call goes away. */
export const interrupt = (self: World.World, op: number): Effect.Effect<void> => FiberMap.remove(self.calls, op)

const errand = (self: World.World, effect: Effect.Effect<unknown>): Effect.Effect<void> =>
  Effect.asVoid(FiberSet.run(self.errands, effect))

const stopListening = (handle: World.Handle) => FiberSet.clear(handle.listeners)

const kick = (self: World.World, { record }: World.Handle, retryAfter: number | undefined) =>
  World.onServer(
    self,
    record.key,
    (actor) => actor.kick({ handle: record.id, ...(retryAfter === undefined ? {} : { retryAfter }) })
  )

const restart = (self: World.World, { drain, millis }: Extract<Action, { readonly _tag: "Restart" }>) =>
  self.restarting.withPermit(
    (drain ? World.drain(self) : Effect.void).pipe(
      Effect.andThen(World.stopServer(self)),
      Effect.andThen(Effect.sleep(millis)),
      Effect.andThen(World.startServer(self))
    )
  )

type Hurt = Extract<
  Action,
  {
    readonly _tag:
      | "Cut"
      | "Stall"
      | "HealLink"
      | "Freeze"
      | "CutAfter"
      | "Latency"
      | "CutAll"
      | "FreezeAll"
      | "RefuseAll"
      | "HealAll"
  }
>

const hurt = ({ journal, network }: World.World, action: Hurt): Effect.Effect<void> => {
  const one = (index: number, use: (link: Faults) => Effect.Effect<void>) =>
    Effect.flatMap(network.links, (links) => links.length === 0 ? Effect.void : use(links[index % links.length]!))
  const done = (): Effect.Effect<void> => {
    switch (action._tag) {
      case "Cut":
        return one(action.link, (link) => link.cut)
      case "Stall":
        return one(action.link, (link) => link.stall)
      case "HealLink":
        return one(action.link, (link) => link.heal)
      case "Freeze":
        return one(action.link, freezing[action.way])
      case "CutAfter":
        return action.link === undefined
          ? network.cutAfter(action.messages)
          : one(action.link, (link) => link.cutAfter(action.messages))
      case "Latency":
        return network.latency(action.millis)
      case "CutAll":
        return network.cut
      case "FreezeAll":
        return network.freeze
      case "RefuseAll":
        return network.refuse
      case "HealAll":
        return network.heal
    }
  }
  return Effect.andThen(Effect.sync(() => journal.note(action._tag)), done())
}

const freezing = {
  both: (link: Faults) => link.freeze,
  uplink: (link: Faults) => link.freezeUplink,
  downlink: (link: Faults) => link.freezeDownlink
}

const call = (self: World.World, handle: World.Handle, action: CallAction): Effect.Effect<void> => {
  const { discard, kind, op, values } = action
  const record: CallRecord = {
    op,
    kind,
    discard,
    values,
    handle: handle.record.id,
    statusesBefore: handle.record.statuses.length,
    ranOn: [],
    started: 0,
    finished: 0,
    running: 0,
    received: 0,
    outcome: undefined
  }
  self.journal.calls.set(op, record)
  self.journal.note(`client ${handle.record.id} calls ${kind} as ${op}${discard ? " (discarded)" : ""}`)
  const made = perform(self, handle, action, record).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        record.outcome = toOutcome(exit)
        self.journal.note(`call ${op} settles: ${JSON.stringify(record.outcome)}`)
      })
    ),
    Effect.ignoreCause
  )
  return Effect.asVoid(FiberMap.run(self.calls, op, made))
}

const perform = (
  self: World.World,
  { client }: World.Handle,
  { discard, kind, millis, op, values }: CallAction,
  record: CallRecord
): Effect.Effect<unknown, unknown> => {
  if (kind !== "count") return client.rpc[kind]({ op, millis }, { discard })
  return Stream.runForEach(client.rpc.count({ op, millis, values }), (value) =>
    Effect.andThen(
      Effect.sync(() =>
        self.journal.check(value === ++record.received, `stream ${op} gave ${value} as ${record.received}`)
      ),
      Effect.sleep(self.config.readMillis)
    ))
}

const toOutcome = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return { _tag: "Done" }
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return { _tag: Cause.hasDies(exit.cause) ? "Died" : "Interrupted" }
  return ConnectionError.isConnectionError(error.value)
    ? { _tag: "Error", executed: error.value.executed, reason: reasonOf(error.value) }
    : { _tag: "Failed" }
}

const reasonOf = ({ reason }: ConnectionError.ConnectionError<unknown>): string =>
  reason._tag === "NotExecuted" ? `NotExecuted(${reason.cause}: ${reason.message})` : reason._tag
