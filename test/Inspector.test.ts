import { NodeHttpServer, NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigProvider,
  Context,
  Effect,
  Exit,
  Layer,
  Logger,
  Option,
  Queue,
  Redacted,
  Result,
  Schedule,
  Schema,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { HttpClient, HttpRouter, HttpServer } from "effect/http"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import type { Status } from "../src/ConnectionStatus.ts"
import { Actor, ActorClient, ActorHost, ActorServer, Inspector } from "../src/index.ts"
import { InspectorActor, key, type Sample } from "../src/inspector/InspectorActor.ts"
import * as InspectorServer from "../src/inspector/InspectorServer.ts"
import { script } from "../src/inspector/Script.ts"
import type { HostView } from "../src/internal/inspection.ts"
import { TestNetwork } from "../src/testing/TestNetwork.ts"
import * as Hosts from "./support/Hosts.ts"
import * as Observed from "./support/Observed.ts"
import * as Rooms from "./support/Rooms.ts"
import { awaitStatusBy } from "./support/World.ts"

const reconnect = Schedule.spaced("1 second")
const awaitStatus = awaitStatusBy(Observed.until)
const token = Redacted.make("the token of the inspector")

/** Starts an inspector of the host of the test, on a host and a network of its own. */
const startInspector = Effect.gen(function*() {
  const host = yield* ActorHost.ActorHost
  const context = yield* Layer.build(
    InspectorServer.layer(host, token).pipe(
      Layer.provideMerge(Layer.fresh(TestNetwork.layer)),
      Layer.provideMerge(ActorHost.layerLocal())
    )
  )
  return {
    host: Context.get(context, ActorHost.ActorHost),
    open: (given: Redacted.Redacted<string> = token) =>
      InspectorActor.connect(key, { params: { token: given }, subscribe: ["sampled", "history", "seen"] }).pipe(
        Effect.provideContext(context)
      )
  }
})

/** What comes of an event, from now on. */
const listen = <A, E>(events: Stream.Stream<A, E>) => Rooms.hear(events)

/** The next view that is as it should be. */
const viewWhere = (views: Queue.Dequeue<HostView, unknown>, is: (view: HostView) => boolean) =>
  Observed.until(Effect.repeat(Queue.take(views), { until: is }))

const test = <E>(name: string, body: () => Effect.Effect<void, E, Observed.App | Scope.Scope>) =>
  Hosts.it.onEachHost(name, () => Effect.provide(body(), Observed.layer({ tracer: false })))

describe("the inspector", () => {
  test(
    "lets in who has the token, and nobody else",
    Effect.fnUntraced(function*() {
      const inspector = yield* startInspector
      const stranger = yield* inspector.open(Redacted.make("the token of the inspectoR"))
      const { rejection } = yield* awaitStatus(stranger, "Rejected")
      assert.strictEqual(rejection._tag, "WrongToken")
      yield* awaitStatus(yield* inspector.open(), "Connected")
    })
  )

  test(
    "shows actors and connections as they are",
    Effect.fnUntraced(function*() {
      const network = yield* TestNetwork
      const ada = yield* Rooms.join("ada", { reconnect, subscribe: ["said"] })
      yield* awaitStatus(ada, "Connected")
      yield* TestClock.adjust("10 seconds")
      const ben = yield* Rooms.join("ben", { reconnect, key: "attic" })
      yield* awaitStatus(ben, "Connected")
      yield* Effect.exit(ada.rpc.fail({ code: 7 }))
      yield* Effect.exit(ben.rpc.die({ secret: "of the app" }))

      const inspector = yield* startInspector
      const page = yield* inspector.open()
      const views = yield* listen(page.events.seen)
      const first = yield* viewWhere(views, () => true)
      assert.strictEqual(first.actorCount, 2)
      assert.strictEqual(first.connectionCount, 2)
      assert.deepStrictEqual(first.actors.map(({ calls, connections, key }) => [key, connections, calls]), [
        ["lobby", 1, 0],
        ["attic", 1, 0]
      ])
      const [seen, other] = first.connections
      assert.deepInclude(seen, {
        type: "Room",
        key: "lobby",
        status: "Connected",
        state: "{\"level\":3,\"name\":\"ada\"}",
        address: null,
        subscriptions: ["said"],
        calls: 0,
        lastError: "fail: Refusal"
      })
      assert.strictEqual((other?.since ?? 0) - (seen?.since ?? 0) >= 10_000, true)
      assert.strictEqual(other?.lastError, "die: defect")
      assert.notInclude(JSON.stringify(first), "of the app")

      yield* network.cut
      yield* awaitStatus(ada, "Waiting")
      const away = yield* viewWhere(views, ({ suspendedCount }) => suspendedCount === 2)
      assert.deepStrictEqual(away.connections.map(({ status }) => status), ["Suspended", "Suspended"])
    })
  )

  test(
    "finds what was searched for, and tells how much there is",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      const ben = yield* Rooms.join("ben", { reconnect, key: "attic" })
      yield* awaitStatus(ada, "Connected")
      yield* awaitStatus(ben, "Connected")
      const inspector = yield* startInspector
      const page = yield* inspector.open()
      const views = yield* listen(page.events.seen)
      yield* viewWhere(views, ({ connections }) => connections.length === 2)
      yield* Observed.until(page.rpc.search({ text: "  ATTIC " }))
      const found = yield* viewWhere(views, ({ connections }) => connections.length === 1)
      assert.deepStrictEqual([found.connections[0]?.key, found.actors.length, found.connectionCount], ["attic", 1, 2])
      yield* Observed.until(page.rpc.search({ text: "nothing of the kind" }))
      yield* viewWhere(views, ({ actors, connections }) => connections.length === 0 && actors.length === 0)
    })
  )

  test(
    "draws calls, connections and resumes per second, and remembers them for who comes later",
    Effect.fnUntraced(
      function*() {
        const network = yield* TestNetwork
        const ada = yield* Rooms.join("ada", { reconnect })
        yield* awaitStatus(ada, "Connected")
        const inspector = yield* startInspector
        const page = yield* inspector.open()
        const samples = yield* listen(page.events.sampled)
        const next = (is: (sample: Sample) => boolean) =>
          Observed.until(Effect.repeat(Queue.take(samples), { until: is }))
        yield* next(() => true)
        yield* Effect.forEach(Array.from({ length: 7 }), () => ada.rpc.echo({ text: "hi" }))
        assert.approximately((yield* next(({ calls }) => calls > 0)).calls, 7, 0.1)
        const ben = yield* Rooms.join("ben", { reconnect })
        yield* awaitStatus(ben, "Connected")
        const opened = yield* next((sample) => sample.opened > 0)
        assert.approximately(opened.opened, 1, 0.1)
        assert.strictEqual(opened.connections, 2)
        yield* network.cut
        assert.approximately((yield* next(({ resumed }) => resumed > 0)).resumed, 2, 0.1)

        const later = yield* inspector.open()
        const history = yield* Queue.take(yield* listen(later.events.history)).pipe(Observed.until)
        assert.isAtLeast(history.length, 4)
        assert.isTrue(history.some(({ calls }) => Math.abs(calls - 7) < 0.1))
      }
    )
  )

  test(
    "ends a connection with a reason, and says if it was there",
    Effect.fnUntraced(function*() {
      const ada = yield* Rooms.join("ada", { reconnect })
      const { id } = yield* awaitStatus(ada, "Connected")
      const inspector = yield* startInspector
      const page = yield* inspector.open()
      assert.isTrue(yield* Observed.until(page.rpc.kick({ connection: id, reason: "too loud" })))
      const { reason } = yield* awaitStatus(ada, "Disconnected")
      assert.deepInclude(reason, { _tag: "Kicked", reason: "too loud" })
      assert.isFalse(yield* Observed.until(page.rpc.kick({ connection: id, reason: "" })))
      const { lines } = yield* Observed.Observed
      assert.isTrue(
        lines.some(({ annotations, text }) => text === "a connection was ended by hand" && annotations.inspected === id)
      )
    })
  )

  test(
    "does nothing while nobody looks",
    Effect.fnUntraced(function*() {
      const inspector = yield* startInspector
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* inspector.host.size, 0)
      const page = yield* inspector.open()
      yield* awaitStatus(page, "Connected")
      assert.strictEqual(yield* inspector.host.size, 1)
      yield* page.disconnect()
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* inspector.host.size, 0)
    })
  )
})

