/**
 * Joins the room by hand: `npm run chat -- --name ada`.
 */
import { NodeRuntime, NodeServices, NodeWS } from "@effect/platform-node"
import { Effect, FiberSet, Layer, Option, type Redacted, Schema, Stream, SubscriptionRef } from "effect"
import { Command, Flag } from "effect/cli"
import * as ActorClient from "../../src/ActorClient.ts"
import * as ConnectionStatus from "../../src/ConnectionStatus.ts"
import { demoToken } from "./Auth.ts"
import { ChatRoom, type Room } from "./ChatRoom.ts"
import * as ChatServer from "./ChatServer.ts"
import * as Ending from "./Ending.ts"
import * as Format from "./Format.ts"
import * as Heard from "./Heard.ts"
import * as Input from "./Input.ts"
import * as PortFlag from "./PortFlag.ts"
import * as Prompt from "./Prompt.ts"
import * as StatusLine from "./StatusLine.ts"

/** How long typed messages may take to arrive once the typist wants to leave. */
const patience = "2 seconds"

/** Takes part until the typist leaves, or the room ends the connection for good: then it tells why. */
const chat = Effect.fnUntraced(
  function*(options: { readonly name: string; readonly token: Redacted.Redacted<string> }) {
    const { name, token } = options
    const format = yield* Format.Format
    const prompt = yield* Prompt.make
    const room = yield* ChatRoom.connect("lobby", { params: { authToken: token }, subscribe: Heard.subscribe })

    yield* prompt.print(format.dim(Input.help))
    yield* StatusLine.stream(room, { name, format, live: prompt.interactive }).pipe(
      Stream.runForEach(prompt.status),
      Effect.forkScoped
    )
    yield* Heard.stream(room).pipe(
      Stream.runForEach((heard) => prompt.print(format.heard(heard))),
      // Why it ended is in the status.
      Effect.ignore,
      Effect.forkScoped
    )
    const conversation = { room, format, prompt }
    return yield* Effect.raceFirst(Effect.as(converse(conversation), Option.none()), endOf(room, name))
  },
  Effect.scoped
)

interface Conversation {
  readonly room: Room
  readonly format: Format.Format
  readonly prompt: Prompt.Prompt
}

/** Does what is typed until the typist leaves. A message that must wait holds up nothing that is typed after it. */
const converse = Effect.fnUntraced(function*(conversation: Conversation) {
  const { format, prompt, room } = conversation
  const running = yield* FiberSet.make<void>()
  yield* prompt.lines.pipe(
    Stream.map(Input.parse),
    Stream.takeUntil(Input.Input.$is("Quit"), { excludeLast: true }),
    Stream.runForEach((input) => FiberSet.run(running, perform(conversation, input), { startImmediately: true }))
  )
  const { _tag } = yield* SubscriptionRef.get(room.status)
  if (_tag !== "Waiting") yield* FiberSet.awaitEmpty(running).pipe(Effect.timeoutOption(patience))
  const unsent = yield* room.queued
  if (unsent > 0) yield* prompt.print(format.warn(`never sent: ${unsent} of your messages`))
}, Effect.scoped)

const perform = ({ format, prompt, room }: Conversation, input: Input.Input) =>
  Input.Input.$match(input, {
    Nothing: () => Effect.void,
    Quit: () => Effect.void,
    Unknown: ({ help }) => prompt.print(format.dim(help)),
    Post: ({ text }) => room.rpc.post({ text }),
    DirectMessage: ({ text, to }) =>
      Effect.andThen(
        room.rpc.sendDirectMessage({ to, text }),
        prompt.print(`${format.warn("you to")} ${format.name(to)}: ${text}`)
      ),
    Kick: ({ name, reason }) => room.rpc.kick({ name, reason }),
    Who: () => Effect.flatMap(room.rpc.who(), (members) => prompt.print(format.members(members)))
  }).pipe(
    Effect.catch((error) => prompt.print(format.bad(error.message)))
  )

/** Waits until the handle is done, and says why. */
const endOf = (room: Room, name: string) =>
  SubscriptionRef.changes(room.status).pipe(
    Stream.filter(ConnectionStatus.isFinal),
    Stream.map((status) => Format.make(false).status(name, status, 0)),
    Stream.runHead
  )

const command = Command.make("chat", {
  name: Flag.String("name").pipe(
    Flag.withAlias("n"),
    Flag.withSchema(Schema.NonEmptyString),
    Flag.withDescription("Your name in the room; ada is its admin")
  ),
  port: PortFlag.port.pipe(
    Flag.withDefault(ChatServer.defaultPort),
    Flag.withDescription("The port of the server")
  ),
  token: Flag.Redacted("token").pipe(Flag.optional, Flag.withDescription("Your token. Default: one that is let in"))
}, ({ name, port, token }) =>
  chat({ name, token: Option.getOrElse(token, () => demoToken(name)) }).pipe(
    Effect.flatMap(Option.match({ onNone: () => Effect.void, onSome: Ending.fail })),
    Effect.provide(
      ActorClient.layerWebSocket({ url: ChatServer.urlOf(port) }).pipe(Layer.provide(NodeWS.layerWebSocketConstructor))
    )
  )).pipe(Command.withDescription("Joins the chat room that npm start has opened"))

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide([NodeServices.layer, Ending.quiet]),
  NodeRuntime.runMain({ teardown: Ending.teardown })
)
