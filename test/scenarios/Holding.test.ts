import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { Socket } from "effect/socket"
import * as ActorHost from "../../src/ActorHost.ts"
import * as EndCode from "../../src/session/EndCode.ts"
import * as Link from "../../src/session/Link.ts"
import { Backstage, failure, hear, join, Refusal, Room, scenario } from "../support/Rooms.ts"
import type { World } from "../support/World.ts"

const range = (length: number) => Array.from({ length }, (_, i) => String(i))

describe("a full queue (33)", () => {
  scenario("fails the call that finds no room, and tells how many wait", (world) =>
    Effect.gen(function*() {
      yield* world.network.refuse
      const ada = yield* join("ada", { queueCapacity: 3, onQueueFull: "fail", reconnect: world.reconnect })
      const say = (text: string) => Effect.forkChild(ada.rpc.echo({ text }), { startImmediately: true })
      const calls = [yield* say("0"), yield* say("1"), yield* say("2")]
      assert.strictEqual(yield* ada.queued, 3)
      assert.strictEqual((yield* failure(ada.rpc.echo({ text: "3" }), "QueueFull")).capacity, 3)

      yield* Fiber.interrupt(calls[1]!)
      assert.strictEqual(yield* ada.queued, 2)
      const late = yield* say("4")
      assert.strictEqual(yield* ada.queued, 3)

      yield* world.network.heal
      const answers = Effect.all([calls[0]!, calls[2]!, late].map(Fiber.join))
      assert.deepStrictEqual(yield* world.until(answers), ["0", "2", "4"])
      assert.strictEqual(yield* ada.queued, 0)
      const { entriesOf } = yield* Backstage
      assert.deepStrictEqual(yield* entriesOf("ada echoes"), ["ada echoes 0", "ada echoes 2", "ada echoes 4"])
    }))

  scenario("suspends the call that finds no room, and keeps the order", (world) =>
    Effect.gen(function*() {
      yield* world.network.refuse
      const ada = yield* join("ada", { queueCapacity: 2, reconnect: world.reconnect })
      const calls = yield* Effect.forEach(range(6), (text) =>
        Effect.forkChild(ada.rpc.echo({ text }), { startImmediately: true }))
      assert.strictEqual(yield* ada.queued, 2)
      // One that is queued and one that waits for room.
      yield* Fiber.interrupt(calls[0]!)
      yield* Fiber.interrupt(calls[4]!)
      yield* world.until(Effect.repeat(Effect.andThen(Effect.yieldNow, ada.queued), {
        until: (n) =>
          n === 2
      }))

      yield* world.network.heal
      const answers = Effect.all([1, 2, 3, 5].map((i) => Fiber.join(calls[i]!)))
      assert.deepStrictEqual(yield* world.until(answers), ["1", "2", "3", "5"])
      const { entriesOf } = yield* Backstage
      assert.deepStrictEqual(yield* entriesOf("ada echoes"), [1, 2, 3, 5].map((n) => `ada echoes ${n}`))
    }))
})

describe("what is too long (34)", () => {
  scenario("a call fails alone, its neighbours succeed and the connection stays", ({ logs }) =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      const { id } = yield* ada.rpc.whoami()
      const results = yield* Effect.all({
        before: ada.rpc.echo({ text: "before" }),
        long: failure(ada.rpc.echo({ text: "x".repeat(300_000) }), "NotExecuted"),
        after: ada.rpc.echo({ text: "after" })
      }, { concurrency: "unbounded" })
      assert.deepStrictEqual([results.before, results.long.cause, results.after], ["before", "FrameTooLarge", "after"])
      assert.strictEqual((yield* ada.rpc.whoami()).id, id)
      assert.deepStrictEqual((yield* logs).filter(({ level }) => level === "Error"), [])
    }))

  scenario("a call that was queued before the limit was known fails alone, too", (world) =>
    Effect.gen(function*() {
      yield* world.network.refuse
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const calls = yield* Effect.forkChild(Effect.all({
        before: ada.rpc.echo({ text: "before" }),
        long: failure(ada.rpc.echo({ text: "x".repeat(300_000) }), "NotExecuted"),
        after: ada.rpc.echo({ text: "after" })
      }, { concurrency: "unbounded" }))
      yield* world.network.heal
      const results = yield* world.until(Fiber.join(calls))
      assert.deepStrictEqual([results.before, results.long.cause, results.after], ["before", "FrameTooLarge", "after"])
    }))

  scenario("a reply fails its call alone, which says that it ran", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      const { id } = yield* ada.rpc.whoami()
      const results = yield* Effect.all({
        before: ada.rpc.big({ length: 3 }),
        long: Effect.flip(ada.rpc.big({ length: 300_000 })),
        after: ada.rpc.big({ length: 4 })
      }, { concurrency: "unbounded" })
      assert.deepStrictEqual([results.before, results.long.executed, results.after], ["xxx", "yes", "xxxx"])
      const { reason } = results.long
      if (reason._tag !== "ReplyTooLarge") return assert.fail(reason.message)
      assert.isAbove(reason.bytes, 300_000)
      assert.strictEqual(reason.limit, 262_144)
      assert.strictEqual((yield* ada.rpc.whoami()).id, id)
    }))

  scenario("an event is a defect of its sender, and reaches nobody", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada", { subscribe: ["said"] })
      const ben = yield* join("ben", { subscribe: ["said"] })
      const heard = yield* hear(ben.events.said)
      yield* ben.rpc.whoami()
      const exit = yield* Effect.exit(ada.rpc.say({ text: "x".repeat(2_000), toOthers: false }))
      assert.strictEqual(exit._tag, "Failure")
      yield* ada.rpc.say({ text: "short", toOthers: false })
      assert.strictEqual((yield* Queue.take(heard)).text, "short")
    }), { hostOptions: { maxFrameBytes: 1_500 } })
})

