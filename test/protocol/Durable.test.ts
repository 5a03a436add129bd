// The same client and a durable actor that lives twice: the section "Durable actors" of docs/PROTOCOL.md.
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Queue, Schema, Scope } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Rpc } from "effect/rpc"
import { createServer } from "node:http"
import { Actor, ActorHost, ActorServer, ActorStorage } from "../../src/index.ts"
import * as TcpProxy from "../support/TcpProxy.ts"
import { MinimalClient, type Status } from "./MinimalClient.ts"

class Counter extends Actor.make("Counter", {
  state: { count: Schema.Int },
  rpcs: [Rpc.make("add", { success: Schema.Int })]
}) {}

/** One life of the app on a port, over the storage of the test; tells of each call that has run. */
const live = Effect.fnUntraced(function*(port: number, onAdded: (count: number) => Effect.Effect<void>) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const actors = Counter.toLayer(
    Effect.map(Counter.State, (state) => ({
      add: () => Effect.tap(state.modify(({ count }) => [count + 1, { count: count + 1 }]), onAdded)
    })),
    { initialState: { count: 0 }, durability: "commit" }
  ).pipe(Layer.provide(Counter.layerAdmitAll))
  const app = HttpRouter.serve(ActorServer.layerHttpRouter({ path: "/actors" }), {
    disableListenLog: true,
    disableLogger: true
  }).pipe(
    Layer.provide(actors),
    Layer.provide(ActorHost.layerLocal()),
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, { host: "127.0.0.1", port, disablePreemptiveShutdown: true })
    ),
    Layer.orDie
  )
  const services = yield* Layer.buildWithScope(Layer.fresh(app), scope)
  const { address } = Context.get(services, HttpServer.HttpServer)
  return { port: "port" in address ? address.port : 0, stop: Scope.close(scope, Exit.void) }
})

const limited = Effect.timeout("12 seconds")

describe("a client that was written from the protocol page, and a durable actor", () => {
  it.live("goes on with its connection in the actor's next life, where what had run is answered and not run again", () =>
    Effect.gen(function*() {
      const added = yield* Deferred.make<void>()
      const first = yield* live(0, (count) => count === 2 ? Deferred.succeed(added, undefined) : Effect.void)
      const proxy = yield* TcpProxy.make({ targetPort: first.port })
      const statuses = yield* Queue.unbounded<Status>()
      const connected = Effect.repeat(Queue.take(statuses), { until: ({ _tag }) => _tag === "connected" })
      const client = yield* Effect.acquireRelease(
        Effect.sync(() =>
          new MinimalClient({
            url: `ws://127.0.0.1:${proxy.port}/actors`,
            actor: "Counter",
            key: "one",
            params: () => null,
            subscriptions: [],
            onEvent: () => {},
            onFrame: () => {},
            onStatus: (status) => Queue.offerUnsafe(statuses, status),
            retryEvery: 20
          })
        ),
        (client) => Effect.sync(() => client.leave("the test is over"))
      )
      const add = Effect.tryPromise(() => client.call("add"))
      const before = yield* connected
      assert.deepStrictEqual(yield* add, { _tag: "Success", value: 1 })

      // The second call arrives, runs and is stored; its reply does not get through before the actor's life is over.
      yield* proxy.latency("200 millis")
      const second = yield* Effect.forkChild(add)
      yield* Deferred.await(added)
      yield* proxy.refuse
      yield* proxy.cut
      yield* first.stop
      const third = yield* Effect.forkChild(add)
      yield* live(first.port, () => Effect.void)
      yield* proxy.heal

      const after = yield* connected
      assert.deepStrictEqual(after, { ...before, resumed: true } as Status)
      assert.deepStrictEqual(yield* Fiber.join(second), { _tag: "Success", value: 2 })
      assert.deepStrictEqual(yield* Fiber.join(third), { _tag: "Success", value: 3 })
    }).pipe(Effect.scoped, Effect.provide(ActorStorage.layerMemory), limited, Effect.provide(Logger.layer([]))))
})
