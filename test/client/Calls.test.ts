import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, Fiber, Schema } from "effect"
import { Headers } from "effect/http"
import { Rpc, RpcClient, RpcGroup, RpcMiddleware } from "effect/rpc"
import * as Calls from "../../src/client/Calls.ts"
import { ClientTelemetry } from "../../src/client/ClientTelemetry.ts"
import { ConnectionError, Disconnected } from "../../src/ConnectionError.ts"
import { Lost } from "../../src/DisconnectReason.ts"
import { makeActor } from "../../src/internal/makeActor.ts"
import { settle } from "../support/settle.ts"

class Signature extends RpcMiddleware.Service<Signature>()("Signature", { requiredForClient: true }) {}

const actor = makeActor({
  type: "Pad",
  rpcs: RpcGroup.make(
    Rpc.make("note", { payload: { n: Schema.Int } }),
    Rpc.make("signed", { payload: { n: Schema.Int }, success: Schema.Int }).middleware(Signature)
  )
})

interface Pad {
  readonly note: (
    payload: { readonly n: number },
    options?: { readonly headers: Record<string, string> }
  ) => Effect.Effect<void, ConnectionError<unknown>>
  readonly signed: (payload: { readonly n: number }) => Effect.Effect<number, ConnectionError<unknown>>
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
  const frames: globalThis.Array<string> = []
  const uplink = { isOpen: false, frames }
  const calls = yield* Calls.make(actor, {
    context: yield* Effect.context<never>(),
    capacity: 1_000,
    onFull: "suspend",
    telemetry: new ClientTelemetry("Pad", "key", Context.empty()),
    uplink: { limits: () => limits, hasRoom: () => uplink.isOpen, send: (frame) => frames.push(frame) }
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
    Effect.andThen(
      Effect.forEach(Array.range(1, steps), () => Effect.void, { discard: true }),
      Effect.sync(() => calls.drain())
    ),
    { startImmediately: true }
  )
  reader.interruptUnsafe()
  yield* Fiber.await(reader)
  const lost = made.length - uplink.frames.length - calls.queued()
  calls.close(disconnected, cause, undefined)
  yield* settle
  return { sent: uplink.frames.length, lost, unsettled: made.filter((call) => call.pollUnsafe() === undefined).length }
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

  it.effect("go through the client's side of a middleware, and are answered behind it", () =>
    Effect.gen(function*() {
      const { calls, pad, uplink } = yield* Effect.provide(
        make,
        RpcMiddleware.layerClient(Signature, ({ next, request }) =>
          next({ ...request, headers: Headers.set(request.headers, "signed-by", "ada") }))
      )
      uplink.isOpen = true
      const signed = yield* Effect.forkChild(pad.signed({ n: 1 }), { startImmediately: true })
      yield* settle
      assert.deepStrictEqual(uplink.frames, [`["call",0,"signed",{"n":1},{"headers":[["signed-by","ada"]]}]`])

      assert.isUndefined(calls.onFrame(["reply", 0, { _tag: "Success", value: 2 }]))

      assert.strictEqual(yield* Fiber.join(signed), 2)
    }))

  it.effect("carry the headers of their fiber and their own", () =>
    Effect.gen(function*() {
      const { pad, uplink } = yield* make
      uplink.isOpen = true

      yield* Effect.forkChild(
        RpcClient.withHeaders(pad.note({ n: 1 }, { headers: { b: "2" } }), { a: "1" }),
        { startImmediately: true }
      )

      assert.deepStrictEqual(uplink.frames, [`["call",0,"note",{"n":1},{"headers":[["a","1"],["b","2"]]}]`])
    }))

  it.effect("are taken back from the queue by an interruption, and told the server once they were sent", () =>
    Effect.gen(function*() {
      const { calls, pad, uplink } = yield* make
      const waiting = yield* Effect.forkChild(pad.note({ n: 1 }), { startImmediately: true })
      assert.strictEqual(calls.queued(), 1)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(calls.queued(), 0)
      uplink.isOpen = true
      const sent = yield* Effect.forkChild(pad.note({ n: 2 }), { startImmediately: true })
      yield* Fiber.interrupt(sent)

      assert.deepStrictEqual(uplink.frames, [`["call",1,"note",{"n":2}]`, `["interrupt",1]`])
    }))

  it.effect("settle on close: those that were sent as unknown, those that waited as never run", () =>
    Effect.gen(function*() {
      const { calls, pad, uplink } = yield* make
      uplink.isOpen = true
      const sent = yield* Effect.forkChild(Effect.flip(pad.note({ n: 1 })), { startImmediately: true })
      uplink.isOpen = false
      const waiting = yield* Effect.forkChild(Effect.flip(pad.note({ n: 2 })), { startImmediately: true })

      calls.close(disconnected, cause, undefined)

      assert.deepStrictEqual((yield* Fiber.join(sent)).executed, "maybe")
      assert.deepStrictEqual((yield* Fiber.join(waiting)).executed, "no")
    }))
})
