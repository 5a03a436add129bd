/**
 * Durable actors under crashes, failing storage and a bad network, checked against what was promised.
 */
import { Cause, Clock, Context, Effect, Exit, Fiber, FiberSet, Layer, Scope, Stream, SubscriptionRef } from "effect"
import { Headers } from "effect/http"
import { TestClock } from "effect/testing"
import * as SocketClient from "../../../src/client/SocketClient.ts"
import { type Actor, ActorClient, ActorHost, ActorStorage, ConnectionError } from "../../../src/index.ts"
import * as MemoryNetwork from "../../../src/testing/MemoryNetwork.ts"
import * as Hosts from "../../support/Hosts.ts"
import * as Seeded from "../Seeded.ts"
import * as CrashingStorage from "./CrashingStorage.ts"
import * as DurableSchedule from "./DurableSchedule.ts"
import { Failed, layer, Vault } from "./Vault.ts"

interface CallRecord {
  readonly op: number
  readonly kind: DurableSchedule.Kind
  readonly client: number
  outcome: { readonly place: number | undefined } | "no" | "maybe" | undefined
}

interface Client {
  readonly handle: Actor.ClientOf<typeof Vault>
  readonly key: string
  readonly ids: Set<string>
  readonly written: Array<string>
  gaps: number
}

interface Life {
  readonly context: Context.Context<ActorHost.ActorHost>
  readonly scope: Scope.Closeable
  readonly accepting: Scope.Closeable
  readonly kill: () => void
}

class World {
  readonly schedule: DurableSchedule.Schedule
  readonly network: MemoryNetwork.MemoryNetwork
  readonly inner: ActorStorage.ActorStorage["Service"]
  readonly faults = CrashingStorage.makeFaults()
  readonly clients: Array<Client> = []
  readonly calls: Array<CallRecord> = []
  readonly deposits: Array<{ readonly op: number; readonly key: string; done: boolean }> = []
  /** The actors that guests went to. */
  readonly guests = new Set<string>()
  readonly trace: Array<string> = []
  readonly violations: Array<string> = []
  private readonly clock: Clock.Clock
  life: Life | undefined
  /** Lives that have been ended, by a crash or in order. */
  ended = 0

  constructor(
    schedule: DurableSchedule.Schedule,
    network: MemoryNetwork.MemoryNetwork,
    inner: ActorStorage.ActorStorage["Service"],
    clock: Clock.Clock
  ) {
    this.schedule = schedule
    this.network = network
    this.inner = inner
    this.clock = clock
  }

  note(what: string): void {
    this.trace.push(`${String(this.clock.currentTimeMillisUnsafe()).padStart(8)}  ${what}`)
  }

  check(holds: boolean, what: string): void {
    if (holds) return
    this.note(`WRONG: ${what}`)
    this.violations.push(what)
  }
}

const keyOf = (index: number) => String.fromCharCode(97 + index)

const begin = Effect.fnUntraced(function*(self: World) {
  const { callsInFlight, kickGrace } = self.schedule
  const scope = yield* Scope.make()
  const accepting = yield* Scope.make()
  const { kill, storage } = CrashingStorage.makeLife(self.inner, self.faults)
  const app = layer(self.schedule, (what) => self.note(what)).pipe(
    Layer.provideMerge(Hosts.layerHost({ maxCallsInFlight: callsInFlight, hookTimeout: "5 seconds", kickGrace })),
    Layer.provide(Layer.succeed(ActorStorage.ActorStorage, storage))
  )
  const context = yield* Layer.buildWithScope(app, scope)
  const host = Context.get(context, ActorHost.ActorHost)
  yield* self.network.accept((socket) => host.accept(socket, { headers: Headers.empty })).pipe(Scope.provide(accepting))
  self.note("a host is up")
  self.life = { context, scope, accepting, kill }
})

