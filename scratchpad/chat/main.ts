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
import * as Heard from "./Heard.ts"
import * as PortFlag from "./PortFlag.ts"
import * as Screen from "./Screen.ts"
import * as Stage from "./Stage.ts"
import { story } from "./Story.ts"

const program = Effect.fnUntraced(function*(once: boolean) {
  const { format } = yield* Stage.Stage
  const screen = yield* Screen.Screen
  const port = yield* Stage.port
  yield* screen.print(format.bold(`A chat room is open on port ${port}.`))
  const messages = yield* story
  yield* screen.print(`\n${format.good("All of it was observed, over real WebSockets.")}`)
  if (!once) yield* stayOpen(port, messages)
})

/** Keeps the room open and shows what happens in it. */
const stayOpen = Effect.fnUntraced(function*(port: number, messages: number) {
  const { direct, format } = yield* Stage.Stage
  const screen = yield* Screen.Screen
  const room = yield* ChatRoom.connect("lobby", {
    params: { authToken: demoToken("host") },
    subscribe: Heard.subscribe
  }).pipe(Effect.provideContext(direct))
  const join = `npm run chat -- --name ben${port === ChatServer.defaultPort ? "" : ` --port ${port}`}`
  yield* screen.print(`\nThe room stays open. Join it in a browser:\n\n  ${format.bold(ChatServer.pageOf(port))}\n`)
  yield* screen.print(`or from a second terminal:\n\n  ${format.bold(join)}\n`)
  yield* screen.print(format.dim("Ctrl-C closes it. What happens in the room:"))
  yield* Stream.runForEach(Heard.stream(room, messages), (heard) => screen.print(`  ${format.heard(heard)}`))
}, Effect.scoped)

/** Stories of several runs at once must not meet on one port. */
const portOf = (port: Option.Option<number>, once: boolean) =>
  Option.getOrElse(port, () => once ? 0 : ChatServer.defaultPort)

const cannotServe = (port: number, { cause }: HttpServerError.ServeError) =>
  Predicate.hasProperty(cause, "code") && cause.code === "EADDRINUSE"
    ? `Port ${port} is taken; choose another one with --port.`
    : `The server cannot listen on port ${port}: ${String(cause)}`

const command = Command.make("chat-room", {
  port: PortFlag.port.pipe(
    Flag.optional,
    Flag.withDescription(`The port to listen on. Default: ${ChatServer.defaultPort}, and any free one with --once`)
  ),
  once: Flag.Boolean("once").pipe(
    Flag.withDefault(false),
    Flag.withDescription("End after the story: 0 if all went as told, 1 if not")
  )
}, ({ once, port: given }) => {
  const port = portOf(given, once)
  return program(once).pipe(
    Effect.provide(Stage.layer.pipe(
      Layer.provideMerge(ChatServer.layer({ port, page: !once })),
      Layer.provide(NodeWS.layerWebSocketConstructor),
      Layer.merge(Screen.layer),
      // The clients of the story are in this process too; /metrics shows both ends.
      Layer.merge(ActorClient.layerMetrics)
    )),
    Effect.catchTags({
      ServeError: (error) => Ending.fail(cannotServe(port, error)),
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
