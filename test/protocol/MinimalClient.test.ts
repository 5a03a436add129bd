// A client that was written from docs/PROTOCOL.md alone, against the real server: the page is enough, and it is true.
import { assert, describe } from "@effect/vitest"
import { type Cause, Effect, Fiber, Queue, type Scope } from "effect"
import { Backstage, scenario } from "../support/Rooms.ts"
import type { World } from "../support/World.ts"
import { MinimalClient, type Status } from "./MinimalClient.ts"

interface Joined {
  readonly client: MinimalClient
  readonly call: (rpc: string, payload?: unknown) => Effect.Effect<any, Cause.UnknownError>
  readonly said: Queue.Queue<string>
  /** The pings and pongs of the server. */
  readonly heartbeats: Queue.Queue<string>
  readonly awaitStatus: <Tag extends Status["_tag"]>(tag: Tag) => Effect.Effect<Extract<Status, { _tag: Tag }>>
}

/** Enters the lobby, subscribed to what is said there. */
const enter = Effect.fnUntraced(function*(
  world: World,
  name: string,
  options?: { readonly actor?: string; readonly level?: unknown }
): Effect.fn.Return<Joined, never, Scope.Scope> {
  const { port } = yield* world.proxy
  const said = yield* Queue.unbounded<string>()
  const heartbeats = yield* Queue.unbounded<string>()
  const statuses = yield* Queue.unbounded<Status>()
  const client = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new MinimalClient({
        url: `ws://127.0.0.1:${port}/actors`,
        actor: options?.actor ?? "Room",
        key: "lobby",
        params: () => ({ name, level: options?.level ?? "3" }),
        subscriptions: ["said"],
        onEvent: (event, payload) => event === "said" && Queue.offerUnsafe(said, payload.text),
        onFrame: (frame) => /^p[io]ng$/.test(frame) && Queue.offerUnsafe(heartbeats, frame),
        onStatus: (status) => Queue.offerUnsafe(statuses, status),
        retryEvery: 20
      })
    ),
    (client) => Effect.sync(() => client.leave("the test is over"))
  )
  return {
    client,
    said,
    heartbeats,
    call: (rpc, payload) => world.until(Effect.tryPromise(() => client.call(rpc, payload))),
    awaitStatus: (tag) =>
      world.until(Effect.repeat(Queue.take(statuses), { until: ({ _tag }) => _tag === tag })) as Effect.Effect<never>
  }
})

const say = (text: string) => ["say", { text, toOthers: false }] as const
const done = { _tag: "Success", value: null }

/** How a call failed that has no reply. */
const unanswered = (call: Effect.Effect<unknown, Cause.UnknownError>) =>
  Effect.map(Effect.flip(call), ({ cause }) => {
    const { message, ran } = cause as { readonly message: string; readonly ran: string }
    return { message, ran }
  })

const only = { only: "webSocket" } as const