/** A crash takes the memory and every socket; what had been stored stays. */
const end = Effect.fnUntraced(function*(self: World, how: "crash" | "restart") {
  const { life } = self
  if (life === undefined) return
  self.life = undefined
  self.note(`the host goes: ${how}`)
  if (how === "crash") {
    life.kill()
    yield* self.network.cut
    yield* Effect.forkDetach(Effect.andThen(Scope.close(life.accepting, Exit.void), Scope.close(life.scope, Exit.void)))
  } else {
    yield* Scope.close(life.accepting, Exit.void)
    yield* Scope.close(life.scope, Exit.void)
  }
  self.ended++
})

const arrive = Effect.fnUntraced(function*(self: World, index: number) {
  const key = keyOf(index % self.schedule.keys)
  const handle = yield* Vault.connect(key, { params: { client: index }, subscribe: ["written"] }).pipe(
    Effect.provideService(ActorClient.ActorClient, SocketClient.make(self.network.dial))
  )
  const client: Client = { handle, key, ids: new Set(), written: [], gaps: 0 }
  self.clients.push(client)
  yield* Effect.forkScoped(Stream.runForEach(SubscriptionRef.changes(handle.status), (status) =>
    Effect.sync(() => {
      self.note(
        `client ${index}: ${status._tag}${status._tag === "Connected" ? ` ${status.id} ${status.resumed}` : ""}`
      )
      if (status._tag === "Connected") client.ids.add(status.id)
    })))
  yield* Effect.forkScoped(Stream.runForEach(handle.gaps, () => Effect.sync(() => client.gaps++)))
  yield* Effect.forkScoped(
    Effect.ignoreCause(
      Stream.runForEach(handle.events.written, ({ entry }) => Effect.sync(() => client.written.push(entry)))
    )
  )
})

/** A client that comes and goes. */
const visit = Effect.fnUntraced(function*(self: World, { key, millis, op }: Guest) {
  const params = { client: firstGuest + op }
  yield* Vault.connect(keyOf(key), { params }).pipe(
    Effect.provideService(ActorClient.ActorClient, SocketClient.make(self.network.dial))
  )
  self.note(`guest ${op} comes to ${keyOf(key)}`)
  yield* Effect.sleep(millis)
  self.note(`guest ${op} goes`)
}, Effect.scoped)

type Guest = Extract<DurableSchedule.Action, { _tag: "Guest" }>

/** Guests have numbers of their own. */
const firstGuest = 1_000

const toOutcome = (exit: Exit.Exit<number | void, unknown>): CallRecord["outcome"] => {
  if (Exit.isSuccess(exit)) return { place: exit.value ?? undefined }
  const error = Cause.squash(exit.cause)
  if (error instanceof Failed) return { place: error.place }
  if (!ConnectionError.isConnectionError(error) || error.executed === "yes") return "maybe"
  return error.executed
}

const call = (self: World, client: number, { kind, millis, op }: Extract<DurableSchedule.Action, { _tag: "Call" }>) => {
  const record: CallRecord = { op, kind, client, outcome: undefined }
  self.calls.push(record)
  const rpc = self.clients[client]!.handle.rpc
  self.note(`client ${client} calls ${kind} as ${op}`)
  const made: Effect.Effect<number | void, unknown> = rpc[kind]({ op, millis })
  return Effect.forkScoped(
    made.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          record.outcome = toOutcome(exit)
          self.note(`call ${op} gives ${JSON.stringify(record.outcome)}`)
        })
      ),
      Effect.ignoreCause
    )
  )
}

const onServer = <A>(
  self: World,
  key: string,
  use: (vault: Effect.Success<ReturnType<typeof Vault.client>>) => Effect.Effect<A, unknown>
) =>
  Effect.suspend(() =>
    self.life === undefined
      ? Effect.succeed(undefined)
      : Vault.client(key).pipe(
        Effect.flatMap(use),
        Effect.provideContext(self.life.context),
        Effect.catchCause(() => Effect.succeed(undefined))
      )
  )

