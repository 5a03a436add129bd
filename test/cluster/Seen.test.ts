// Nodes as they are seen from outside: traces that lead from one to another, and what each of them shows of itself.
import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Tracer } from "effect"
import { ActorHost } from "../../src/ActorHost.ts"
import * as MemoryCluster from "../support/MemoryCluster.ts"
import * as RawPeer from "../support/RawPeer.ts"
import * as Works from "../support/Works.ts"
import { untilSimulated as until } from "../support/World.ts"

const spans: Array<Tracer.NativeSpan> = []
const tracer = Tracer.make({
  span(options) {
    const span = new Tracer.NativeSpan(options)
    spans.push(span)
    return span
  }
})

const nodes = MemoryCluster.testWith(Works.layer.pipe(Layer.provideMerge(Layer.succeed(Tracer.Tracer)(tracer))))

describe("the nodes of a cluster", () => {
  nodes("hand the trace of a call on to the node of its actor", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      spans.length = 0
      const works = yield* Works.Works.client(cluster.keyOn(one)).pipe(Effect.provideContext(two.services))
      yield* until(works.add({ amount: 1 }).pipe(Effect.withSpan("app"), Effect.provideContext(two.services)))
      const app = spans.find(({ name }) => name === "app")
      const call = spans.find(({ name }) => name === "Works/add")
      assert.isDefined(app)
      assert.strictEqual(call?.traceId, app?.traceId)
      assert.strictEqual(call?.parent._tag === "Some" ? call.parent.value.spanId : "none", app?.spanId)
    }))

  nodes(
    "show where a client comes from, whichever of them it has dialled",
    2,
    (cluster, one, two) =>
      Effect.gen(function*() {
        const key = cluster.keyOn(one)
        yield* RawPeer.enter("Works", { key }, { remoteAddress: "192.0.2.7" }).pipe(Effect.provideContext(two.services))
        const { connections } = yield* Context.get(one.services, ActorHost).inspect({ search: "", limit: 10 })
        assert.deepStrictEqual(connections.map(({ address }) => address), ["192.0.2.7"])
      })
  )

  nodes("show each their own actors", 2, (cluster, one, two) =>
    Effect.gen(function*() {
      const key = cluster.keyOn(one)
      const works = yield* Works.Works.client(key).pipe(Effect.provideContext(two.services))
      yield* until(works.add({ amount: 1 }))
      const view = (node: typeof one) => Context.get(node.services, ActorHost).inspect({ search: "", limit: 10 })
      assert.deepStrictEqual((yield* view(one)).actors.map((actor) => actor.key), [key])
      assert.deepStrictEqual((yield* view(two)).actors, [])
      assert.isFalse(yield* Context.get(two.services, ActorHost).kick("nobody"))
    }))
})
