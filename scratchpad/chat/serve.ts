/**
 * The chat server and nothing else, on a file: `node scratchpad/chat/serve.ts --file chat.db --port 3210`. It says `open`
 * when clients may come. The story kills one of these in the middle of a sentence.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import * as ChatServer from "./ChatServer.ts"
import * as Ending from "./Ending.ts"
import * as PortFlag from "./PortFlag.ts"
import * as Storage from "./Storage.ts"

const command = Command.make("chat-server", {
  port: PortFlag.port,
  file: Flag.String("file").pipe(Flag.withDescription("Where the rooms are kept"))
}, ({ file, port }) =>
  Layer.launch(
    Layer.effectDiscard(Console.log("open")).pipe(
      Layer.provide(ChatServer.layer({ port, page: false })),
      Layer.provide(Storage.inFile(file))
    )
  )).pipe(Command.withDescription("Serves the chat room"))

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide([NodeServices.layer, Ending.quiet]),
  NodeRuntime.runMain({ teardown: Ending.teardown })
)