const apply = Effect.fnUntraced(
  function*(self: World, errands: FiberSet.FiberSet, { action, client }: DurableSchedule.Step) {
    const { faults, network } = self
    switch (action._tag) {
      case "Call":
        return yield* call(self, client, action)
      case "Deposit": {
        const deposit = { op: action.op, key: keyOf(action.key % self.schedule.keys), done: false }
        self.deposits.push(deposit)
        yield* FiberSet.run(
          errands,
          Effect.map(onServer(self, deposit.key, (vault) => vault.deposit({ entry: `d${action.op}` })), (place) => {
            deposit.done = place !== undefined
          })
        )
        return
      }
      case "Crash":
      case "Restart": {
        const how = action._tag === "Crash" ? "crash" : "restart"
        // Whoever is held up lets go when its process ends.
        if (how === "restart") yield* faults.passing.open
        yield* FiberSet.run(
          errands,
          Effect.gen(function*() {
            if (self.life === undefined) return
            yield* end(self, how)
            yield* Effect.sleep(action.millis)
            yield* begin(self)
          })
        )
        return
      }
      case "HoldStorage":
        return void (yield* faults.passing.close)
      case "LetGo":
        return void (yield* faults.passing.open)
      case "Guest":
        self.guests.add(keyOf(action.key))
        yield* FiberSet.run(errands, visit(self, action))
        return
      case "FailCommit":
        faults.nextCommit = "fail"
        return
      case "LoseCommit":
        faults.nextCommit = "lose"
        return
      case "FailLoad":
        faults.failLoad = true
        return
      case "Latency":
        return yield* network.latency(action.millis)
      default: {
        const links = yield* network.links
        if (links.length === 0) return
        const link = links[action.link % links.length]!
        yield* action._tag === "Cut" ? link.cut : action._tag === "Freeze" ? link.freeze : link.heal
      }
    }
  }
)

const turns = Array.from({ length: 24 })

const pass = (millis: number): Effect.Effect<void> =>
  Effect.andThen(Effect.forEach(turns, () => Effect.yieldNow, { discard: true }), TestClock.adjust(millis))

/** All is well again: everybody comes back, and what is asked is answered. */
const calm = Effect.fnUntraced(function*(self: World, errands: FiberSet.FiberSet) {
  const { faults, network } = self
  self.note("no more faults")
  yield* faults.passing.open
  faults.nextCommit = undefined
  faults.failLoad = false
  yield* network.latency(0)
  yield* network.heal
  for (let i = 0; i < 120; i++) {
    yield* pass(1_000)
    if ((yield* FiberSet.size(errands)) === 0 && self.calls.every(({ outcome }) => outcome !== undefined)) break
  }
  yield* pass(30_000)
})

/** What may take time takes as much as it needs, up to a minute. */
const timed = Effect.fnUntraced(function*<A, E, R>(self: World, what: string, effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let i = 0; i < 60 && fiber.pollUnsafe() === undefined; i++) yield* pass(1_000)
  if (fiber.pollUnsafe() === undefined) {
    self.check(false, `${what} hangs`)
    return yield* Effect.die(new Error(`${what} hangs`))
  }
  return yield* Fiber.join(fiber)
})

const count = (entries: ReadonlyArray<string>, entry: string) => entries.filter((one) => one === entry).length

/**
 * Whether a call may take longer than a host that closes waits for it. In a cluster what server code calls may come up on
 * another node, so that it goes on waiting; here there is none.
 */
const mayBeCutShort = (self: World, kind: DurableSchedule.Kind, host: "local" | "cluster") =>
  (self.schedule.kickGrace < 1_000 && (kind === "slowly" || kind === "forward")) ||
  (host === "cluster" && kind === "forward")

