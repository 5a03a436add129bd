/**
 * What must hold whatever happens.
 */
import { Duration, Schema } from "effect"
import { ConnectionStatus, DisconnectReason } from "../../src/index.ts"
import type { CallRecord, ConnectionRecord, HandleRecord, Journal } from "./Journal.ts"

/** The connection that a client ends with, if it is still connected. */
export const current = ({ left, statuses }: HandleRecord): string | undefined => {
  const status = statuses.at(-1)
  return !left && status?._tag === "Connected" ? status.id : undefined
}

const isOver = (handle: HandleRecord): boolean =>
  handle.left || handle.statuses.some((status) => ConnectionStatus.isFinal(status))

/** What a call gave is what happened to it. */
export const checkCall = (journal: Journal, call: CallRecord): void => {
  const { finished, kind, op, outcome, started } = call
  const check = (holds: boolean, what: string) => journal.check(holds, `call ${op} (${kind}) ${what}`)
  check(call.running === 0, "is still running after everybody has left")
  if (outcome === undefined) return check(false, "never settled")
  switch (outcome._tag) {
    case "Done":
      // Its caller was told that the call was taken in, and wanted to know no more.
      if (call.discard && kind !== "count") return
      check(started >= 1 && finished >= 1, "was answered and did not run to its end")
      check(kind !== "fail" && kind !== "die", "succeeded and was to fail")
      return check(kind !== "count" || call.received === call.values, `gave ${call.received} of ${call.values} values`)
    case "Failed":
      return check(kind === "fail" && finished === 1, "failed as if its handler had")
    case "Died":
      return check(kind === "die" && finished === 1, "died as if its handler had")
    case "Error":
      if (outcome.executed === "no") check(started === 0, `ran, and its caller was told ${outcome.reason}`)
      if (outcome.executed === "yes") check(started >= 1, `did not run, and its caller was told ${outcome.reason}`)
  }
}

/** A call is given up only together with the session that it was sent in. */
export const checkPromise = (journal: Journal, call: CallRecord, survivable: boolean): void => {
  const { outcome } = call
  if (outcome?._tag !== "Error" || outcome.reason === "QueueFull") return
  const handle = journal.handles[call.handle]!
  const check = (holds: boolean, what: string) =>
    journal.check(holds, `call ${call.op} (${call.kind}) ${what}: ${outcome.reason}`)
  if (isOver(handle)) return
  check(!survivable, "was given up though nothing happened that a session does not survive")
  const later = handle.statuses.slice(Math.max(0, call.statusesBefore - 1))
  const fresh = later.filter((status) => status._tag === "Connected" && !status.resumed).length
  check(fresh > 0, "was given up though its session went on")
  // The second session may have refused what the first one left open.
  check(call.kind !== "again" || outcome.executed === "no" || fresh > 1, "was given up though it may be sent again")
}

/** The events of a client: in order, none twice, and none missing as long as its session went on. */
export const checkNews = (journal: Journal, handle: HandleRecord): void => {
  const own = Array.from(journal.connections.values()).filter((connection) => connection.handle === handle.id)
  const received = new Map<ConnectionRecord, Array<number>>(own.map((connection) => [connection, []]))
  let last = 0
  for (const op of handle.news) {
    const index = own.map((connection) => connection.news.includes(op)).lastIndexOf(true)
    if (index < 0) return journal.wrong(`client ${handle.id} got news ${op} that nobody sent to it`)
    journal.check(index >= last, `client ${handle.id} got news ${op} of a connection that it had left`)
    last = index
    received.get(own[index]!)!.push(op)
  }
  const final = handle.statuses.at(-1)
  const attached = handle.statuses.at(-2)?._tag === "Connected"
  const kicked = !handle.left && attached && final?._tag === "Disconnected" && final.reason._tag === "Kicked"
  for (const [connection, ops] of received) {
    const whole = connection.id === current(handle) || (kicked && connection === own.at(-1))
    const sent = whole ? connection.news : connection.news.slice(0, ops.length)
    journal.check(
      ops.join() === sent.join(),
      `client ${handle.id} got news ${ops.join()} on ${connection.id}, and ${connection.news.join()} were sent`
    )
  }
}

