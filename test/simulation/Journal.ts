/**
 * What a run has shown so far: by the actors, by the clients, and what is wrong already.
 */
import { type Clock, Effect, Exit } from "effect"
import type { ConnectionStatus } from "../../src/index.ts"
import type { Kind } from "./Schedule.ts"

export type Outcome =
  | { readonly _tag: "Done" | "Failed" | "Died" | "Interrupted" }
  | { readonly _tag: "Error"; readonly executed: "no" | "maybe" | "yes"; readonly reason: string }

/** A call as its caller and its handler see it. */
export interface CallRecord {
  readonly op: number
  readonly kind: Kind
  readonly handle: number
  readonly discard: boolean
  /** How many statuses its client had had when it was made. */
  readonly statusesBefore: number
  readonly values: number
  /** The connections that it ran on. */
  readonly ranOn: Array<string>
  started: number
  finished: number
  running: number
  received: number
  outcome: Outcome | undefined
}

/** A connection as the actor sees it. */
export interface ConnectionRecord {
  readonly id: string
  readonly handle: number
  /** The start of the actor that it belongs to. */
  readonly life: number
  readonly hooks: Array<string>
  readonly changes: Array<string>
  /** The broadcasts that were sent to it. */
  readonly news: Array<number>
  ticks: number
  /** `onConnect` has succeeded. */
  greeted: boolean
  inHook: number
  /** Its end was ordered: events may be dropped. */
  sealed: boolean
}

/** One consumer of the direct messages of a client. */
export interface Listener {
  readonly ticks: Array<{ readonly connection: string; readonly n: number }>
  running: boolean
}

/** A client as its app sees it. */
export interface HandleRecord {
  readonly id: number
  readonly key: string
  readonly statuses: Array<ConnectionStatus.Status<unknown>>
  readonly gaps: Array<ConnectionStatus.Gap>
  readonly news: Array<number>
  readonly listeners: Array<Listener>
  /** Its app has ended it. */
  left: boolean
}

export class Journal {
  readonly trace: Array<string> = []
  readonly violations: Array<string> = []
  readonly calls = new Map<number, CallRecord>()
  readonly connections = new Map<string, ConnectionRecord>()
  readonly handles: Array<HandleRecord> = []
  /** The lives that go on, by key. */
  readonly alive = new Map<string, number>()
  private readonly turns = new Map<number, number>()
  private readonly clock: Clock.Clock
  lives = 0
  /** Clients that `onBeforeConnect` has let in. */
  admitted = 0

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  note(what: string): void {
    this.trace.push(`${String(this.clock.currentTimeMillisUnsafe()).padStart(8)}  ${what}`)
  }

  wrong(what: string): void {
    this.note(`WRONG: ${what}`)
    this.violations.push(what)
  }

  check(holds: boolean, what: string): void {
    if (!holds) this.wrong(what)
  }

  connection(view: { readonly id: string; readonly state: { readonly handle: number } }, life: number) {
    let record = this.connections.get(view.id)
    if (record === undefined) {
      record = {
        id: view.id,
        handle: view.state.handle,
        life,
        hooks: [],
        changes: [],
        news: [],
        ticks: 0,
        greeted: false,
        inHook: 0,
        sealed: false
      }
      this.connections.set(view.id, record)
    }
    return record
  }

  /** What runs in the turn of an actor runs alone. */
  inTurn<A, E, R>(life: number, what: string, alone: boolean, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const change = (by: number) => this.turns.set(life, (this.turns.get(life) ?? 0) + by)
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        change(1)
        this.check(!alone || this.turns.get(life) === 1, `${what} ran while something else had the turn`)
      }),
      () => effect,
      () => Effect.sync(() => change(-1))
    )
  }

  /** The hooks of a connection run one at a time. */
  inHook<A, E, R>(
    record: ConnectionRecord,
    hook: string,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.check(record.inHook === 0, `${hook} of ${record.id} ran while another hook of it did`)
        record.inHook++
        record.hooks.push(hook)
        this.note(`${hook} ${record.id}`)
      }),
      () => effect,
      () => Effect.sync(() => record.inHook--)
    )
  }

  /** The handler of a call begins. A call that may be sent again runs once per connection, any other one once. */
  start(op: number, connection: string): CallRecord {
    const call = this.calls.get(op)!
    const again = call.kind === "again" ? call.ranOn.includes(connection) : call.started > 0
    call.started++
    call.running++
    call.ranOn.push(connection)
    this.note(`call ${op} starts on ${connection}`)
    this.check(this.connections.get(connection)?.greeted === true, `call ${op} ran before onConnect had succeeded`)
    this.check(!again, `call ${op} ran ${call.started} times`)
    return call
  }

  /** The handler of a call. */
  run<A, E, R>(op: number, connection: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      const call = this.start(op, connection)
      return Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          call.running--
          if (Exit.isSuccess(exit) || !Exit.hasInterrupts(exit)) call.finished++
          this.note(`call ${op} ends: ${exit._tag}${Exit.hasInterrupts(exit) ? " (interrupted)" : ""}`)
        }))
    })
  }
}