describe("a handler that fails (36)", () => {
  scenario("a typed error reaches its caller", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      const error = yield* Effect.flip(ada.rpc.fail({ code: 7 }))
      assert.instanceOf(error, Refusal)
      assert.strictEqual(error.code, 7)
    }))

  scenario(
    "a defect fails its own call, masked, and is logged; other calls and connections go on",
    ({ logs }) =>
      Effect.gen(function*() {
        const { awaitEntry, gate } = yield* Backstage
        const [ada, ben] = [yield* join("ada"), yield* join("ben")]
        const [adaBefore, benBefore] = [yield* ada.rpc.whoami(), yield* ben.rpc.whoami()]
        const beside = yield* Effect.forkChild(ada.rpc.waitBeside({ gate: "door" }))
        yield* awaitEntry("wait door")
        const [exit, neighbour] = yield* Effect.all([
          Effect.exit(ada.rpc.die({ secret: "the password is 1234" })),
          ada.rpc.echo({ text: "hi" })
        ], { concurrency: "unbounded" })
        const seen = String(exit)
        assert.include(seen, "internal error")
        assert.notInclude(seen, "1234")
        assert.strictEqual(neighbour, "hi")
        yield* gate("door").open
        assert.strictEqual(yield* Fiber.join(beside), "door")
        assert.deepStrictEqual(yield* ada.rpc.whoami(), adaBefore)
        assert.deepStrictEqual(yield* ben.rpc.whoami(), benBefore)
        const errors = (yield* logs).filter(({ level }) => level === "Error")
        assert.lengthOf(errors, 1)
        assert.match(errors[0]!.text, /the handler of die failed.*the password is 1234/s)
      })
  )
})

describe("actors that call actors (41)", () => {
  scenario("a call that comes back to where it started fails with CallCycle", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      assert.strictEqual(yield* ada.rpc.pass({ keys: ["b", "c"] }), "arrived")
      assert.strictEqual(yield* ada.rpc.pass({ keys: ["lobby"] }), "CallCycle Room/lobby > Room/lobby")
      assert.strictEqual(
        yield* ada.rpc.pass({ keys: ["b", "c", "lobby"] }),
        "CallCycle Room/lobby > Room/b > Room/c > Room/lobby"
      )
      assert.strictEqual(yield* ada.rpc.pass({ keys: ["b", "b"] }), "CallCycle Room/lobby > Room/b > Room/b")
    }))

  scenario("actors without turns may call in circles", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      assert.strictEqual(yield* ada.rpc.pass({ keys: ["b", "lobby"] }), "arrived")
    }), { room: { concurrency: "unbounded" } })

  scenario(
    "a handler that kicks its own caller: first the reply, then the end",
    ({ awaitStatus }) =>
      Effect.gen(function*() {
        const ada = yield* join("ada")
        assert.isTrue(yield* ada.rpc.kick({ name: "ada", reason: "bye" }))
        const { reason } = yield* awaitStatus(ada, "Disconnected")
        assert.strictEqual(reason._tag === "Kicked" && reason.reason, "bye")
      })
  )
})