/** The direct messages of each consumer: those of one connection follow on each other. */
export const checkTicks = (journal: Journal, handle: HandleRecord): void => {
  for (const { running, ticks } of handle.listeners) {
    const seen = new Set<string>()
    ticks.forEach((tick, i) => {
      const before = ticks[i - 1]
      const follows = before?.connection === tick.connection ? tick.n === before.n + 1 : !seen.has(tick.connection)
      journal.check(follows, `client ${handle.id} got tick ${tick.n} of ${tick.connection} after ${before?.n}`)
      seen.add(tick.connection)
    })
    const id = current(handle)
    if (!running || id === undefined) continue
    const sent = journal.connections.get(id)?.ticks ?? 0
    const last = ticks.at(-1)
    journal.check(
      last?.connection === id && last.n === sent,
      `client ${handle.id} has ${sent} ticks of ${id} and heard ${last?.n} of ${last?.connection} last`
    )
  }
}

const isKick = Schema.is(DisconnectReason.Kicked)

/** A resumed connection keeps its identity; a fresh one is a gap. */
export const checkStatuses = (journal: Journal, handle: HandleRecord): void => {
  const gaps: Array<string> = []
  let previous: string | undefined
  handle.statuses.forEach((status, i) => {
    if (ConnectionStatus.isFinal(status)) {
      journal.check(i === handle.statuses.length - 1, `client ${handle.id} went on after ${status._tag}`)
    }
    if (status._tag === "Waiting" && isKick(status.cause) && status.cause.retryAfter !== undefined) {
      journal.check(
        Duration.isGreaterThanOrEqualTo(status.delay, status.cause.retryAfter),
        `client ${handle.id} comes back after ${status.delay} and was told ${status.cause.retryAfter}`
      )
    }
    if (status._tag !== "Connected") return
    journal.check(
      status.resumed === (status.id === previous),
      `client ${handle.id} is on ${status.id} after ${previous} and says resumed: ${status.resumed}`
    )
    if (!status.resumed && previous !== undefined) gaps.push(`${previous}>${status.id}`)
    previous = status.id
  })
  if (handle.left) return
  const announced = handle.gaps.map((gap) => `${gap.previous}>${gap.current}`)
  journal.check(
    announced.join() === gaps.join(),
    `client ${handle.id} announced the gaps ${announced.join()} and had ${gaps.join()}`
  )
}

const letters: Record<string, string> = {
  onConnect: "c",
  onSuspend: "s",
  onResume: "r",
  onDisconnect: "d",
  Connected: "c",
  Suspended: "s",
  Resumed: "r",
  Disconnected: "d"
}

/** Hooks and changes of a connection come in a legal order, each end exactly once. */
export const checkConnection = (journal: Journal, { changes, hooks, id }: ConnectionRecord): void => {
  const short = (names: ReadonlyArray<string>) => names.map((name) => letters[name]).join("")
  journal.check(/^c?[sr]*d$/.test(short(hooks)), `the hooks of ${id} were ${hooks.join()}`)
  // The last changes may be lost to an observer who stops together with the actor.
  journal.check(/^c(sr)*s?d?$/.test(short(changes)), `the changes of ${id} were ${changes.join()}`)
  const suspended = hooks.filter((hook) => hook === "onSuspend").length
  const whole = changes.at(-1) === "Disconnected"
  journal.check(
    !whole || suspended <= changes.filter((change) => change === "Suspended").length,
    `onSuspend of ${id} ran ${suspended} times: ${hooks.join()} with the changes ${changes.join()}`
  )
}

/** Where every fault is one that a session must survive, each client has had one connection. */
export const checkSurvived = (journal: Journal, handle: HandleRecord): void => {
  const ids = new Set(handle.statuses.flatMap((status) => status._tag === "Connected" ? [status.id] : []))
  journal.check(ids.size === 1, `client ${handle.id} has had the connections ${Array.from(ids).join()}`)
}
