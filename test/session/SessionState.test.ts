import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as SessionState from "../../src/session/SessionState.ts"
import * as SignalR from "./SignalR.ts"

const End = Schema.Literals(["a", "b"])
type End = typeof End.Type

/** What can happen to a session; `Resume` names nobody, since both ends take part. */
const Operation = Schema.Union([
  Schema.TaggedStruct("Send", { end: End, count: Schema.Literals([1, 2, 40]) }),
  Schema.TaggedStruct("Deliver", { end: End, count: Schema.Literals([1, 2, 40]) }),
  Schema.TaggedStruct("Ack", { end: End }),
  Schema.TaggedStruct("Cut", {}),
  Schema.TaggedStruct("Resume", {})
])
type Operation = typeof Operation.Type

const Operations = Schema.Array(Operation).check(Schema.isMaxLength(200))

/** What is on its way to an end. */
type Parcel = { readonly frame: string } | { readonly ack: number }

/** One end with all it has ever sent and taken in. */
interface Side {
  readonly state: SessionState.SessionState
  readonly sent: Array<string>
  readonly taken: Array<string>
  /** What is on its way to this end. */
  transit: Array<Parcel>
}

const makeSide = (): Side => ({ state: SessionState.make(), sent: [], taken: [], transit: [] })

/** Two ends of a session with the network between them. */
class Pair {
  readonly a = makeSide()
  readonly b = makeSide()
  attached = true

  private other(end: End): Side {
    return end === "a" ? this.b : this.a
  }

  apply(operation: Operation): void {
    switch (operation._tag) {
      case "Send":
        for (let i = 0; i < operation.count; i++) this.send(operation.end)
        return
      case "Deliver":
        return this.deliver(operation.end, operation.count)
      case "Ack":
        return this.report(operation.end)
      case "Cut":
        return this.cut()
      case "Resume":
        return this.resume()
    }
  }

  private send(end: End): void {
    const self = this[end]
    const frame = `${end}${self.sent.length + 1}${"x".repeat(self.sent.length % 7)}`
    self.sent.push(frame)
    SessionState.send(self.state, frame)
    if (this.attached) this.other(end).transit.push({ frame })
  }

  private deliver(end: End, count: number): void {
    const self = this[end]
    for (const parcel of self.transit.splice(0, count)) {
      if ("ack" in parcel) assert.isTrue(SessionState.acknowledge(self.state, parcel.ack))
      else {
        SessionState.receive(self.state)
        self.taken.push(parcel.frame)
      }
    }
  }

  private report(end: End): void {
    if (!this.attached) return
    const count = SessionState.report(this[end].state)
    if (count !== undefined) this.other(end).transit.push({ ack: count })
  }

  private cut(): void {
    this.attached = false
    this.a.transit = []
    this.b.transit = []
  }

  /** Each end tells how much it has taken in, and is sent what it lacks. */
  resume(): void {
    this.cut()
    this.attached = true
    for (const end of ["a", "b"] as const) {
      const tail = SessionState.resume(this[end].state, this.other(end).state.received)
      assert.isDefined(tail)
      this.other(end).transit = tail!.map((frame) => ({ frame }))
    }
  }

  /** What holds at any moment. */
  check(): void {
    for (const end of ["a", "b"] as const) {
      const { sent, state, taken } = this[end]
      assert.deepStrictEqual(taken, this.other(end).sent.slice(0, taken.length))
      assert.strictEqual(state.received, taken.length)
      assert.strictEqual(state.sent, sent.length)
      assert.strictEqual(SessionState.unacknowledged(state), sent.length - state.acknowledged)
      assert.deepStrictEqual(state.kept.slice(state.head), sent.slice(state.acknowledged))
      assert.strictEqual(state.keptLength, sent.slice(state.acknowledged).join("").length)
      assert.isTrue(state.head <= 32 || state.head * 2 <= state.kept.length, "the head of the buffer grows")
    }
  }

  finish(): void {
    this.resume()
    for (let i = 0; i < 2; i++) {
      for (const end of ["a", "b"] as const) {
        this.deliver(end, Infinity)
        this.report(end)
      }
    }
  }
}

