/**
 * The scene of the story in which the server dies: a process of its own, killed in the middle of a sentence and started
 * again on the same file.
 */
import { Deferred, Effect, Fiber, FileSystem, Layer, Path, Stream, SubscriptionRef } from "effect"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import * as Client from "../../src/ActorClient.ts"
import * as Ports from "../Ports.ts"
import * as ChatServer from "./ChatServer.ts"
import { chapter, tell } from "./Stage.ts"
import * as Told from "./Told.ts"
import * as Witness from "./Witness.ts"

const program = fileURLToPath(new URL("./serve.ts", import.meta.url))

const lines = Array.from({ length: 12 }, (_, i) => `Verse ${i + 1} of my ballad`)

/** Starts the server, and waits until it is open. */
const serve = Effect.fnUntraced(function*(file: string, port: number) {
  const handle = yield* ChildProcess.make(process.execPath, [program, "--file", file, "--port", `${port}`], {
    extendEnv: true,
    killSignal: "SIGKILL"
  })
  const open = yield* Deferred.make<void, Told.Otherwise>()
  yield* Stream.decodeText(handle.all).pipe(
    Stream.splitLines,
    Stream.runForEach((line) =>
      line === "open" ? Deferred.succeed(open, undefined) : Deferred.fail(open, new Told.Otherwise({ seen: line }))
    ),
    Effect.forkScoped
  )
  yield* Deferred.await(open)
  return handle
})

const connectionOf = ({ room }: Witness.Witness) =>
  Effect.map(SubscriptionRef.get(room.status), (status) => status._tag === "Connected" ? status.id : status._tag)

const recite = ({ room }: Witness.Witness) =>
  Effect.forEach(lines, (text) => room.rpc.post({ text }), { concurrency: 3, discard: true })

export const tellKilling = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* chapter("Eve recites a ballad, and her server is killed")
  const folder = yield* fs.makeTempDirectoryScoped()
  const file = path.join(folder, "chat.db")
  // The server must come back to where its clients look for it.
  const port = yield* Ports.free
  const network = yield* Layer.build(Client.layerWebSocket({ url: ChatServer.urlOf(port) }))
  const server = yield* tell("a server of its own keeps the rooms in a file", serve(file, port))
  const eve = yield* Witness.make("eve", network)
  const finn = yield* Witness.make("finn", network)
  yield* tell("eve and finn are connected", Effect.forEach([eve, finn], (one) => Witness.stands(one, "Connected")))
  const before = yield* connectionOf(eve)
  const ballad = yield* Effect.forkScoped(recite(eve))
  yield* Witness.hears(finn, "Posted", ({ message }) => message.text === lines[3])
  yield* tell(
    "in the middle of it the server is killed, without time for a word",
    Effect.andThen(server.kill({ killSignal: "SIGKILL" }), Witness.stands(eve, "Waiting"))
  )
  yield* tell("it is started again on the same file", serve(file, port))
  yield* tell("every verse that waited is sent, and each has its reply", Fiber.join(ballad))
  yield* tell(
    "the room has every verse once, those from before and those from after",
    Effect.flatMap(Stream.runCollect(eve.room.rpc.history({ after: 0 })), (history) => hasAll(history))
  )
  yield* tell(
    "eve has the connection that she had, since the room remembers its members too",
    Effect.flatMap(connectionOf(eve), (after) => Told.holds(after === before, `${before} became ${after}`))
  )
  yield* tell(
    "finn, who was told of the restart, has read the whole ballad",
    Effect.andThen(
      Effect.forEach(lines, (text) => Witness.hears(finn, "Posted", ({ message }) => message.text === text)),
      Effect.flatMap(Witness.heardOf(finn, "Posted"), (posted) => hasAll(posted.map(({ message }) => message)))
    )
  )
}).pipe(Effect.scoped)

/** Three verses are on their way at a time, and come in an order of their own. */
const hasAll = (read: ReadonlyArray<Told.Said>) => {
  const texts = read.map(({ text }) => text)
  return Told.holds(
    texts.length === lines.length && lines.every((line) => texts.includes(line)),
    `there are ${texts.length} verses: ${texts.join(", ")}`
  )
}
