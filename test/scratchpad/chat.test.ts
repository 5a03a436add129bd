import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Option, Queue, Stream, SubscriptionRef } from "effect"
import { ChildProcess } from "effect/process"
import { TestClock } from "effect/testing"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import * as Auth from "../../scratchpad/chat/Auth.ts"
import { ChatRoom, type Room } from "../../scratchpad/chat/ChatRoom.ts"
import * as ChatRoomServer from "../../scratchpad/chat/ChatRoomServer.ts"
import * as Format from "../../scratchpad/chat/Format.ts"
import { Input, parse } from "../../scratchpad/chat/Input.ts"
import { key, RoomList } from "../../scratchpad/chat/RoomList.ts"
import * as Told from "../../scratchpad/chat/Told.ts"
import * as Transcript from "../../scratchpad/chat/Transcript.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorStorage from "../../src/ActorStorage.ts"
import { Kicked } from "../../src/DisconnectReason.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"

const { demoToken } = Auth

const folder = fileURLToPath(new URL("../../scratchpad/chat/", import.meta.url))

const start = (program: string, args: ReadonlyArray<string>, stdin: Stream.Stream<string>) =>
  ChildProcess.make(process.execPath, [`${folder}${program}`, ...args], {
    stdin: Stream.encodeText(stdin),
    env: { NO_COLOR: "1" },
    extendEnv: true
  })

/** Runs a program to its end. */
const finish = Effect.fnUntraced(function*(program: string, args: ReadonlyArray<string>) {
  const handle = yield* start(program, args, Stream.empty)
  const [stdout, stderr, exitCode] = yield* Effect.all([
    Stream.mkString(Stream.decodeText(handle.stdout)),
    Stream.mkString(Stream.decodeText(handle.stderr)),
    handle.exitCode
  ], { concurrency: "unbounded" })
  return { stdout, stderr, exitCode: Number(exitCode) }
}, Effect.scoped)

/** Starts a program and goes on while it runs. */
const watch = Effect.fnUntraced(function*(program: string, args: ReadonlyArray<string>) {
  const typed = yield* Queue.unbounded<string>()
  const handle = yield* start(program, args, Stream.fromQueue(typed))
  const screen = yield* SubscriptionRef.make("")
  yield* Stream.decodeText(handle.all).pipe(
    Stream.runForEach((text) => SubscriptionRef.update(screen, (all) => all + text)),
    Effect.forkScoped
  )
  return {
    type: (line: string) => Queue.offer(typed, `${line}\n`),
    sees: (text: string) =>
      SubscriptionRef.changes(screen).pipe(
        Stream.filter((all) => all.includes(text)),
        Stream.runHead,
        Effect.map(Option.getOrThrow),
        Effect.timeout("20 seconds"),
        Effect.catch(() =>
          Effect.flatMap(SubscriptionRef.get(screen), (all) => Effect.die(`"${text}" did not come, but:\n${all}`))
        )
      ),
    pressCtrlC: handle.kill({ killSignal: "SIGINT" }),
    die: handle.kill({ killSignal: "SIGKILL" }),
    exitCode: Effect.map(handle.exitCode, Number)
  }
})

const portTaken = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