describe("a client that was written from the protocol page", () => {
  scenario("calls, hears events, and is listed as any other", (world) =>
    Effect.gen(function*() {
      const ada = yield* enter(world, "ada")
      const { resumed } = yield* ada.awaitStatus("connected")
      assert.isFalse(resumed)
      assert.deepStrictEqual(yield* ada.call("echo", { text: "grüße" }), { _tag: "Success", value: "grüße" })
      assert.deepStrictEqual(yield* ada.call("names"), { _tag: "Success", value: ["ada"] })
      assert.deepStrictEqual(yield* ada.call(...say("hi")), done)
      assert.strictEqual(yield* world.until(Queue.take(ada.said)), "hi")
    }), only)

  scenario("tells the failures of calls apart", (world) =>
    Effect.gen(function*() {
      const ada = yield* enter(world, "ada")
      assert.deepStrictEqual(yield* ada.call("fail", { code: 7 }), {
        _tag: "Failure",
        cause: [{ _tag: "Fail", error: { _tag: "Refusal", code: 7 } }]
      })
      assert.deepStrictEqual(yield* ada.call("die", { secret: "xyzzy" }), {
        _tag: "Failure",
        cause: [{
          _tag: "Die",
          defect: { name: "Error", message: "internal error in Room; the cause is in the log of the server" }
        }]
      })
      const unknown = yield* unanswered(ada.call("dance"))
      assert.deepStrictEqual(unknown, { ran: "no", message: "UnknownRpc Room has no RPC \"dance\"" })
      const invalid = yield* unanswered(ada.call("echo", { text: 1 }))
      assert.match(invalid.message, /^InvalidPayload /)
      assert.strictEqual(invalid.ran, "no")
      const large = yield* unanswered(ada.call("big", { length: 300_000 }))
      assert.match(large.message, /^ReplyTooLarge \d+ 262144$/)
      assert.strictEqual(large.ran, "yes")
      const tooLarge = yield* unanswered(ada.call("echo", { text: "x".repeat(262_144) }))
      assert.deepStrictEqual(tooLarge, { ran: "no", message: "FrameTooLarge" })
    }), only)

  scenario("reads a stream that is longer than its window", (world) =>
    Effect.gen(function*() {
      const ada = yield* enter(world, "ada")
      const values: Array<number> = []
      const onValues = (chunk: ReadonlyArray<number>) => void values.push(...chunk)
      const exit = yield* world.until(
        Effect.tryPromise(() => ada.client.call("count", { to: 100_000 }, { onValues }))
      )
      assert.deepStrictEqual(exit, done)
      assert.strictEqual(values.length, 100_000)
      assert.isTrue(values.every((value, i) => value === i + 1))
    }), only)

  scenario("interrupts a call, the handler too", (world) =>
    Effect.gen(function*() {
      const { awaitEntry } = yield* Backstage
      const ada = yield* enter(world, "ada")
      const controller = new AbortController()
      const waiting = ada.client.call("wait", { gate: "shut" }, { signal: controller.signal })
      yield* world.until(awaitEntry("wait shut"))
      controller.abort()
      const exit = yield* world.until(Effect.tryPromise(() => waiting))
      assert.strictEqual(exit.cause[0]._tag, "Interrupt")
      yield* world.until(awaitEntry("interrupted shut"))
    }), only)
  scenario(
    "resumes across cuts at any byte: every call runs once, in order, and no event is lost or comes twice",
    (world) =>
      Effect.gen(function*() {
        const { entriesOf } = yield* Backstage
        const { cutAfterBytes } = yield* world.proxy
        const ada = yield* enter(world, "ada")
        const { connection } = yield* ada.awaitStatus("connected")
        const ben = yield* enter(world, "ben")
        yield* ben.awaitStatus("connected")
        const texts = Array.from({ length: 300 }, (_, i) => `line ${i}`)
        let cuts = 0
        // Each cut falls into another place of another frame, of the calls, of the answers, or of a handshake.
        const hurting = yield* Effect.gen(function*() {
          yield* cutAfterBytes(1_013 + cuts++ * 97)
          yield* ada.awaitStatus("away")
        }).pipe(Effect.forever, Effect.forkChild)

        const exits = yield* world.until(
          Effect.forEach(texts, (text) => Effect.tryPromise(() => ada.client.call(...say(text))), { concurrency: 5 })
        )

        assert.isTrue(exits.every((exit) => exit._tag === "Success"))
        assert.deepStrictEqual(yield* entriesOf("ada says"), texts.map((text) => `ada says ${text}`))
        for (const { said } of [ada, ben]) {
          assert.deepStrictEqual(yield* world.until(Effect.replicateEffect(Queue.take(said), texts.length)), texts)
          assert.strictEqual(yield* Queue.size(said), 0)
        }
        yield* Fiber.interrupt(hurting)
        assert.isAbove(cuts, 10)
        assert.isAbove(ada.client.sentAgain, 0)
        assert.deepStrictEqual(yield* entriesOf("onConnect"), ["onConnect ada", "onConnect ben"])
        const { id } = (yield* ada.call("whoami")).value
        assert.strictEqual(id, connection)
      }),
    only
  )

  scenario("gets the reply of a call that ran while it was away", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, gate } = yield* Backstage
      const ada = yield* enter(world, "ada")
      const reply = yield* Effect.forkChild(ada.call("wait", { gate: "door" }))
      yield* world.until(awaitEntry("wait door"))
      yield* world.network.refuse
      yield* world.network.cut
      yield* ada.awaitStatus("away")
      const queued = yield* Effect.forkChild(ada.call("echo", { text: "later" }), { startImmediately: true })
      yield* gate("door").open
      yield* world.until(awaitEntry("passed door"))
      yield* world.network.heal
      assert.deepStrictEqual(yield* Fiber.join(reply), { _tag: "Success", value: "door" })
      assert.deepStrictEqual(yield* Fiber.join(queued), { _tag: "Success", value: "later" })
      assert.deepStrictEqual(yield* entriesOf("onConnect", "wait", "passed"), [
        "onConnect ada",
        "wait door",
        "passed door"
      ])
    }), only)

  scenario(
    "stays through silence, gives up a frozen socket, and displaces it on its return",
    (world) =>
      Effect.gen(function*() {
        const { entriesOf } = yield* Backstage
        const ada = yield* enter(world, "ada")
        const { connection } = yield* ada.awaitStatus("connected")
        // A tenth of a second lies between two: longer than an end may be silent, so that their pings have been answered.
        yield* world.until(Effect.repeat(Queue.take(ada.heartbeats), { times: 12 }))
        assert.deepStrictEqual(yield* ada.call("echo", { text: "still here" }), {
          _tag: "Success",
          value: "still here"
        })
        yield* world.network.freeze
        yield* ada.awaitStatus("away")
        yield* world.network.heal
        const back = yield* ada.awaitStatus("connected")
        assert.deepStrictEqual(back, { _tag: "connected", connection, resumed: true })
        assert.deepStrictEqual(yield* entriesOf("onConnect", "onDisconnect"), ["onConnect ada"])
      }),
    only
  )

  scenario(
    "loses its session after the window: what was sent is unknown, what was not runs",
    (world) =>
      Effect.gen(function*() {
        const { awaitEntry, entriesOf } = yield* Backstage
        const ada = yield* enter(world, "ada")
        const sent = yield* Effect.forkChild(unanswered(ada.call("wait", { gate: "shut" })))
        yield* world.until(awaitEntry("wait shut"))
        yield* world.network.refuse
        yield* world.network.cut
        yield* ada.awaitStatus("away")
        const queued = yield* Effect.forkChild(ada.call("echo", { text: "later" }), { startImmediately: true })
        yield* world.until(awaitEntry("onDisconnect ada Lost"))
        yield* world.network.heal
        const { resumed } = yield* ada.awaitStatus("connected")
        assert.isFalse(resumed)
        assert.deepStrictEqual(yield* Fiber.join(sent), { ran: "maybe", message: "the session was lost" })
        assert.deepStrictEqual(yield* Fiber.join(queued), { _tag: "Success", value: "later" })
        assert.deepStrictEqual(yield* entriesOf("ada echoes"), ["ada echoes later"])
      }),
    { ...only, liveOptions: { resumeWindow: "100 millis" } }
  )

  scenario("leaves with a reason, which the actor learns", (world) =>
    Effect.gen(function*() {
      const { hooks } = yield* Backstage
      const reasons = yield* Queue.unbounded<unknown>()
      hooks.onDisconnect = (_, reason) => Effect.asVoid(Queue.offer(reasons, { ...reason }))
      const ada = yield* enter(world, "ada")
      yield* ada.call("names")
      ada.client.leave("going home")
      assert.deepStrictEqual(yield* world.until(Queue.take(reasons)), { _tag: "ClientLeft", reason: "going home" })
      assert.deepStrictEqual(yield* unanswered(ada.call("names")), { ran: "no", message: "ClientLeft" })
    }), only)

  scenario("stays away after a kick, or comes back when it may", (world) =>
    Effect.gen(function*() {
      const ada = yield* enter(world, "ada")
      const { connection } = yield* ada.awaitStatus("connected")
      yield* ada.call("kick", { name: "ada", reason: "take a break", retryAfterMillis: 50 })
      const { reason } = yield* ada.awaitStatus("away")
      assert.deepStrictEqual(reason, { _tag: "Kicked", reason: "take a break", retryAfter: 50 })
      const back = yield* ada.awaitStatus("connected")
      assert.isFalse(back.resumed)
      assert.notStrictEqual(back.connection, connection)
      yield* ada.call("kick", { name: "ada", reason: "for good" })
      const end = yield* ada.awaitStatus("done")
      assert.deepStrictEqual(end, { _tag: "done", reason: { _tag: "Kicked", reason: "for good" } })
    }), only)

  scenario(
    "is done where it is refused, asks for an unknown actor, or brings params that do not decode",
    (world) =>
      Effect.gen(function*() {
        const mallory = yield* Effect.flatMap(enter(world, "mallory"), (one) => one.awaitStatus("done"))
        assert.deepStrictEqual(mallory.rejection, { _tag: "Unwelcome", name: "mallory", since: 1984 })
        const lost = yield* Effect.flatMap(enter(world, "ada", { actor: "Attic" }), (one) => one.awaitStatus("done"))
        assert.deepStrictEqual(lost.reason, { _tag: "UnknownActor", actor: "Attic" })
        const odd = yield* Effect.flatMap(enter(world, "ada", { level: "low" }), (one) => one.awaitStatus("done"))
        assert.strictEqual(odd.reason?._tag, "InvalidParams")
      }),
    only
  )
})
