import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schedule, type Scope, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as ActorClient from "../../src/ActorClient.ts"
import { CurrentObserver } from "../../src/client/Observing.ts"
import * as SocketClient from "../../src/client/SocketClient.ts"
import * as InProcess from "../../src/internal/inProcess.ts"
import * as Tracing from "../../src/telemetry/Tracing.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as Hosts from "../support/Hosts.ts"
import * as Observed from "../support/Observed.ts"
import * as Rooms from "../support/Rooms.ts"
import { awaitStatusBy } from "../support/World.ts"

const reconnect = Schedule.spaced("1 second")
const awaitStatus = awaitStatusBy(Observed.until)

const test = <E>(name: string, body: () => Effect.Effect<void, E, Observed.App | Scope.Scope>, tracer = true) =>
  Hosts.it.onEachHost(name, () => Effect.provide(body(), Observed.layer({ tracer })))

const spansOf = (name: string, kind?: Tracer.SpanKind) =>
  Effect.map(
    Observed.Observed,
    ({ spans }) => spans.filter((span) => span.name === name && (kind === undefined || span.kind === kind))
  )

const one = Effect.fnUntraced(function*(name: string, kind?: Tracer.SpanKind) {
  const spans = yield* spansOf(name, kind)
  assert.strictEqual(spans.length, 1, `spans ${name}: ${spans.length}`)
  return spans[0]!
})

const parentOf = (span: Tracer.Span) => span.parent._tag === "Some" ? span.parent.value.spanId : undefined

const isEnded = (span: Tracer.Span) => span.status._tag === "Ended"

const exitOf = (span: Tracer.Span) => {
  if (span.status._tag !== "Ended") return assert.fail(`${span.name} has not ended`)
  return span.status.exit
}

describe("a trace", () => {
  test(
    "leads from the caller's span over the wire to the handler's",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      const room = { keys: ["attic"] }
      yield* Effect.withSpan(ada.rpc.pass(room), "app")

      const app = yield* one("app")
      const client = yield* one("Room/pass", "client")
      const server = yield* one("Room/pass", "server")
      const internal = yield* one("Room/relay", "internal")
      assert.deepStrictEqual([client, server, internal].map(({ traceId }) => traceId), [
        app.traceId,
        app.traceId,
        app.traceId
      ])
      assert.strictEqual(parentOf(client), app.spanId)
      assert.strictEqual(parentOf(server), client.spanId)
      assert.strictEqual(parentOf(internal), server.spanId)
      assert.isTrue([client, server, internal].every(isEnded))
      assert.strictEqual(server.attributes.get("rpc.method"), "Room/pass")
      assert.strictEqual(server.attributes.get("tether.key"), "lobby")
      assert.strictEqual(internal.attributes.get("tether.key"), "attic")
    })
  )

  test(
    "carries the failures of a call",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* Effect.exit(ada.rpc.fail({ code: 1 }))
      yield* Effect.exit(ada.rpc.die({ secret: "s3cret" }))
      const interrupted = yield* Effect.forkChild(ada.rpc.wait({ gate: "never" }))
      yield* Rooms.Backstage.use((backstage) => backstage.awaitEntry("wait never"))
      yield* Fiber.interrupt(interrupted)
      yield* Observed.settle

      for (const [name, outcome] of [["fail", "failure"], ["die", "defect"], ["wait", "interrupted"]] as const) {
        for (const kind of ["client", "server"] as const) {
          const span = yield* one(`Room/${name}`, kind)
          assert.isTrue(Exit.isFailure(exitOf(span)), `${name} ${kind}`)
          assert.strictEqual(span.attributes.get("tether.outcome"), outcome, `${name} ${kind}`)
        }
      }
    })
  )

  test(
    "tells the time in the queues of client and server",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const backstage = yield* Rooms.Backstage
      yield* network.refuse
      const ada = yield* Rooms.join("ada", { reconnect })
      const first = yield* Effect.forkChild(ada.rpc.wait({ gate: "first" }))
      const second = yield* Effect.forkChild(ada.rpc.echo({ text: "second" }))
      yield* awaitStatus(ada, "Waiting")
      yield* TestClock.adjust("10 seconds")
      yield* network.heal
      yield* Observed.until(backstage.awaitEntry("wait first"))
      yield* TestClock.adjust("4 seconds")
      yield* backstage.gate("first").open
      yield* Fiber.join(first)
      yield* Fiber.join(second)

      const queued = (span: Tracer.Span) => Number(span.attributes.get("tether.queue.duration"))
      const client = yield* one("Room/echo", "client")
      const server = yield* one("Room/echo", "server")
      assert.isAtLeast(queued(client), 10)
      assert.approximately(queued(server), 4, 0.1)
      assert.approximately(queued(yield* one("Room/wait", "server")), 0, 0.1)
      assert.deepStrictEqual(client.events.map(([name]) => name), ["tether.sent"])
      assert.deepStrictEqual(server.events.map(([name]) => name), ["tether.started"])
    })
  )

  test(
    "is the same across a cut: no second span, and links to the dials that carried it",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      const call = yield* Effect.forkChild(ada.rpc.wait({ gate: "cut" }))
      yield* backstage.awaitEntry("wait cut")
      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      yield* backstage.gate("cut").open
      yield* Observed.until(Fiber.join(call))

      const client = yield* one("Room/wait", "client")
      const server = yield* one("Room/wait", "server")
      const dials = yield* spansOf("Room/connect", "client")
      const admissions = yield* spansOf("Room/connect", "server")
      assert.strictEqual(dials.length, 2)
      assert.deepStrictEqual(admissions.map(parentOf), dials.map(({ spanId }) => spanId))
      assert.deepStrictEqual(dials[1]?.links.map(({ span }) => span.spanId), [dials[0]?.spanId])
      assert.deepStrictEqual(client.links.map(({ span }) => span.spanId), dials.map(({ spanId }) => spanId))
      assert.deepStrictEqual(server.links, [], "its call had ended before the return")
      assert.deepStrictEqual(dials.map((span) => span.attributes.get("tether.result")), ["fresh", "exact"])
      assert.isTrue([...dials, ...admissions].every(isEnded))
    })
  )

  test(
    "of a call that still runs is linked to the return",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      const call = yield* Effect.forkChild(ada.rpc.wait({ gate: "cut" }))
      yield* backstage.awaitEntry("wait cut")
      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      yield* awaitStatus(ada, "Connected")
      yield* backstage.gate("cut").open
      yield* Observed.until(Fiber.join(call))

      const server = yield* one("Room/wait", "server")
      const admissions = yield* spansOf("Room/connect", "server")
      assert.deepStrictEqual(server.links.map(({ span }) => span.spanId), [admissions[1]?.spanId])
    })
  )

  test(
    "of a dial that is refused ends as a failure, with the hook below it",
    Effect.fnUntraced(function*() {
      const backstage = yield* Rooms.Backstage
      backstage.hooks.onBeforeConnect = ({ params: { name } }) =>
        Effect.withSpan(Effect.fail(new Rooms.Unwelcome({ name, since: 1 })), "look up")
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Rejected")
      const dial = yield* one("Room/connect", "client")
      const admission = yield* one("Room/connect", "server")
      assert.isTrue(Exit.isFailure(exitOf(dial)))
      assert.strictEqual(admission.traceId, dial.traceId)
      assert.strictEqual(parentOf(yield* one("look up")), admission.spanId)
    })
  )

  test(
    "of a stream lasts as long as the stream",
    Effect.fnUntraced(function*() {
      const backstage = yield* Rooms.Backstage
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      const stream = yield* Effect.forkChild(Stream.runDrain(ada.rpc.listen({ gate: "stream" })))
      yield* Observed.settle
      assert.isFalse(isEnded(yield* one("Room/listen", "server")))
      assert.isFalse(isEnded(yield* one("Room/listen", "client")))
      yield* backstage.gate("stream").open
      yield* Fiber.join(stream)
      assert.isTrue(isEnded(yield* one("Room/listen", "server")))
      assert.isTrue(isEnded(yield* one("Room/listen", "client")))
    })
  )
})

