/**
 * The flag by which both programs take the port of the server.
 */
import { Schema } from "effect"
import { Flag } from "effect/cli"

const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))

export const port = Flag.Int("port").pipe(Flag.withAlias("p"), Flag.withSchema(Port))