describe("a session, whatever happens to it", () => {
  it.prop("loses nothing, doubles nothing and keeps the order", { operations: Operations }, ({ operations }) => {
    const pair = new Pair()
    for (const operation of operations) {
      pair.apply(operation)
      pair.check()
    }
    pair.finish()
    pair.check()
    assert.deepStrictEqual(pair.a.taken, pair.b.sent)
    assert.deepStrictEqual(pair.b.taken, pair.a.sent)
  }, { arbitrary: { runs: 300, size: 100 } })

  it.prop("keeps nothing once all is acknowledged", { operations: Operations }, ({ operations }) => {
    const pair = new Pair()
    operations.forEach((operation) => pair.apply(operation))
    pair.finish()
    for (const end of [pair.a, pair.b]) {
      assert.strictEqual(SessionState.unacknowledged(end.state), 0)
      assert.strictEqual(end.state.keptLength, 0)
      assert.strictEqual(SessionState.report(end.state), undefined)
    }
  }, { arbitrary: { runs: 100, size: 100 } })

  it.prop(
    "refuses to acknowledge or resume what cannot be, and stays as it was",
    { operations: Operations, excess: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })) },
    ({ excess, operations }) => {
      const pair = new Pair()
      operations.forEach((operation) => pair.apply(operation))
      const { state } = pair.a
      const before = structuredClone(state)
      assert.isFalse(SessionState.acknowledge(state, state.sent + excess))
      assert.isUndefined(SessionState.resume(state, state.sent + excess))
      assert.isUndefined(SessionState.resume(state, state.acknowledged - excess))
      assert.isFalse(SessionState.canResume(state, state.acknowledged - 1))
      assert.deepStrictEqual(state, before)
    },
    { arbitrary: { runs: 100, size: 50 } }
  )

  it.prop("takes an old acknowledgement as none", { operations: Operations }, ({ operations }) => {
    const pair = new Pair()
    operations.forEach((operation) => pair.apply(operation))
    const { state } = pair.a
    const before = structuredClone(state)
    for (let count = 0; count <= state.acknowledged; count++) assert.isTrue(SessionState.acknowledge(state, count))
    assert.deepStrictEqual([state.acknowledged, state.keptLength], [before.acknowledged, before.keptLength])
  }, { arbitrary: { runs: 100, size: 50 } })
})

describe("the bounds of a session", () => {
  const bounds = { frames: 3, bytes: 10 }
  const holding = (...frames: ReadonlyArray<string>) => {
    const state = SessionState.make()
    for (const frame of frames) SessionState.send(state, frame)
    return { over: SessionState.isOver(state, bounds), room: SessionState.hasRoom(state, bounds) }
  }

  it("count frames", () => {
    assert.deepStrictEqual(holding("a", "b"), { over: false, room: true })
    assert.deepStrictEqual(holding("a", "b", "c"), { over: false, room: false })
    assert.deepStrictEqual(holding("a", "b", "c", "d"), { over: true, room: false })
  })

  it("count their length", () => {
    assert.deepStrictEqual(holding("123456789"), { over: false, room: true })
    assert.deepStrictEqual(holding("1234567890"), { over: false, room: false })
    assert.deepStrictEqual(holding("1234567890", "1"), { over: true, room: false })
  })
})

describe("an acknowledgement", () => {
  it("is reported once until something new has come", () => {
    const state = SessionState.make()
    assert.isUndefined(SessionState.report(state))
    SessionState.receive(state)
    SessionState.receive(state)
    assert.strictEqual(SessionState.report(state), 2)
    assert.isUndefined(SessionState.report(state))
    SessionState.receive(state)
    assert.strictEqual(SessionState.report(state), 3)
  })
})

describe("a session and the message buffer of SignalR", () => {
  it.effect.prop("hand over the same messages", { operations: Operations }, ({ operations }) =>
    Effect.gen(function*() {
      const ours = new Pair()
      const theirs = new SignalR.Pair()
      for (const operation of [...operations, { _tag: "Resume" } as const]) {
        // They send while they are away only what a resume replays anyway.
        ours.apply(operation)
        yield* theirs.apply(operation)
        assert.deepStrictEqual(theirs.a.taken, ours.a.taken)
        assert.deepStrictEqual(theirs.b.taken, ours.b.taken)
      }
      for (const end of ["a", "b"] as const) {
        const all = { _tag: "Deliver", end, count: Infinity } as unknown as Operation
        ours.apply(all)
        yield* theirs.apply(all)
      }
      assert.deepStrictEqual(theirs.a.taken, ours.b.sent)
      assert.deepStrictEqual(theirs.b.taken, ours.a.sent)
    }), { arbitrary: { runs: 150, size: 60 } })
})