describe("many calls (44)", () => {
  scenario("1,000 queued calls against a limit of 100 in flight all run, in order", (world) =>
    Effect.gen(function*() {
      const { entriesOf } = yield* Backstage
      yield* world.network.refuse
      const ada = yield* join("ada", { reconnect: world.reconnect })
      const texts = range(1_000)
      const calls = yield* Effect.forkChild(
        Effect.forEach(texts, (text) => ada.rpc.echo({ text }), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* world.network.heal
      assert.deepStrictEqual(yield* world.until(Fiber.join(calls)), texts)
      assert.deepStrictEqual(yield* entriesOf("ada echoes"), texts.map((text) => `ada echoes ${text}`))
    }))

  scenario(
    "the client keeps the limit: the next call leaves when one has been answered",
    ({ settle }) =>
      Effect.gen(function*() {
        const { entriesOf, gate } = yield* Backstage
        const ada = yield* join("ada")
        const calls = yield* Effect.forEach(range(12), (name) => Effect.forkChild(ada.rpc.waitBeside({ gate: name })))
        yield* settle
        assert.strictEqual(yield* ada.queued, 7)
        assert.deepStrictEqual(yield* entriesOf("wait"), range(5).map((name) => `wait ${name}`))
        yield* gate("3").open
        yield* Fiber.join(calls[3]!)
        yield* settle
        assert.deepStrictEqual((yield* entriesOf("wait")).slice(5), ["wait 5"])
        yield* Effect.forEach(range(12), (name) => gate(name).open)
        assert.deepStrictEqual(yield* Effect.all(calls.map(Fiber.join)), range(12))
      }),
    { only: "memory", hostOptions: { maxCallsInFlight: 5 } }
  )
})

describe("turns", () => {
  scenario("calls of one connection run in the order in which they were made", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      yield* Effect.forEach(range(50), (text) => ada.rpc.say({ text, toOthers: true }), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* ada.rpc.history(), range(50))
    }))

  scenario("handlers run one at a time", () =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, gate } = yield* Backstage
      const [ada, ben] = [yield* join("ada"), yield* join("ben")]
      yield* ben.rpc.whoami()
      const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }))
      yield* awaitEntry("wait door")
      const next = yield* Effect.forkChild(ben.rpc.echo({ text: "hi" }))
      // Beside the turns; its answer shows that the call before it has been taken in.
      yield* Stream.runDrain(ben.rpc.count({ to: 1 }))
      assert.deepStrictEqual(yield* entriesOf("ben echoes"), [])
      yield* gate("door").open
      assert.deepStrictEqual(yield* Effect.all([Fiber.join(waiting), Fiber.join(next)]), ["door", "hi"])
      assert.deepStrictEqual(yield* entriesOf("passed", "ben echoes"), ["passed door", "ben echoes hi"])
    }))

  scenario("a stream that waits and a forked handler take no turn", () =>
    Effect.gen(function*() {
      const { awaitEntry, gate } = yield* Backstage
      const ada = yield* join("ada")
      const heard = yield* hear(ada.rpc.listen({ gate: "door" }))
      assert.strictEqual(yield* Queue.take(heard), "listening")
      const forked = yield* Effect.forkChild(ada.rpc.waitBeside({ gate: "door" }))
      yield* awaitEntry("wait door")
      assert.strictEqual(yield* ada.rpc.echo({ text: "hi" }), "hi")
      yield* gate("door").open
      assert.strictEqual(yield* Queue.take(heard), "passed")
      assert.strictEqual(yield* Fiber.join(forked), "door")
    }))

  scenario("concurrency \"unbounded\" lets handlers run beside each other", () =>
    Effect.gen(function*() {
      const { awaitEntry, gate } = yield* Backstage
      const ada = yield* join("ada")
      const waiting = yield* Effect.forkChild(ada.rpc.wait({ gate: "door" }))
      yield* awaitEntry("wait door")
      assert.strictEqual(yield* ada.rpc.echo({ text: "hi" }), "hi")
      yield* gate("door").open
      assert.strictEqual(yield* Fiber.join(waiting), "door")
    }), { room: { concurrency: "unbounded" } })

  scenario("a stream arrives whole and in order", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      const numbers = yield* Stream.runCollect(ada.rpc.count({ to: 2_000 }))
      assert.deepStrictEqual(numbers, Array.from({ length: 2_000 }, (_, i) => i + 1))
    }))
})

