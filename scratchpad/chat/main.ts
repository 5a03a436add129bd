/**
 * Opens the chat room and tells its story: `npm start`, or `npm start -- --once` to end after it.
 */
import { NodeRuntime, NodeServices, NodeWS } from "@effect/platform-node"
import { Effect, Layer, Option, Predicate, Runtime, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import type { HttpServerError } from "effect/http"
import * as ActorClient from "../../src/ActorClient.ts"
import { demoToken } from "./Auth.ts"
import { ChatRoom } from "./ChatRoom.ts"
import * as ChatServer from "./ChatServer.ts"
import * as Ending from "./Ending.ts"
import { Format } from "./Format.ts"
import * as Heard from "./Heard.ts"
import * as PortFlag from "./PortFlag.ts"
import * as Screen from "./Screen.ts"
import * as Stage from "./Stage.ts"
import * as Storage from "./Storage.ts"
import { story } from "./Story.ts"

/** Tells the story on a server of its own, whose rooms are forgotten afterwards. */
const tellStory = (port: number) =>
  Effect.gen(function*() {
    const { format } = yield* Stage.Stage
    const screen = yield* Screen.Screen
    yield* screen.print(format.bold(`A chat room is open on port ${yield* Stage.port}, for the time of this story.`))
    yield* story
    yield* screen.print(`\n${format.good("All of it was observed, over real WebSockets.")}`)
  }).pipe(Effect.provide(
    Stage.layer.pipe(Layer.provideMerge(ChatServer.layer({ port, page: false })), Layer.provide(Storage.inMemory)),
    { local: true }
  ))

/** Tells the story, and keeps rooms open that outlive the program. */
const open = (port: number, file: string) =>
  Effect.andThen(tellStory(0), stayOpen(file)).pipe(
    Effect.provide(ChatServer.layer({ port, page: true }).pipe(Layer.provide(Storage.inFile(file))))
  )

/** Shows what happens in the lobby. */
const stayOpen = Effect.fnUntraced(function*(file: string) {
  const format = yield* Format
  const screen = yield* Screen.Screen
  const port = yield* Stage.port
  const network = yield* Layer.build(ActorClient.layerWebSocket({ url: ChatServer.urlOf(port) }))
  const room = yield* ChatRoom.connect("lobby", {
    params: { authToken: demoToken("host") },
    subscribe: Heard.subscribe
  }).pipe(Effect.provideContext(network))
  const said = (yield* Stream.runCollect(room.rpc.history({ after: 0 }))).at(-1)?.number ?? 0
  const join = `npm run chat -- --name ben${port === ChatServer.defaultPort ? "" : ` --port ${port}`}`
  yield* screen.print(`\nThe rooms are open. Join them in a browser:\n\n  ${format.bold(ChatServer.pageOf(port))}\n`)
  yield* screen.print(`or from a second terminal:\n\n  ${format.bold(join)}\n`)
  yield* screen.print(
    `What is said is kept in ${file}${said === 0 ? "" : `, where the lobby has ${said} messages of before`}.`
  )
  yield* screen.print(format.dim("Kill this program and start it again: whoever is here goes on. Ctrl-C closes it."))
  yield* screen.print(format.dim("What happens in the lobby:"))
  yield* Stream.runForEach(Heard.stream(room, said), (heard) => screen.print(`  ${format.heard(heard)}`))
}, Effect.scoped)

const cannotServe = (port: number, { cause }: HttpServerError.ServeError) =>
  Predicate.hasProperty(cause, "code") && cause.code === "EADDRINUSE"
    ? `Port ${port} is taken; choose another one with --port.`
    : `The server cannot listen on port ${port}: ${String(cause)}`

const command = Command.make("chat-room", {
  port: PortFlag.port.pipe(
    Flag.optional,
    Flag.withDescription(`The port to listen on. Default: ${ChatServer.defaultPort}, and any free one with --once`)
  ),
  file: Flag.String("file").pipe(
    Flag.withDefault(Storage.defaultFile),
    Flag.withDescription("Where the rooms are kept; not used with --once. Default: .data/chat.db beside the program")
  ),
  once: Flag.Boolean("once").pipe(
    Flag.withDefault(false),
    Flag.withDescription("End after the story: 0 if all went as told, 1 if not")
  )
}, ({ file, once, port: given }) => {
  // Stories of several runs at once must not meet on one port.
  const port = Option.getOrElse(given, () => once ? 0 : ChatServer.defaultPort)
  return (once ? tellStory(port) : open(port, file)).pipe(
    // The clients of the story are in this process too; /metrics shows both ends.
    Effect.provide([NodeWS.layerWebSocketConstructor, Screen.layer, ActorClient.layerMetrics]),
    Effect.catchTags({
      ServeError: (error) => Ending.fail(cannotServe(port, error)),
      StorageError: (error) => Ending.fail(error.message),
      ToldOtherwise: (error) => Ending.fail(`The story went otherwise: ${error.message}`)
    })
  )
}).pipe(Command.withDescription("Opens a chat room and tells its story"))

// Half a story is no success, so with --once Ctrl-C is none either.
const teardown = process.argv.includes("--once") ? Runtime.defaultTeardown : Ending.teardown

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide([NodeServices.layer, Ending.quiet]),
  NodeRuntime.runMain({ teardown })
)