const checkCalls = (
  self: World,
  entriesOf: ReadonlyMap<string, ReadonlyArray<string>>,
  host: "local" | "cluster"
) => {
  const besides = new Set(self.calls.filter(({ kind }) => kind === "beside").map(({ op }) => `${op}`))
  for (const { client, kind, op, outcome } of self.calls) {
    const entries = entriesOf.get(self.clients[client]!.key)!
    const times = count(entries, `${op}`)
    const check = (holds: boolean, what: string) => self.check(holds, `call ${op} (${kind}) ${what}`)
    check(outcome !== undefined, "never settled")
    if (kind === "read") continue
    check(times <= 1, `is in the state ${times} times`)
    check(outcome !== "no" || times === 0, "is in the state, and its caller was told that it never ran")
    check(
      outcome !== "maybe" || kind === "beside" || mayBeCutShort(self, kind, host),
      "is not known to have run, though its actor is durable"
    )
    if (typeof outcome !== "object") continue
    check(times === 1, `was answered and is in the state ${times} times`)
    if (kind === "visit" || kind === "beside") continue
    check(
      entries[outcome.place!] === `${op}`,
      `was answered with place ${outcome.place}, where ${entries[outcome.place!]} is`
    )
    if (kind === "slowly") {
      const between = entries.slice(outcome.place! + 1, entries.indexOf(`${op} later`))
      check(between.every((entry) => besides.has(entry)), `was not alone while it had its turn: ${between.join()}`)
    }
    if (kind === "remind") {
      const [begun, ended] = [count(entries, `${op} rings`), count(entries, `${op} has rung`)] as const
      check(begun === 1 && ended === 1, `rang ${begun} times, and has rung ${ended} times`)
    }
  }
  for (const { done, key, op } of self.deposits) {
    const times = count(entriesOf.get(key)!, `d${op}`)
    self.check(times <= 1 && (!done || times === 1), `deposit ${op} is in the state ${times} times, done: ${done}`)
  }
}

const checkClients = (self: World, entriesOf: ReadonlyMap<string, ReadonlyArray<string>>, gone: boolean) => {
  for (const [index, { gaps, ids, key, written }] of self.clients.entries()) {
    const entries = entriesOf.get(key)!
    const greetings = entries.filter((entry) => entry.startsWith(`+${index} `))
    const farewells = entries.filter((entry) => entry.startsWith(`-${index} `))
    self.check(ids.size <= 1, `client ${index} had the connections ${Array.from(ids).join()}`)
    self.check(greetings.length === new Set(greetings).size, `onConnect twice: ${greetings.join()}`)
    self.check(farewells.length === new Set(farewells).size, `onDisconnect twice: ${farewells.join()}`)
    for (const id of ids) {
      self.check(greetings.includes(`+${index} ${id}`), `client ${index} was not greeted as ${id}`)
      self.check(farewells.includes(`-${index} ${id}`) === gone, `client ${index} has left: ${!gone}`)
    }
    // What was heard is what was stored, in order, none twice; and all of it where there was no gap.
    const places = written.map((entry) => entries.indexOf(entry))
    self.check(!places.includes(-1), `client ${index} heard ${written[places.indexOf(-1)]}, which is not in the state`)
    self.check(
      places.every((place, i) => i === 0 || place > places[i - 1]!),
      `client ${index} heard ${written.join()} out of order`
    )
    if (gaps > 0 || places.length === 0 || gone) continue
    self.check(
      places.every((place, i) => i === 0 || place === places[i - 1]! + 1),
      `client ${index} missed events: ${written.join()} of ${entries.join()}`
    )
  }
}

/** Whoever was greeted is said goodbye to, once. */
const checkFarewells = (self: World, entriesOf: ReadonlyMap<string, ReadonlyArray<string>>) => {
  for (const [key, entries] of entriesOf) {
    const of = (sign: string) => entries.filter((entry) => entry.startsWith(sign)).map((entry) => entry.slice(1))
    const farewells = of("-")
    for (const one of of("+")) {
      const times = count(farewells, one)
      self.check(times === 1, `onDisconnect has changed ${key} ${times} times for ${one}`)
    }
    self.check(farewells.length === new Set(farewells).size, `onDisconnect twice: ${farewells.join()}`)
  }
}