describe("the list of connections", () => {
  scenario("updateState changes the state at once, for handlers and for the list", () =>
    Effect.gen(function*() {
      const [ada, ben] = [yield* join("ada"), yield* join("ben")]
      yield* ben.rpc.whoami()
      assert.strictEqual(yield* ada.rpc.rename({ name: "eve" }), "eve")
      assert.strictEqual((yield* ada.rpc.whoami()).name, "eve")
      assert.sameMembers(Array.from(yield* ben.rpc.names()), ["eve", "ben"])
    }))

  scenario("changes tells what happens to it, in order", (world) =>
    Effect.gen(function*() {
      const { awaitEntry, entriesOf, hooks, write } = yield* Backstage
      const watch = Effect.flatMap(Room.Connections, ({ changes }) =>
        Stream.runForEach(changes, (change) =>
          write(
            `change ${change.connection.state.name} ${change._tag}${
              change._tag === "Disconnected" ? ` ${change.reason._tag}` : ""
            }`
          )))
      hooks.onConnect = ({ state }) =>
        state.name === "ada" ? Effect.asVoid(Effect.forkScoped(watch, { startImmediately: true })) : Effect.void
      const ada = yield* join("ada", { reconnect: world.reconnect })
      yield* ada.rpc.whoami()
      const ben = yield* join("ben", { reconnect: world.reconnect })
      yield* ben.rpc.rename({ name: "eve" })
      yield* world.network.cut
      yield* world.until(awaitEntry("change eve Resumed"))
      yield* world.until(ben.rpc.whoami())
      yield* ben.disconnect()
      yield* world.until(awaitEntry("change eve Disconnected"))
      assert.deepStrictEqual(yield* entriesOf("change ben", "change eve"), [
        "change ben Connected",
        "change eve Updated",
        "change eve Suspended",
        "change eve Resumed",
        "change eve Disconnected ClientLeft"
      ])
    }))
})

const hello = (more: Record<string, unknown> = {}) =>
  JSON.stringify([["hello", {
    protocol: 1,
    actor: "Room",
    key: "lobby",
    params: { name: "eve", level: "1" },
    subscriptions: [],
    attach: 1,
    ...more
  }]])

/** A socket that is spoken by hand. */
const speak = Effect.fnUntraced(function*({ dial }: World) {
  const socket = yield* dial
  const { pull } = yield* Link.fromSocket(socket, { maxBytes: 16_777_216 })
  const writer = yield* socket.writer
  const frames: Array<ReadonlyArray<any>> = []
  let unread = 0
  const read = Effect.map(pull, (messages) => {
    for (const message of messages) frames.push(...JSON.parse(message))
  })
  return {
    // The server may have had enough already.
    send: (message: string | Uint8Array) => Effect.ignore(writer.write(message)),
    /** Reads until a frame of this name has come, and returns it. */
    receive: (tag: string) =>
      Effect.gen(function*() {
        while (true) {
          while (unread >= frames.length) yield* read
          const frame = frames[unread++]!
          if (frame[0] === tag) return frame
        }
      }),
    /** Reads until the server closes, and returns the close code. */
    end: Effect.flip(Effect.forever(read)).pipe(
      Effect.map((error) =>
        Socket.isSocketError(error) && error.reason._tag === "SocketCloseError" ? error.reason.code : error
      )
    ),
    /** All that has come, what was waited for included. */
    frames
  }
})

/** Another client, and the assurance that it and the log know nothing of what happened meanwhile. */
const bystander = Effect.fnUntraced(function*({ logs }: World) {
  const ben = yield* join("ben")
  const before = yield* ben.rpc.whoami()
  return Effect.gen(function*() {
    assert.deepStrictEqual(yield* ben.rpc.whoami(), before)
    assert.deepStrictEqual((yield* logs).filter(({ level }) => level !== "Info"), [])
  })
})

/** A message with a byte in it, for its `?`, that UTF-8 does not have. */
const withInvalidUtf8 = (message: string) =>
  new TextEncoder().encode(message).map((byte) => byte === 0x3f ? 0xff : byte)