class Vault extends Actor.make("Vault", {
  connectionState: { name: Schema.String, password: Schema.RedactedFromValue(Schema.String) },
  rpcs: [Rpc.make("open")]
}) {}

const vault = Vault.toLayer({ open: () => Effect.void }).pipe(
  Layer.provide(Vault.layerHooks({
    onBeforeConnect: () => Effect.succeed({ name: "ada", password: Redacted.make("hunter2") })
  })),
  Layer.provideMerge(ActorHost.layerLocal())
)

const serve = (inspector: Layer.Layer<never, never, ActorHost.ActorHost | HttpRouter.HttpRouter>) =>
  HttpRouter.serve(Layer.merge(ActorServer.layerHttpRouter({ path: "/actors" }), inspector), {
    disableListenLog: true,
    disableLogger: true
  }).pipe(
    Layer.provideMerge(vault),
    Layer.provideMerge(NodeHttpServer.layerTest),
    Layer.provideMerge(NodeWS.layerWebSocketConstructor),
    Layer.provideMerge(Logger.layer([]))
  )

const dial = (path: string) =>
  Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    Layer.build(ActorClient.layerWebSocket({
      url: `ws://127.0.0.1:${"port" in address ? address.port : 0}${path}`
    })))

/** The reason for which a client is done. */
const endOf = <Rejection>(status: SubscriptionRef.SubscriptionRef<Status<Rejection>>) =>
  SubscriptionRef.changes(status).pipe(
    Stream.filterMap((status) => status._tag === "Disconnected" ? Result.succeed(status.reason._tag) : Result.failVoid),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

describe("Inspector.layer", () => {
  it.live("serves a page that loads nothing from elsewhere and that may be put into no frame", () =>
    Effect.gen(function*() {
      for (const path of ["/inspector", "/inspector/script.js", "/inspector/style.css"]) {
        const response = yield* HttpClient.get(path)
        const text = yield* response.text
        assert.strictEqual(response.status, 200, path)
        assert.notMatch(text, /https?:\/\/|\/\/[a-z]+\./, path)
        assert.notInclude(text, Redacted.value(token))
        assert.match(response.headers["content-security-policy"] ?? "", /default-src 'none'.*frame-ancestors 'none'/)
        assert.strictEqual(response.headers["cache-control"], "no-store")
      }
      // Throws if the script is none.
      assert.isFunction(new Function(script))
    }).pipe(Effect.provide(serve(Inspector.layer({ token })))))

  it.live("shows addresses, and no secret of a state", () =>
    Effect.gen(function*() {
      yield* Effect.provideContext(Vault.connect("a"), yield* dial("/actors"))
      const page = yield* Effect.provideContext(
        InspectorActor.connect(key, { params: { token }, subscribe: ["seen"] }),
        yield* dial("/ops/socket")
      )
      const view = yield* page.events.seen.pipe(
        Stream.filter(({ connectionCount }) => connectionCount === 1),
        Stream.take(1),
        Stream.runCollect
      )
      const [one] = view[0]!.connections
      assert.match(one?.address ?? "", /127\.0\.0\.1$/)
      assert.match(one?.state ?? "", /"name":"ada".*redacted/)
      assert.notInclude(JSON.stringify(view), "hunter2")
    }).pipe(
      Effect.timeout("10 seconds"),
      Effect.scoped,
      Effect.provide(serve(Inspector.layer({ token, path: "/ops/" })))
    ))

  it.live("keeps its socket and the app's apart", () =>
    Effect.gen(function*() {
      const vault = yield* Effect.provideContext(Vault.connect("a"), yield* dial("/inspector/socket"))
      const inspector = yield* Effect.provideContext(
        InspectorActor.connect(key, { params: { token } }),
        yield* dial("/actors")
      )
      assert.strictEqual(yield* endOf(vault.status), "UnknownActor")
      assert.strictEqual(yield* endOf(inspector.status), "UnknownActor")
    }).pipe(Effect.timeout("10 seconds"), Effect.scoped, Effect.provide(serve(Inspector.layer({ token })))))

  it.effect("dies with a token that can be guessed", () =>
    Effect.gen(function*() {
      const layer = Layer.provide(Inspector.layer({ token: Redacted.make("secret") }), [
        HttpRouter.layer,
        ActorHost.layerLocal()
      ])
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
      assert.isTrue(Exit.isFailure(exit))
      assert.match(String(exit), /too short/)
    }))

  const configured = (env: Record<string, string>) =>
    serve(
      Layer.orDie(Inspector.layerConfig()).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }).pipe(ConfigProvider.constantCase)))
      )
    )

  it.live("is not there without a token in the config", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* HttpClient.get("/inspector")).status, 404)
    }).pipe(Effect.provide(configured({}))))

  it.live("is there with one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* HttpClient.get("/inspector")).status, 200)
    }).pipe(Effect.provide(configured({ TETHER_INSPECTOR_TOKEN: Redacted.value(token) }))))
})
