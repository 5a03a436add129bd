import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, Fiber, Schema } from "effect"
import { Rpc } from "effect/rpc"
import * as Calls from "../../src/client/Calls.ts"
import { ClientTelemetry } from "../../src/client/ClientTelemetry.ts"
import { ConnectionError, Disconnected } from "../../src/ConnectionError.ts"
import { Lost } from "../../src/DisconnectReason.ts"
import { makeActor } from "../../src/internal/makeActor.ts"
import { settle } from "../support/settle.ts"

const actor = makeActor({ type: "Pad", rpcs: [Rpc.make("note", { payload: { n: Schema.Int } })] })

interface Pad {
  readonly note: (payload: { readonly n: number }) => Effect.Effect<void, ConnectionError<unknown>>
}

const limits = {
  frameBytes: 1_000_000,
  batchBytes: 1_000_000,
  callsInFlight: 1_000,
  subscriptions: 1,
  streamWindow: 1,
  bufferFrames: 10_000,
  bufferBytes: 10_000_000
}

/** Calls whose way out a test opens and counts. */
const make = Effect.gen(function*() {
  const uplink = { isOpen: false, sent: 0 }
  const calls = yield* Calls.make(actor, {
    context: yield* Effect.context<never>(),
    capacity: 1_000,
    onFull: "suspend",
    telemetry: new ClientTelemetry("Pad", "key", Context.empty()),
    uplink: { limits: () => limits, hasRoom: () => uplink.isOpen, send: () => ++uplink.sent }
  })
  return { calls, pad: calls.rpc as Pad, uplink }
})

const cause = Lost.make({})
const disconnected = new ConnectionError<unknown>({ reason: new Disconnected({ reason: cause }) })

/**
 * Makes calls that wait in the queue, lets a fiber run `steps` steps and send them, interrupts it where the scheduler
 * makes it stop, and closes. Returns what became of the calls.
 */
const interruptDrain = Effect.fnUntraced(function*(steps: number) {
  const { calls, pad, uplink } = yield* make
  const made = yield* Effect.forEach(
    Array.range(1, 200),
    (n) => Effect.forkChild(Effect.exit(pad.note({ n })), { startImmediately: true })
  )
  uplink.isOpen = true
  const reader = yield* Effect.forkChild(
    Effect.andThen(Effect.forEach(Array.range(1, steps), () => Effect.void, { discard: true }), calls.drain),
    { startImmediately: true }
  )
  reader.interruptUnsafe()
  yield* Fiber.await(reader)
  const lost = made.length - uplink.sent - calls.queued()
  yield* calls.close(disconnected, cause, undefined)
  yield* settle
  return { sent: uplink.sent, lost, unsettled: made.filter((call) => call.pollUnsafe() === undefined).length }
}, Effect.scoped)

describe("the calls of a client", () => {
  it.effect("are never between the queue and what was sent, wherever the one who sends them is interrupted", () =>
    Effect.gen(function*() {
      let stopped = 0
      // A fiber gives up its turn after 2,048 steps: somewhere on the way the sending begins just before.
      for (let steps = 1; steps <= 2_048; steps += 13) {
        const { lost, sent, unsettled } = yield* interruptDrain(steps)
        assert.deepStrictEqual({ steps, lost, unsettled }, { steps, lost: 0, unsettled: 0 })
        if (sent === 0) stopped++
      }
      assert.isAbove(stopped, 0, "the fiber was never interrupted before it had sent")
    }))

  it.effect("settle on close: those that were sent as unknown, those that waited as never run", () =>
    Effect.gen(function*() {
      const { calls, pad, uplink } = yield* make
      uplink.isOpen = true
      const sent = yield* Effect.forkChild(Effect.flip(pad.note({ n: 1 })), { startImmediately: true })
      uplink.isOpen = false
      const waiting = yield* Effect.forkChild(Effect.flip(pad.note({ n: 2 })), { startImmediately: true })

      yield* calls.close(disconnected, cause, undefined)

      assert.deepStrictEqual((yield* Fiber.join(sent)).executed, "maybe")
      assert.deepStrictEqual((yield* Fiber.join(waiting)).executed, "no")
    }))
})