const breaches: Record<string, string | Uint8Array> = {
  "garbage": "garbage",
  "nothing": "",
  "no frames": "[]",
  "a truncated message": hello().slice(0, -20),
  "a frame that is no array": "[{\"hello\":{}}]",
  "an object with prototype keys": "{\"__proto__\":{\"length\":1,\"0\":[\"hello\"]}}",
  "a call before the hello": "[[\"call\",0,\"names\",null]]",
  "a ping before the hello": "[[\"ping\"]]",
  "two hellos in one message": `[${hello().slice(1, -1)},${hello().slice(1, -1)}]`,
  "a hello of another version": hello({ protocol: 2 }),
  "a hello without params": "[[\"hello\",{\"protocol\":1,\"actor\":\"Room\",\"key\":\"lobby\"}]]",
  "a negative attach number": hello({ attach: -1 }),
  "a huge attach number": hello({ attach: 1e300 }),
  "a fractional count": hello({ resume: { connection: "x", token: "x", epoch: "x", received: 0.5 } }),
  "a huge count": hello({ resume: { connection: "x", token: "x", epoch: "x", received: 1e300 } }),
  "params that are too long": hello({ params: { name: "x".repeat(70_000), level: "1" } }),
  "a message that is too long": "x".repeat(2_000_000),
  "brackets without end": "[".repeat(500_000),
  "deep brackets": "[".repeat(30_000) + "]".repeat(30_000),
  "invalid UTF-8": withInvalidUtf8(`${hello({ key: "?" })}\n`)
}

describe("a socket that does not begin with a proper hello (39)", () => {
  for (const [what, message] of Object.entries(breaches)) {
    scenario(`${what}: closed with a protocol error, and nobody else notices`, (world) =>
      Effect.gen(function*() {
        const nobodyNoticed = yield* bystander(world)
        const eve = yield* speak(world)
        yield* eve.send(message)
        assert.strictEqual(yield* eve.end, EndCode.codes.ProtocolError)
        assert.deepInclude(eve.frames.at(-1)?.[1].reason, { _tag: "ProtocolError" })
        yield* nobodyNoticed
        const { entriesOf } = yield* Backstage
        assert.deepStrictEqual(yield* entriesOf("onBeforeConnect eve"), [])
      }))
  }

  scenario("a hello with prototype names is an ordinary hello", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const eve = yield* speak(world)
      yield* eve.send(hello({ actor: "__proto__" }))
      assert.deepStrictEqual((yield* eve.receive("bye"))[1].reason, { _tag: "UnknownActor", actor: "__proto__" })
      const mia = yield* speak(world)
      yield* mia.send(hello({ key: "__proto__" }))
      yield* mia.receive("welcome")
      yield* mia.send("[[\"call\",0,\"names\",null]]")
      assert.deepInclude((yield* mia.receive("reply"))[2], { value: ["eve"] })
      yield* nobodyNoticed
    }))

  scenario("deep params are params that do not decode", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const eve = yield* speak(world)
      yield* eve.send(hello({ params: 0 }).replace("\"params\":0", `"params":${"[".repeat(9_000)}${"]".repeat(9_000)}`))
      assert.deepInclude((yield* eve.receive("bye"))[1].reason, { _tag: "InvalidParams" })
      yield* nobodyNoticed
    }))
})

const laterBreaches: Record<string, string> = {
  "garbage": "garbage",
  "a truncated message": "[[\"call\",0,\"na",
  "an unknown frame": "[[\"nonsense\"]]",
  "a frame of the other end": "[[\"reply\",0,{}]]",
  "a second hello": hello({ attach: 2 }),
  "an acknowledgement of what was never sent": "[[\"ack\",9007199254740991]]",
  "a huge acknowledgement": "[[\"ack\",1e300]]",
  "a negative acknowledgement": "[[\"ack\",-1]]",
  "a huge id": "[[\"call\",1e300,\"names\",null]]",
  "the id of a running call":
    "[[\"call\",0,\"waitBeside\",{\"gate\":\"g\"}],[\"call\",0,\"waitBeside\",{\"gate\":\"g\"}]]",
  "headers that are no pairs": "[[\"call\",0,\"names\",null,{\"headers\":[[\"a\"]]}]]"
}