const sentFrames = Effect.map(Observed.Observed, ({ received }) => received.join(""))

describe("the wire", () => {
  test(
    "carries one traceparent for the dial and one for each call",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* ada.rpc.echo({ text: "hi" })
      const dial = yield* one("Room/connect", "client")
      const call = yield* one("Room/echo", "client")
      const found = Array.from((yield* sentFrames).matchAll(/"trace":"([^"]*)"/g), ([, trace]) => trace)
      assert.deepStrictEqual(found, [Tracing.encode(dial), Tracing.encode(call)])
    })
  )

  test(
    "carries not a byte more without a tracer, and no span is made",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      yield* awaitStatus(ada, "Connected")
      yield* Effect.withSpan(ada.rpc.echo({ text: "hi" }), "app")
      assert.include(yield* sentFrames, "[\"call\",0,\"echo\",{\"text\":\"hi\"}]")
      assert.notInclude(yield* sentFrames, "trace")
      assert.deepStrictEqual((yield* Observed.Observed).spans, [])
    }),
    false
  )
})

describe("a client of a layer that brings no telemetry", () => {
  const join = Effect.gen(function*() {
    const { network } = yield* InProcess.make
    const ada = yield* Rooms.join("ada", { reconnect }).pipe(
      Effect.provideService(ActorClient.ActorClient, SocketClient.make(network.dial))
    )
    yield* awaitStatus(ada, "Connected")
    yield* ada.rpc.echo({ text: "hi" })
  })

  const without = Effect.provide(Layer.succeed(CurrentObserver)(undefined))

  test(
    "makes no spans, and its server begins the traces",
    Effect.fnUntraced(function*() {
      yield* without(join)
      assert.notInclude(yield* sentFrames, "trace")
      assert.deepStrictEqual(yield* spansOf("Room/echo", "client"), [])
      assert.isUndefined(parentOf(yield* one("Room/echo", "server")))
    })
  )

  test(
    "makes them where the app provides layerTraces",
    Effect.fnUntraced(function*() {
      yield* join.pipe(Effect.provide(ActorClient.layerTraces), without)
      assert.strictEqual(parentOf(yield* one("Room/echo", "server")), (yield* one("Room/echo", "client")).spanId)
    })
  )
})

describe("Tracing.decode", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c"
  const spanId = "b7ad6b7169203331"

  it("reads what encode writes", () => {
    for (const sampled of [true, false]) {
      const span = Tracer.externalSpan({ traceId, spanId, sampled })
      assert.deepInclude(Tracing.decode(Tracing.encode(span)), { traceId, spanId, sampled })
    }
  })

  it("takes anything that is not by the rules for no trace at all", () => {
    for (
      const trace of [
        undefined,
        "",
        "00",
        `01-${traceId}-${spanId}-01`,
        `00-${traceId.toUpperCase()}-${spanId}-01`,
        `00-${"0".repeat(32)}-${spanId}-01`,
        `00-${traceId}-${"0".repeat(16)}-01`,
        `00-${traceId}-${spanId}-01-more`,
        `00-${traceId}-${spanId}-01\n`,
        "x".repeat(1_000_000)
      ]
    ) {
      assert.isUndefined(Tracing.decode(trace), String(trace).slice(0, 80))
    }
  })
})