const checkVisits = Effect.fnUntraced(function*(self: World) {
  for (const key of new Set(self.clients.map((client) => client.key))) {
    const all = yield* onServer(self, key, (vault) => vault.visits())
    const visits = all?.filter(([client]) => client < firstGuest)
    for (const [client, times] of visits ?? []) {
      const entries = (yield* onServer(self, key, (vault) => vault.all())) ?? []
      const made = self.calls.filter(({ kind, op, client: caller }) =>
        kind === "visit" && caller === client && entries.includes(`${op}`)
      )
      self.check(made.length === times, `client ${client} has visited ${made.length} times, and ${times} are noted`)
    }
    self.check(
      visits?.length === self.clients.filter((client) => client.key === key).length,
      `the list of ${key} is ${JSON.stringify(visits)}`
    )
  }
})

const readAll = Effect.fnUntraced(function*(self: World) {
  const entriesOf = new Map<string, ReadonlyArray<string>>()
  for (
    const key of new Set(
      self.clients.flatMap(({ key }) => [key, `${key}+`]).concat(
        self.deposits.map(({ key }) => key),
        Array.from(self.guests)
      )
    )
  ) {
    entriesOf.set(key, (yield* onServer(self, key, (vault) => vault.all())) ?? ["the actor cannot be asked"])
  }
  return entriesOf
})

const live = Effect.fnUntraced(function*(schedule: DurableSchedule.Schedule) {
  const storage = yield* Effect.map(Layer.build(ActorStorage.layerMemory), Context.get(ActorStorage.ActorStorage))
  const self = new World(schedule, yield* MemoryNetwork.make(), storage, yield* Clock.clockWith(Effect.succeed))
  const errands = yield* FiberSet.make()
  const clients = yield* Scope.make()
  yield* begin(self)
  for (let index = 0; index < schedule.clients; index++) yield* Scope.provide(arrive(self, index), clients)
  // The first handshake has to be over before a connection can survive anything.
  yield* pass(3_000)
  const body = Effect.gen(function*() {
    for (const step of schedule.steps) {
      if (step.after > 0) yield* pass(step.after)
      yield* apply(self, errands, step)
    }
    yield* calm(self, errands)
    const entriesOf = yield* timed(self, "reading the state", readAll(self))
    checkCalls(self, entriesOf, yield* Hosts.Kind)
    checkClients(self, entriesOf, false)
    yield* timed(self, "the list of visits", checkVisits(self))
    yield* FiberSet.run(errands, Scope.close(clients, Exit.void))
    yield* pass(120_000)
    const entriesAfter = yield* timed(self, "reading the state", readAll(self))
    checkClients(self, entriesAfter, true)
    checkFarewells(self, entriesAfter)
    const { life } = self
    if (life !== undefined) {
      yield* pass(120_000)
      const size = yield* Effect.provideContext(ActorHost.ActorHost.use((host) => host.size), life.context)
      self.check(size === 0, `${size} actors live on without clients`)
      const asleep = yield* self.inner.wakes("Vault", 10)
      self.check(asleep.length === 0, `${asleep.length} actors wait to be woken for nothing`)
      yield* timed(self, "the end of the host", end(self, "restart"))
    }
  })
  const exit = yield* Effect.exit(Scope.provide(body, clients))
  if (Exit.isFailure(exit)) self.check(false, `the run died: ${Cause.pretty(exit.cause)}`)
  return self
})

/** Runs a schedule to its end and tells what did not hold. */
const run = (schedule: DurableSchedule.Schedule) =>
  live(schedule).pipe(
    Effect.scoped,
    Seeded.repeatable(schedule.seed),
    Effect.map(({ trace, violations }) => ({ schedule, trace, violations }))
  )

/** Durable actors under crashes and failing storage. */
export const simulation: Seeded.Simulation<DurableSchedule.Step, DurableSchedule.Schedule> = {
  generate: DurableSchedule.generate,
  run,
  summary: (schedule) => `durable actors\n${JSON.stringify({ ...schedule, steps: undefined })}`,
  describe: DurableSchedule.describe,
  flags: "--durable "
}