describe("a connection that breaks the protocol (39)", () => {
  for (const [what, message] of Object.entries(laterBreaches)) {
    scenario(`${what}: ended with a protocol error, and nobody else notices`, (world) =>
      Effect.gen(function*() {
        const nobodyNoticed = yield* bystander(world)
        const { awaitEntry, entriesOf } = yield* Backstage
        const eve = yield* speak(world)
        yield* eve.send(hello())
        yield* eve.receive("welcome")
        yield* eve.send(message)
        assert.strictEqual(yield* eve.end, EndCode.codes.ProtocolError)
        assert.deepInclude(eve.frames.at(-1)?.[1].reason, { _tag: "ProtocolError" })
        yield* awaitEntry("onDisconnect eve")
        assert.deepStrictEqual(yield* entriesOf("onDisconnect"), ["onDisconnect eve ProtocolError"])
        yield* nobodyNoticed
      }))
  }

  scenario("names of the prototype are names that the contract does not have", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const eve = yield* speak(world)
      yield* eve.send(hello({ subscriptions: ["__proto__", "constructor", "toString"] }))
      yield* eve.receive("welcome")
      for (const name of ["__proto__", "constructor", "toString"]) {
        yield* eve.send(`[["subscribe","${name}"],["unsubscribe","${name}"],["call",0,"${name}",null]]`)
        assert.deepStrictEqual((yield* eve.receive("refused")).slice(0, 3), ["refused", 0, "UnknownRpc"])
      }
      yield* eve.send(
        "[[\"call\",1,\"echo\",{\"text\":\"hi\",\"__proto__\":{\"polluted\":true}},{\"headers\":[[\"__proto__\",\"x\"]]}]]"
      )
      assert.deepInclude((yield* eve.receive("reply"))[2], { value: "hi" })
      assert.notProperty({}, "polluted")
      yield* nobodyNoticed
    }))

  scenario("acknowledging and interrupting what does not exist does nothing", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const eve = yield* speak(world)
      yield* eve.send(hello())
      yield* eve.receive("welcome")
      yield* eve.send("[[\"chunk-ack\",7],[\"interrupt\",7],[\"pong\"],[\"call\",8,\"names\",null]]")
      assert.deepInclude((yield* eve.receive("reply"))[2], { value: ["ben", "eve"] })
      yield* nobodyNoticed
    }))

  scenario("a client is sent nothing but the events that it subscribed to", (world) =>
    Effect.gen(function*() {
      const ben = yield* join("ben")
      const eve = yield* speak(world)
      yield* eve.send(hello({ subscriptions: ["tick"] }))
      yield* eve.receive("welcome")
      yield* ben.rpc.say({ text: "unheard", toOthers: false })
      yield* eve.send("[[\"subscribe\",\"said\"],[\"call\",0,\"names\",null]]")
      yield* eve.receive("reply")
      assert.notInclude(eve.frames.map(([tag]) => tag), "event")
      yield* ben.rpc.say({ text: "heard", toOthers: false })
      assert.deepStrictEqual(yield* eve.receive("event"), ["event", "said", { from: "ben", text: "heard" }])
    }))

  scenario("a payload that is deep or undecodable is refused alone", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const eve = yield* speak(world)
      yield* eve.send(hello())
      yield* eve.receive("welcome")
      yield* eve.send(`[["call",0,"echo",${"[".repeat(9_000)}${"]".repeat(9_000)}],["call",1,"echo",{"text":"hi"}]]`)
      assert.deepStrictEqual((yield* eve.receive("refused")).slice(0, 3), ["refused", 0, "InvalidPayload"])
      assert.deepInclude((yield* eve.receive("reply"))[2], { value: "hi" })
      yield* nobodyNoticed
    }))

  scenario("a flood that no onConnect has let in is cut off", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const { hooks } = yield* Backstage
      hooks.onConnect = ({ state }) => state.name === "eve" ? Effect.never : Effect.void
      const eve = yield* speak(world)
      yield* eve.send(hello())
      yield* eve.receive("welcome")
      yield* eve.send(`[${range(3_000).map((id) => `["interrupt",${id}]`).join()}]`)
      assert.strictEqual(yield* eve.end, EndCode.codes.ProtocolError)
      yield* nobodyNoticed
    }))

  scenario("sockets that break the protocol leave nothing behind", (world) =>
    Effect.gen(function*() {
      const nobodyNoticed = yield* bystander(world)
      const { awaitEntry } = yield* Backstage
      yield* Effect.forEach(range(50), () =>
        Effect.scoped(Effect.gen(function*() {
          const eve = yield* speak(world)
          yield* eve.send(hello())
          yield* eve.receive("welcome")
          yield* eve.send("garbage")
          yield* eve.end
        })), { concurrency: 10 })
      yield* awaitEntry("onDisconnect eve", 50)
      yield* world.until(
        Effect.repeat(Effect.andThen(Effect.yieldNow, world.network.sockets), { until: (n) => n === 1 })
      )
      assert.strictEqual(yield* Effect.flatMap(ActorHost.ActorHost, ({ size }) => size), 1)
      yield* nobodyNoticed
    }))
})