describe("the story", () => {
  it.live("comes true from beginning to end", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* finish("main.ts", ["--once"])
      assert.strictEqual(stderr, "")
      const sentences = [
        "the refusal is typed: it names her and tells what is wrong",
        "ben gets the direct message",
        "ada kicks him: \"Too many watches\"",
        "two tries to reach the server fail, and ben's client backs off",
        "the queued messages are sent, and none waits any more",
        "ben hears what was said while he was away",
        "ben has read all 14 messages: none lost, none twice, in order",
        "in the middle of it the server is killed, without time for a word",
        "the room has every verse once, those from before and those from after",
        "eve has the connection that she had, since the room remembers its members too",
        "All of it was observed"
      ]
      assert.deepStrictEqual(sentences.filter((sentence) => !stdout.includes(sentence)), [])
      assert.match(stdout, /ben is away: next try in \d\.\d s, 3 messages queued/)
      assert.isFalse(stdout.includes("\u001b"))
      assert.strictEqual(exitCode, 0)
    }).pipe(Effect.provide(NodeServices.layer)), 60_000)

  it.live("is not begun on a port that is taken", () =>
    Effect.gen(function*() {
      const port = yield* portTaken
      const { exitCode, stderr } = yield* finish("main.ts", ["--once", "--port", `${port}`])
      assert.strictEqual(stderr, `Port ${port} is taken; choose another one with --port.\n`)
      assert.strictEqual(exitCode, 1)
    }).pipe(Effect.provide(NodeServices.layer)), 30_000)

  it.live(
    "leaves rooms that are joined by hand, that Ctrl-C closes, and that outlive the program",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/new/chat.db`
        const main = yield* watch("main.ts", ["--port", "0", "--file", file])
        const opened = yield* main.sees("What happens in the lobby")
        const port = /--name ben --port (\d+)/.exec(opened)?.[1] ?? "none"
        assert.include(opened, `http://127.0.0.1:${port}/`)
        const page = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/page.js`))
        assert.deepStrictEqual([page.status, page.headers.get("content-type")], [200, "text/javascript; charset=utf-8"])

        const zoe = yield* watch("join.ts", ["--name", "zoe", "--port", port])
        yield* zoe.sees("zoe is connected")
        yield* main.sees("zoe has joined")
        yield* zoe.type("Hello, room")
        yield* zoe.sees("zoe: Hello, room")
        yield* main.sees("zoe: Hello, room")
        yield* zoe.type("/who")
        yield* zoe.sees("host, zoe")
        yield* zoe.type("/msg max hi")
        yield* zoe.sees("max is not in the room")

        // The program is killed, and started again: zoe goes on, and the lobby knows what she said.
        yield* main.die
        yield* zoe.sees("zoe is away")
        yield* zoe.type("Are you still there?")
        const again = yield* watch("main.ts", ["--port", port, "--file", file])
        yield* again.sees("of before")
        yield* zoe.sees("zoe: Are you still there?")
        yield* zoe.type("/quit")
        assert.strictEqual(yield* zoe.exitCode, 0)
        yield* again.sees("zoe has left")

        const eve = yield* watch("join.ts", ["--name", "eve", "--token", "eve:guess", "--port", port])
        yield* eve.sees("eve is refused: the password of the token is wrong")
        assert.strictEqual(yield* eve.exitCode, 1)

        yield* again.pressCtrlC
        assert.strictEqual(yield* again.exitCode, 0)
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000
  )
})

describe("what the story checks", () => {
  const said = [{ from: "ada", text: "one" }, { from: "ben", text: "two" }, { from: "ada", text: "three" }]
  const [one, two, three] = [{ from: "ada", text: "one" }, { from: "ben", text: "two" }, { from: "ada", text: "three" }]

  it("has no complaint when all was read once and in order", () => {
    assert.deepStrictEqual(Told.complaints(said, [...said]), [])
  })

  it("complains of a message that was lost", () => {
    assert.deepStrictEqual(Told.complaints(said, [one, three]), ["\"two\" of ben is lost"])
  })

  it("complains of a message that came twice", () => {
    assert.deepStrictEqual(Told.complaints(said, [one, two, two, three]), ["\"two\" of ben came twice"])
  })

  it("complains of a message that nobody said", () => {
    assert.deepStrictEqual(Told.complaints(said, [...said, { from: "ben", text: "one" }]), [
      "\"one\" of ben was never said"
    ])
  })

  it("complains of messages in the wrong order", () => {
    assert.deepStrictEqual(Told.complaints(said, [one, three, two]), [
      "\"three\" of ada came where \"two\" of ben belongs"
    ])
  })

  it.effect("waits for what it expects, and after a while fails with what was there instead", () =>
    Effect.gen(function*() {
      const ref = yield* SubscriptionRef.make(1)
      const isThree = (n: number): n is 3 => n === 3
      const patient = yield* Effect.forkChild(Told.soon(ref, isThree, String), { startImmediately: true })
      yield* SubscriptionRef.set(ref, 3)
      assert.strictEqual(yield* Fiber.join(patient), 3)

      yield* SubscriptionRef.set(ref, 2)
      const disappointed = yield* Effect.forkChild(Effect.flip(Told.soon(ref, isThree, String)), {
        startImmediately: true
      })
      yield* TestClock.adjust(Told.patience)
      assert.strictEqual((yield* Fiber.join(disappointed)).message, "2")
    }))

  it.effect("counts until the number is right, and after a while fails with the last one", () =>
    Effect.gen(function*() {
      const failing = yield* Effect.forkChild(Effect.flip(Told.soonCounts(Effect.succeed(2), 3)), {
        startImmediately: true
      })
      yield* TestClock.adjust(Told.patience)
      assert.strictEqual((yield* Fiber.join(failing)).message, "2 instead of 3")
      yield* Told.soonCounts(Effect.succeed(3), 3)
    }))
})

const join = (name: string, room = "lobby") =>
  ChatRoom.connect(room, { params: { authToken: demoToken(name) }, subscribe: ["posted", "presence"] })

/** The standings that somebody was told one after the other, as `ada joined`; all at once in one line. */
const presenceIn = (room: Room) =>
  room.events.presence.pipe(
    Stream.map(({ members }) => members.map(({ name, standing }) => `${name} ${standing}`).join(", "))
  )

const ChatLayer = TestNetwork.layer.pipe(
  Layer.provide(ChatRoomServer.layer),
  Layer.provide(ActorHost.layerLocal()),
  Layer.provide([
    Auth.layerDemo,
    ActorStorage.layerMemory
  ])
)

describe("the room", () => {
  it.effect("says what is posted twice under one draft once, and without a draft twice", () =>
    Effect.gen(function*() {
      const ada = yield* join("ada")
      const ben = yield* join("ben")
      yield* ada.rpc.post({ text: "hello", draft: "1" })
      yield* ada.rpc.post({ text: "hello", draft: "1" })
      yield* ben.rpc.post({ text: "hello", draft: "1" })
      yield* ada.rpc.post({ text: "hello" })
      yield* ada.rpc.post({ text: "hello" })
      const posted = yield* ben.events.posted.pipe(Stream.take(4), Stream.runCollect)
      assert.deepStrictEqual(posted.map(({ from, number }) => `${number} ${from}`), [
        "1 ada",
        "2 ben",
        "3 ada",
        "4 ada"
      ])
    }).pipe(Effect.provide(ChatLayer)))

  it.effect("tells who comes of everybody, and then of each change", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const ada = yield* join("ada")
      yield* ada.rpc.who()
      const ben = yield* join("ben")
      yield* ben.rpc.who()
      const seen = yield* presenceIn(ada).pipe(Stream.take(5), Stream.runCollect, Effect.forkChild)
      const [, link] = yield* network.links
      yield* network.refuse
      yield* link!.cut
      yield* TestClock.adjust("10 seconds")
      yield* network.heal
      yield* TestClock.adjust("30 seconds")
      yield* ben.disconnect("going home")
      assert.deepStrictEqual(yield* Fiber.join(seen), [
        "ada joined",
        "ben joined",
        "ben suspended",
        "ben joined",
        "ben gone"
      ])
      const cleo = yield* join("cleo")
      const [first] = yield* presenceIn(cleo).pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(first, "ada joined, cleo joined, ben gone")
    }).pipe(Effect.provide(ChatLayer)))

  it.effect("is read on by somebody who was away until it slept, and woke with all that was said", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork
      const ada = yield* join("ada")
      const read = yield* Queue.unbounded<string>()
      yield* Transcript.messages(ada, 0).pipe(
        Stream.runForEach(({ number, text }) => Queue.offer(read, `${number} ${text}`)),
        Effect.forkScoped
      )
      yield* Effect.forEach(["one", "two", "three"], (text) => ada.rpc.post({ text }))
      assert.deepStrictEqual(yield* Queue.takeN(read, 3), ["1 one", "2 two", "3 three"])
      yield* network.refuse
      yield* network.cut
      yield* TestClock.adjust("20 minutes")
      yield* network.heal
      yield* TestClock.adjust("1 minute")
      yield* ada.rpc.post({ text: "four" })
      assert.deepStrictEqual(yield* Queue.take(read), "4 four")
    }).pipe(Effect.provide(ChatLayer)))

  it.effect("is listed with its members and its last message, unless its name could not be", () =>
    Effect.gen(function*() {
      const list = yield* RoomList.connect(key, { params: { authToken: demoToken("eve") }, subscribe: ["rooms"] })
      const ada = yield* join("ada", "cellar")
      yield* (yield* join("ben", "<b>")).rpc.post({ text: "hidden" })
      yield* ada.rpc.post({ text: "hello" })
      const seen = yield* list.events.rooms.pipe(
        Stream.map(({ rooms }) => rooms.map(({ last, members, name }) => `${name} ${members} ${last}`)),
        Stream.filter((rooms) => rooms.includes("cellar 1 1")),
        Stream.runHead
      )
      assert.deepStrictEqual(Option.getOrThrow(seen), ["lobby 0 0", "kitchen 0 0", "workshop 0 0", "cellar 1 1"])
    }).pipe(Effect.provide(ChatLayer)))
})

describe("what is typed", () => {
  it("is said to all unless it begins with a slash", () => {
    assert.deepStrictEqual(parse("  hello there "), Input.Post({ text: "hello there" }))
    assert.deepStrictEqual(parse("   "), Input.Nothing())
  })

  it("is a command when it begins with a slash", () => {
    assert.deepStrictEqual(parse("/who"), Input.Who())
    assert.deepStrictEqual(parse("/quit"), Input.Quit())
    assert.deepStrictEqual(parse("/msg ben see  you"), Input.DirectMessage({ to: "ben", text: "see you" }))
    assert.deepStrictEqual(parse("/kick dan too many watches"), Input.Kick({ name: "dan", reason: "too many watches" }))
  })

  it("gets help when the command is unknown or lacks something", () => {
    assert.deepStrictEqual(["/nope", "/msg", "/msg ben", "/kick"].map((line) => parse(line)._tag), [
      "Unknown",
      "Unknown",
      "Unknown",
      "Unknown"
    ])
  })
})

describe("what is shown", () => {
  const plain = Format.make(false)

  it("tells in words where the client stands", () => {
    const kicked = { _tag: "Disconnected", reason: Kicked.make({ reason: "too loud" }) } as const
    assert.strictEqual(plain.status("ada", { _tag: "Connecting", attempt: 0 }, 0), "ada is connecting")
    assert.strictEqual(
      plain.status("ada", { _tag: "Connecting", attempt: 2 }, 1),
      "ada is connecting again, 1 message queued"
    )
    assert.strictEqual(plain.status("ada", kicked, 0), "ada is kicked: too loud")
  })

  it("has colours only where they are wanted", () => {
    assert.strictEqual(plain.said("ada", "hi"), "ada: hi")
    assert.strictEqual(Format.make(true).said("ada", "hi"), "\u001b[93mada\u001b[0m: hi")
  })
})
