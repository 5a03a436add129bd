/**
 * Who somebody is, by a token. An app has its own; this one knows one password and one admin.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { Member, Unauthorized } from "./ChatRoom.ts"
import { tokenOf } from "./Token.ts"

export class Auth extends Context.Service<Auth, {
  readonly verify: (token: Redacted.Redacted<string>) => Effect.Effect<Member, Unauthorized>
}>()("effect-tether/scratchpad/chat/Auth") {}

const password = "sesame"
const admin = "ada"

const longestName = 32

/** The token that lets `name` in. */
export const demoToken = (name: string): Redacted.Redacted<string> =>
  Redacted.make(tokenOf(name, password), { label: "token" })

/** Lets in every name whose token ends in the password. Not for production: see `demoToken`. */
export const layerDemo = Layer.succeed(Auth, {
  verify: Effect.fnUntraced(function*(token: Redacted.Redacted<string>) {
    const text = Redacted.value(token)
    const colon = text.lastIndexOf(":")
    if (colon < 1) return yield* new Unauthorized({ name: "a stranger", hint: "the token has no name" })
    const name = text.slice(0, colon)
    if (name.length > longestName) {
      return yield* new Unauthorized({ name: name.slice(0, longestName), hint: "the name is too long" })
    }
    if (text.slice(colon + 1) !== password) {
      return yield* new Unauthorized({ name, hint: "the password of the token is wrong" })
    }
    return new Member({ name, role: name === admin ? "admin" : "member" })
  })
})
